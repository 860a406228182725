"""Images that are patients' own are told by their voxels, whatever file they are in, and changed ones are not."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from synthtrust.cases import Source
from synthtrust.cases.checks.own_images import own_images
from synthtrust.testing import tiny_cohort

MODALITIES = ("flair", "t1ce")


@pytest.fixture(scope="module")
def cohorts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    real = tiny_cohort(folder / "real", count=4).cases
    painted = tiny_cohort(folder / "painted", count=3, seed=9).cases
    return real, [replace(case, id=f"syn{n}", source=Source.SYNTHETIC) for n, case in enumerate(painted)]


def written(case, modality, image, folder, dtype=np.int16):
    file = folder / f"{case.id}.nii.gz"
    nib.save(nib.Nifti1Image(image.astype(dtype), np.diag([1.5, 1.25, 2, 1])), file)
    return replace(case, images={**case.images, modality: file})


def test_painted_images_are_nobodys(cohorts):
    assert own_images(cohorts[1], cohorts[0], MODALITIES) == []


@pytest.mark.parametrize("kind", ["same", "float", "cropped", "padded"])
def test_a_patients_image_is_told_in_any_file(cohorts, tmp_path, kind):
    real, synthetic = cohorts
    image = real[2].load_image("t1ce")
    inside = np.nonzero(image)
    box = tuple(slice(axis.min(), axis.max() + 1) for axis in inside)
    image = {"cropped": image[box], "padded": np.pad(image, 3)}.get(kind, image)
    copy = written(synthetic[1], "t1ce", image, tmp_path, np.float32 if kind == "float" else np.int16)
    (own,) = own_images([synthetic[0], copy], real, MODALITIES)
    assert (own.synthetic, own.modality, own.real) == ("syn1", "t1ce", real[2].id)


@pytest.mark.parametrize("kind", ["one voxel", "mirrored", "other modality"])
def test_a_changed_image_is_none(cohorts, tmp_path, kind):
    real, synthetic = cohorts
    image = real[2].load_image("flair" if kind == "other modality" else "t1ce").copy()
    if kind == "one voxel":
        image[tuple(axis[0] for axis in np.nonzero(image))] += 1
    image = image[::-1] if kind == "mirrored" else image
    assert own_images([written(synthetic[1], "t1ce", image, tmp_path)], real, MODALITIES) == []


def test_what_was_read_is_remembered(cohorts, tmp_path):
    real, synthetic = cohorts
    first = own_images([*synthetic, replace(real[0], id="copy", source=Source.SYNTHETIC)], real, MODALITIES, tmp_path)
    assert [(own.modality, own.synthetic) for own in first] == [("flair", "copy"), ("t1ce", "copy")]
    again = [*synthetic, replace(real[0], id="copy", source=Source.SYNTHETIC)]
    assert own_images(again, real, MODALITIES, tmp_path) == first
    assert (tmp_path / "facts.jsonl").exists()
