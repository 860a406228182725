"""Lesions against the rules written out step by step over whole arrays, and against planted lesions."""

import numpy as np
import pytest
from scipy import ndimage

from synthtrust.metrics import SurfaceRules, surfaces_of_case
from synthtrust.metrics.functional.lesions import Lesion, find_lesions, lesion_scores
from synthtrust.metrics.functional.surfaces import surface_distances

EVERY = np.ones((3, 3, 3))


def plainly(prediction, reference, spacing, worst, dilation):
    """Follow the rules without any box and without any short cut."""
    distance = ndimage.distance_transform_edt(~reference, sampling=spacing) if reference.any() else np.inf
    around, n_lesions = ndimage.label(np.broadcast_to(distance <= dilation, reference.shape), EVERY)
    pieces, n_pieces = ndimage.label(prediction, EVERY)
    lesions, claimed = [], set()
    for number in range(1, n_lesions + 1):
        lesion = reference & (around == number)
        own = set(pieces[around == number].tolist()) - {0}
        claimed |= own
        found = np.isin(pieces, sorted(own))
        apart = surface_distances(found, lesion, spacing).hausdorff_95 if own else worst
        lesions.append(Lesion(int(lesion.sum()), int(found.sum()), int((lesion & found).sum()), apart))
    false = [int((pieces == n).sum()) for n in range(1, n_pieces + 1) if n not in claimed]
    return [*lesions, *(Lesion(0, size, 0, worst) for size in false)]


def spots(rng, shape, count):
    """Return a mask of small boxes."""
    mask = np.zeros(shape, bool)
    for start in rng.integers(0, np.array(shape) - 4, size=(count, 3)):
        mask[tuple(slice(s, s + side) for s, side in zip(start, rng.integers(1, 4, size=3), strict=True))] = True
    return mask


@pytest.mark.parametrize("dilation", [0.0, 1.0, 3.0])
def test_lesions_are_those_of_the_rules_written_out(dilation):
    spacing, shape = (1.0, 1.5, 2.0), (20, 18, 12)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        reference = spots(rng, shape, seed % 5)
        prediction = spots(rng, shape, 3) | (np.roll(reference, 1, axis=0) if seed % 2 else reference)
        arguments = {"worst": 40.0, "dilation": dilation}
        found = find_lesions(prediction, reference, spacing, **arguments)
        expected = plainly(prediction, reference, spacing, *arguments.values())
        order = [lambda lesion: (lesion.n_reference == 0, lesion.n_reference, lesion.n_prediction, lesion.n_overlap)]
        assert sorted(found, key=order[0]) == sorted(expected, key=order[0])


def test_pieces_close_together_are_one_lesion():
    reference = np.zeros((30, 10, 10), bool)
    reference[2:5, 2:5, 2:5] = reference[9:12, 2:5, 2:5] = True  # four voxels of nothing in between
    for spacing, n_lesions in (((1, 1, 1), 1), ((2, 1, 1), 2)):
        assert len(find_lesions(reference, reference, spacing, worst=50.0, dilation=3.0)) == n_lesions


def test_missed_false_and_small_lesions():
    reference, prediction = np.zeros((2, 40, 12, 12), bool)
    reference[2:8, 2:8, 2:8] = reference[18:24, 2:8, 2:8] = True  # 216 voxels each
    reference[33:35, 2:4, 2:4] = True  # 8 voxels
    prediction[2:8, 2:8, 2:8] = True
    prediction[34:36, 2:4, 2:4] = True  # belongs to the small one
    prediction[28, 10, 10] = True  # to none
    lesions = find_lesions(prediction, reference, (1, 1, 1), worst=43.0)
    assert [lesion.n_overlap > 0 for lesion in lesions] == [True, False, True, False]
    assert lesion_scores(lesions, 1.0, worst=43.0) == (pytest.approx(1 / 3), pytest.approx(2 * 43 / 3))
    dice, distance = lesion_scores(lesions, 1.0, worst=43.0, min_volume=0)
    assert (dice, distance) == (pytest.approx((1 + 0.5) / 4), pytest.approx((2 * 43 + lesions[2].hd95) / 4))
    assert lesion_scores(lesions, 10.0, worst=43.0) == (dice, distance)  # 80 mm3: it counts on larger voxels


@pytest.mark.parametrize(("empty", "expected"), [("brats", (1.0, 0.0)), ("nan", (np.nan, np.nan))])
def test_the_rule_decides_where_there_is_nothing(empty, expected):
    np.testing.assert_equal(lesion_scores([], 1.0, worst=9.0, empty=empty), expected)
    small = [Lesion(5, 0, 0, 9.0)]
    np.testing.assert_equal(lesion_scores(small, 1.0, worst=9.0, empty=empty), expected)
    assert lesion_scores([Lesion(0, 3, 0, 9.0)], 1.0, worst=9.0, empty=empty) == (0.0, 9.0)


def test_lesions_and_their_order_do_not_hang_on_the_prediction():
    rules = SurfaceRules(lesion_dilation=3.0)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        reference = spots(rng, (24, 20, 14), 5).astype(np.uint8)
        sizes = set()
        for count in (0, 1, 6):
            prediction = spots(rng, reference.shape, count).astype(np.uint8)
            (region,) = surfaces_of_case(prediction, reference, (1, 1.5, 2), 40.0, {"core": [1]}, rules).regions
            sizes.add(tuple(lesion.n_reference for lesion in region.lesions))
        assert len(sizes) == 1
