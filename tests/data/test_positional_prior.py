"""The prior of positions: what a segmenter that looks at no image scores."""

from dataclasses import dataclass

import numpy as np
import pytest

from synthtrust.data import PositionalPrior
from synthtrust.refusals import Refusal

REGIONS = {"core": (1,), "whole": (1, 2)}


@dataclass
class LabelMap:
    """What the prior asks of a prepared case."""

    array: np.ndarray

    def label(self):
        return self.array


def blob(shape, centre, radius):
    """Return a ball of label 1 within one of label 2; centre and radius in shares of the shape."""
    grid = np.stack(np.meshgrid(*((np.arange(n) + 0.5) / n for n in shape), indexing="ij"), axis=-1)
    distance = np.linalg.norm(grid - np.asarray(centre), axis=-1)
    return LabelMap((np.where(distance < radius, 2, 0) - (distance < radius / 2)).astype(np.uint8))


def test_what_always_lies_in_the_same_place_is_found_on_grids_of_any_size():
    train = [blob((20 + i, 24, 18 + i), (0.5, 0.4, 0.6), 0.3) for i in range(6)]
    prior = PositionalPrior.fit(train, REGIONS, "brats")
    assert (prior.dice(blob((33, 40, 29), (0.5, 0.4, 0.6), 0.3)) > 0.85).all()


@pytest.mark.parametrize("draw", range(3))
def test_what_lies_anywhere_is_hardly_found_and_no_threshold_would_do_better(draw):
    rng = np.random.default_rng(draw)
    cases = [blob((24, 24, 24), rng.uniform(0.2, 0.8, 3), 0.15) for _ in range(60)]
    prior = PositionalPrior.fit(cases[:40], REGIONS, "brats")
    core, whole = np.mean([prior.dice(case) for case in cases[40:]], axis=0)
    assert core < whole < 0.3


def test_the_dice_is_that_of_the_voxels_above_the_threshold():
    cases = [blob((16, 18, 20), (0.5, 0.5, 0.5 + 0.03 * i), 0.3) for i in range(4)]
    prior = PositionalPrior.fit(cases, {"whole": (1, 2)}, "nan")
    (threshold,), case = prior.thresholds, blob((48, 48, 48), (0.5, 0.5, 0.5), 0.3)
    predicted, reference = prior.probability[0].numpy() >= threshold, case.array > 0
    expected = 2 * (predicted & reference).sum() / (predicted.sum() + reference.sum())
    assert prior.dice(case) == pytest.approx([expected])


@pytest.mark.parametrize(("rule", "expected"), [("brats", 1.0), ("nan", np.nan)])
def test_where_no_case_has_a_region_nothing_is_predicted(rule, expected):
    empty = LabelMap(np.zeros((10, 10, 10), np.uint8))
    rare = [empty] * 9 + [blob((10, 10, 10), (0.5, 0.5, 0.5), 0.4)]
    dice = PositionalPrior.fit(rare, {"whole": (1, 2)}, rule).dice(empty)
    if rule == "brats":
        np.testing.assert_equal(dice, [expected])  # 1 for nine of ten is more than a ball in all
    else:
        assert dice[0] == 0  # the one case that has it decides where to predict it


def test_without_training_cases_it_is_refused():
    with pytest.raises(Refusal, match="got none"):
        PositionalPrior.fit([], REGIONS, "brats")
