"""Shift: what differs between the cases of two cohorts is told in the units that a reader knows."""

import numpy as np
import pytest

from synthtrust.cases import Case
from synthtrust.cases.checks.shift import shift
from synthtrust.testing import save_nifti, tiny_cases


def moved(case, folder, spacing):
    """Return a case with brighter images on voxels of another size."""
    image, label = case.load_image("flair") ** 2, case.load_label()
    affine = np.diag([-spacing, -spacing, spacing, 1.0])
    return Case(
        case.id,
        {"flair": save_nifti(folder / f"{case.id}_flair.nii.gz", image, affine)},
        save_nifti(folder / f"{case.id}_seg.nii.gz", label, affine),
    )


def test_voxel_size_intensities_and_volumes_are_described(tmp_path):
    cases = tiny_cases(tmp_path / "here", count=4)
    others = [moved(case, tmp_path / "there", 2.0) for case in cases]
    table = shift(cases, others, ["flair"], {"ED": 2}).set_index(["modality", "property"])
    assert table.loc[("flair", "spacing [mm]"), "other"] == "2.000 x 2.000 x 2.000"
    assert table.loc[("flair", "spacing [mm]"), "trained"] != "2.000 x 2.000 x 2.000"
    here, there = (float(table.loc[("label", "ED [ml]"), column].split()[0]) for column in ("trained", "other"))
    spacing = [float(side) for side in table.loc[("flair", "spacing [mm]"), "trained"].split(" x ")]
    assert there / here == pytest.approx(8 / np.prod(spacing), rel=0.02)
    highest = [float(table.loc[("flair", "highest"), column].split()[0]) for column in ("trained", "other")]
    assert highest[1] > highest[0]
    assert set(table["n_trained"]) == set(table["n_other"]) == {4}


def test_few_cases_of_a_large_cohort_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("synthtrust.cases.checks.shift.MOST", 2)
    cases = tiny_cases(tmp_path, count=5)
    table = shift(cases, cases[:1], ["flair"], {"ED": 2})
    assert set(table["n_trained"]) == {2}
    assert set(table["n_other"]) == {1}
