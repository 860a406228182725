"""Which cases stand for both sides, and what is read of each."""

import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from helpers.painted_sets import SPACES, N
from helpers.synthetic_sets import plane
from synthtrust.audits.fidelity.cases import FeatureTask, choose_comparison, extract_case_features
from synthtrust.audits.sets import synthetic_sets
from synthtrust.cases import Case
from synthtrust.refusals import CaseError
from synthtrust.testing import tiny_cohort


def test_no_patient_stands_on_both_sides(runs):
    (one,) = synthetic_sets([runs["honest"]])
    sides = choose_comparison(one, 1000, 0)
    assert {case.patient for case in sides.real}.isdisjoint(case.patient for case in sides.synthetic)
    outside = replace(one, train=(), twins_of_train=(), holdout=(*one.train, *one.holdout),
                      twins_of_holdout=(*one.twins_of_train, *one.twins_of_holdout))  # fmt: skip
    halves = choose_comparison(outside, 1000, 0)
    assert len(halves.real) == len(halves.synthetic) == N
    assert {case.patient for case in halves.real}.isdisjoint(case.patient for case in halves.synthetic)
    assert "one half of the holdout" in halves.note


def test_one_case_of_each_patient_is_drawn(runs):
    (one,) = synthetic_sets([runs["honest"]])
    doubled = replace(one, holdout=(*one.holdout, *(replace(case, id=f"{case.id}b") for case in one.holdout)))
    sides = choose_comparison(doubled, 1000, 0)
    assert len(sides.real) == N
    assert "60 more holdout cases left out" in sides.note


@pytest.mark.parametrize("grey", [7, math.nan])
def test_a_constant_or_broken_image_is_refused_with_its_name(tmp_path, grey):
    if math.isnan(grey):
        path = tmp_path / "broken.tif"
        Image.fromarray(np.full((28, 28), np.nan, dtype=np.float32)).save(path)
    else:
        path = plane(tmp_path, "flat", np.full((28, 28), float(grey)), 0).images["grey"]
    with pytest.raises(CaseError, match=f"Expected .*(vary|finite).*{path.name}"):
        extract_case_features(FeatureTask(Case("p7", {"grey": path}, class_index=0)), SPACES, ["grey"], {})


def test_twins_on_a_grid_that_no_real_case_has_are_refused_with_their_set(volumes, runs, tmp_path):
    cohort, _ = volumes
    (one,) = synthetic_sets([runs["honest"]])
    other = tiny_cohort(tmp_path / "other", 6, shape=(18, 20, 24)).cases
    one = replace(one, task="segmentation", train=cohort.cases[:4], holdout=cohort.cases[4:], twins_of_train=other,
                  modalities=cohort.modalities, labels=cohort.labels)  # fmt: skip
    with pytest.raises(CaseError, match=r"on the grids of real ones, but .*honest has \(18, 20, 24\)"):
        choose_comparison(one, 1000, 0)
