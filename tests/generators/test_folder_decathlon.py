"""Twins in the Decathlon's layout are found, and a folder in no known naming is refused with those that there are."""

import json
from dataclasses import replace

import numpy as np
import pytest

from synthtrust.cases import CaseError
from synthtrust.generators import synthesize
from synthtrust.generators.folder import Folder
from synthtrust.testing import save_nifti, tiny_cohort

SHAPE = (20, 22, 24)


def mri(cohort):
    """Return a cohort of one modality that no BraTS release has."""
    cases = tuple(replace(case, images={"mri": case.images["flair"]}) for case in cohort.cases)
    return replace(cohort, cases=cases, modalities=("mri",))


def bring(cohort, tmp_path, folder):
    return synthesize(folder, cohort, cohort.cases[:2], cohort.cases, tmp_path / "synthetic")


@pytest.mark.parametrize("naming", ["auto", "msd"])
def test_twins_in_the_layout_of_the_decathlon_are_found(tmp_path, naming):
    real = mri(tiny_cohort(tmp_path / "real", count=2, shape=SHAPE, modalities=("flair",)))
    root, entries = tmp_path / "handed", []
    for case in real.cases:
        save_nifti(root / f"imagesTr/{case.id}.nii.gz", case.load_image("mri") * 0.5)
        save_nifti(root / f"labelsTr/{case.id}.nii.gz", case.load_label())
        entries.append({"image": f"imagesTr/{case.id}.nii.gz", "label": f"labelsTr/{case.id}.nii.gz"})
    facts = {"modality": {"0": "MRI"}, "labels": {"0": "background", "1": "a", "2": "b", "3": "c"}}
    (root / "dataset.json").write_text(json.dumps({**facts, "training": entries}))
    twins = bring(real, tmp_path, Folder(root=str(root), naming=naming))
    for case, twin in zip(real.cases, twins.cases, strict=True):
        np.testing.assert_allclose(twin.load_image("mri"), case.load_image("mri") * 0.5)


def test_a_folder_in_no_known_naming_says_which_there_are(tmp_path):
    real = mri(tiny_cohort(tmp_path / "real", count=2, shape=SHAPE, modalities=("flair",)))
    (tmp_path / "handed").mkdir()
    with pytest.raises(CaseError, match=r"BraTS naming .* no dataset\.json .* no export of Med-DDPM and no manifest"):
        bring(real, tmp_path, Folder(root=str(tmp_path / "handed")))
