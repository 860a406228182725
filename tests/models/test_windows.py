"""Windows are spread evenly over a case, cover it, and are no more than MONAI's."""

import numpy as np
import pytest
import torch
from monai.inferers import SimpleInferer, SlidingWindowInferer

from synthtrust.models.windows import even_overlap, spread_over


def starts(sides, window, overlap):
    """Return where the windows of MONAI begin, as a network sees them: the case is made of its own positions."""
    grids = torch.meshgrid(*(torch.arange(side, dtype=torch.float32) for side in sides), indexing="ij")
    seen = []

    def network(windows):
        seen.extend(tuple(int(x) for x in one[:, 0, 0, 0]) for one in windows)
        return windows[:, :1]

    SlidingWindowInferer(window, 4, overlap)(torch.stack(grids)[None], network)
    return seen


@pytest.mark.parametrize("seed", range(12))
def test_windows_are_even_cover_the_case_and_are_no_more(seed):
    """For any case, window and overlap: steps differ by the rest of a division, and the overlap is kept."""
    rng = np.random.default_rng(seed)
    window = tuple(int(n) for n in rng.choice([8, 12, 13, 24], 3))
    sides = tuple(int(length + rng.integers(0, 30)) for length in window)
    least = float(rng.choice([0, 0.25, 0.375, 0.5, 0.6]))
    seen = starts(sides, window, even_overlap(sides, window, [least] * 3))
    assert len(seen) <= len(starts(sides, window, least))
    for axis, (side, length) in enumerate(zip(sides, window, strict=True)):
        line = sorted({place[axis] for place in seen})
        steps = np.diff(line)
        assert (line[0], line[-1]) == (0, side - length)
        assert all(step <= max(1, int(length * (1 - least))) for step in steps)
        assert len(steps) < 2 or (len(set(steps[:-1])) == 1 and 0 <= steps[0] - steps[-1] <= len(steps))


def test_a_case_smaller_than_a_window_is_one_window():
    assert even_overlap((20, 8, 8), (8, 8, 16), [0.5] * 3)[1:] == (0.5, 0.5)
    inferer = spread_over(SlidingWindowInferer((16, 16, 16), 1, 0.5), (9, 10, 11))
    assert inferer(torch.ones(1, 1, 9, 10, 11), lambda windows: 2 * windows).unique().tolist() == [2.0]


def test_the_inferer_of_the_config_stays_as_it_is():
    """Cases differ in size, so that each has an inferer of its own."""
    inferer = SlidingWindowInferer(64, 4, 0.375, mode="gaussian")
    spread = spread_over(inferer, (146, 166, 144))
    assert (inferer.overlap, spread.overlap) == (0.375, even_overlap((146, 166, 144), [64] * 3, [0.375] * 3))
    assert (spread.mode, spread.sw_batch_size, spread.roi_size) == (inferer.mode, 4, 64)


@pytest.mark.parametrize("other", [SimpleInferer(), SlidingWindowInferer((8, -1, 8)), SlidingWindowInferer((8, 8))])
def test_another_inferer_is_left_alone(other):
    assert spread_over(other, (20, 20, 20)) is other
