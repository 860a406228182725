"""A set describes itself to catalogues, and each of its images says that it is synthetic."""

import json

import nibabel as nib
import pytest
from PIL import Image

from synthtrust.cases import read_manifest
from synthtrust.cases.manifest import NAME as MANIFEST
from synthtrust.files import sha256_of
from synthtrust.generators import Tissue, synthesize
from synthtrust.generators.synthesis.croissant import NAME
from synthtrust.generators.synthesis.origin import DESCRIPTION, ORIGIN, png_origin
from synthtrust.testing import tiny_cohort


@pytest.fixture(scope="module")
def painted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("painted")
    cohort = tiny_cohort(folder / "real", count=3, shape=(12, 14, 16))
    return cohort, synthesize(Tissue(), cohort, cohort.cases, cohort.cases, folder / "synthetic").folder


def test_every_image_says_that_it_is_synthetic_and_no_label_map_of_a_patient_does(painted):
    _, folder = painted
    for case in read_manifest(folder).cases:
        marks = [str(nib.load(path).header["descrip"].astype(str)) for path in case.images.values()]
        assert set(marks) == {DESCRIPTION}
        assert str(nib.load(case.label_map).header["descrip"].astype(str)) == ""
    assert len(DESCRIPTION) < 80


def test_a_plane_image_says_so_in_its_metadata(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "image.png", pnginfo=png_origin())
    assert ORIGIN in Image.open(tmp_path / "image.png").info["XML:com.adobe.xmp"]


def test_the_description_names_every_file_and_the_manifest(painted):
    cohort, folder = painted
    described = json.loads((folder / NAME).read_text())
    manifest, images = described["distribution"]
    assert manifest["sha256"] == sha256_of(folder / MANIFEST)
    files = {path for path in folder.glob(images["includes"]) if path.name != "label.nii.gz"}
    assert files == {path for case in read_manifest(folder).cases for path in case.images.values()}
    assert described["license"] == cohort.licence
    assert described["additionalType"] == ORIGIN
    assert "unedited" in described["rai:personalSensitiveInformation"]


def test_a_set_without_it_gets_it_when_it_is_found(painted, tmp_path):
    cohort, folder = painted
    before = (folder / NAME).read_text()
    (folder / NAME).unlink()
    synthesize(Tissue(), cohort, cohort.cases, cohort.cases, folder.parent)
    assert (folder / NAME).read_text() == before


def test_the_reference_implementation_reads_it(painted):
    croissant = pytest.importorskip("mlcroissant", reason="needs mlcroissant")
    _, folder = painted
    dataset = croissant.Dataset(str(folder / NAME))
    issues = dataset.metadata.ctx.issues
    assert not issues.errors, issues.report()
    records = list(dataset.records("cases"))
    assert [record["cases/id"].decode() for record in records] == [case.id for case in read_manifest(folder).cases]
