"""Surfaces and lesions of whole cases: stated values where a region is empty, and rules that are refused."""

import numpy as np
import pytest

from synthtrust.metrics import SurfaceRules, surfaces_of_case
from synthtrust.refusals import Refusal

REGIONS = {"ET": (3,), "TC": (1, 3)}


def scored(prediction, reference, **changes):
    return surfaces_of_case(prediction, reference, (1, 1, 2), 50.0, REGIONS, SurfaceRules(), **changes).regions


def test_values_where_a_region_is_empty():
    nothing, something = np.zeros((2, 8, 8, 8), np.uint8)
    something[2:6, 2:6, 2:6] = 3
    for region in scored(nothing, nothing):
        assert list(region.columns.values()) == [0, 1, 1, 0, 0, 0, 0]
    for region in scored(nothing, nothing, empty="nan"):
        np.testing.assert_equal(list(region.columns.values()), [*[np.nan] * 4, 0, 0, 0])
    for empty in ("brats", "nan"):
        for region in scored(nothing, something, empty=empty):
            assert list(region.columns.values()) == [50, 0, 0, 50, 1, 0, 0]
        for region in scored(something, nothing, empty=empty):
            assert list(region.columns.values()) == [50, 0, 0, 50, 0, 0, 1]


def test_a_region_is_the_union_of_its_labels_whatever_the_type_of_the_map():
    rng = np.random.default_rng(0)
    prediction, reference = rng.integers(0, 4, size=(2, 7, 6, 5)).astype(np.uint8)
    merged = [np.where(np.isin(labels, (1, 3)), 1, 0).astype(np.uint8) for labels in (prediction, reference)]
    alone = surfaces_of_case(*merged, (1, 1, 2), 50.0, {"TC": [1]}, SurfaceRules()).regions[0]
    assert scored(prediction, reference)[1] == alone
    assert scored(prediction.astype(np.int64), reference.astype(np.int64))[1] == alone


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"tolerance": 0}, "surfaces.tolerance above 0 mm, but got 0"),
        ({"tolerance": {"ET": 1.0, "TC": 0}}, "surfaces.tolerance above 0 mm"),
        ({"lesion_dilation": -1.0}, "surfaces.lesion_dilation of at least 0"),
    ],
)
def test_impossible_rules_are_refused(rules, words):
    with pytest.raises(Refusal, match=words):
        SurfaceRules(**rules)


def test_each_region_needs_its_tolerance():
    rules = SurfaceRules({"ET": 1, "TC": 2})
    assert rules.facts(["ET", "TC"])["tolerance"] == {"ET": 1.0, "TC": 2.0}
    with pytest.raises(Refusal, match="none for WT"):
        rules.facts(["ET", "TC", "WT"])
    with pytest.raises(Refusal, match=r"but got TC"):
        rules.facts(["ET"])
