"""Sets of classified twins: files as the real ones have them, classes in the recipe, no label map disclosed."""

import shutil
from dataclasses import dataclass, replace

import numpy as np
import pytest
from nibabel.loadsave import load
from PIL import Image

from synthtrust.cases import Case, CaseError, Cohort, load_manifest, read_manifest
from synthtrust.cases.geometry import canonical_affine
from synthtrust.generators import Folder, Generator, Replay, synthesize
from synthtrust.testing import AFFINE, save_nifti, tiny_classes

SHAPES = {"colours": (16, 16, 3), "row": (256,), "one channel": (1, 16, 16), "volume": (8, 8, 8)}


@dataclass
class Ramp(Generator):
    """Paints values beyond what a byte holds, whole numbers and halves."""

    fault: str = ""

    def fit(self, cases):
        return self

    def sample(self, label, rng):
        image = np.linspace(-20, 300, 64).reshape(8, 8) + label
        if self.fault == "faint":
            image = np.linspace(0, 0.4, 64).reshape(8, 8)
        if self.fault == "nan":
            image[2, 2] = np.nan
        if self.fault in SHAPES:
            image = np.resize(image, SHAPES[self.fault])
        return {"grey": image}


@pytest.fixture
def cohort(tmp_path):
    return tiny_classes(tmp_path / "real", count=6)


def paint(cohort, tmp_path, generator, n=4):
    return synthesize(generator, cohort, cohort.cases[:n], cohort.cases, tmp_path / "synthetic")


def folder_of(tmp_path):
    return next((tmp_path / "synthetic").glob("[!.]*/manifest.json")).parent


def test_a_twin_is_a_png_of_bytes_rounded_and_clipped(cohort, tmp_path):
    twin = paint(cohort, tmp_path, Ramp()).cases[1]
    assert (twin.class_index, twin.images["grey"].name) == (1, f"{twin.id}.png")
    with Image.open(twin.images["grey"]) as image:
        assert image.mode == "L"
    expected = np.clip(np.rint(np.linspace(-20, 300, 64).reshape(8, 8) + 1), 0, 255)
    np.testing.assert_array_equal(twin.load_image("grey"), expected)


@pytest.mark.parametrize("fault", SHAPES)
def test_an_image_of_other_axes_than_the_real_ones_is_refused(cohort, tmp_path, fault):
    with pytest.raises(CaseError, match=r"Expected an image of 2 axes as real ones .* in grey of case scan_0"):
        paint(cohort, tmp_path, Ramp(fault=fault))
    assert not list((tmp_path / "synthetic").glob("*/manifest.json"))


def test_a_plane_image_is_no_volume(tmp_path):
    volumes = np.random.default_rng(0).integers(1, 200, (6, 9, 8, 7), dtype=np.uint8)
    cases = [
        Case(f"v{n}", {"grey": save_nifti(tmp_path / f"v{n}.nii.gz", v)}, class_index=n % 2)
        for n, v in enumerate(volumes)
    ]
    cohort = Cohort("volumes", tuple(cases), ("grey",), {"a": 0, "b": 1})
    with pytest.raises(CaseError, match=r"Expected an image of 3 axes .* painted \(8, 8\) in grey of case v0"):
        paint(cohort, tmp_path, Ramp())


def test_sixteen_bits_stay_sixteen_bits(cohort, tmp_path):
    deep = []
    for case in cohort.cases:
        path = tmp_path / "deep" / f"{case.id}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(case.load_image("grey").astype(np.uint16) * 200).save(path)
        deep.append(replace(case, images={"grey": path}))
    twins = paint(replace(cohort, cases=tuple(deep)), tmp_path, Replay())
    for twin in twins.cases:
        image = twin.load_image("grey")
        assert any(
            np.array_equal(image, case.load_image("grey")) for case in deep if case.class_index == twin.class_index
        )
        assert image.max() > 255


def test_colours_share_one_file_as_in_real_cases(tmp_path):
    cohort = tiny_classes(tmp_path / "real", count=6, colours=True)
    twins = paint(cohort, tmp_path, Replay())
    for twin in twins.cases:
        assert len({*twin.images.values()}) == 1
        (copied,) = [
            case for case in cohort.cases
            if all(np.array_equal(case.load_image(name), twin.load_image(name)) for name in cohort.modalities)
        ]  # fmt: skip
        assert copied.class_index == twin.class_index
        with Image.open(twin.images["red"]) as twin_image, Image.open(copied.images["red"]) as real:
            np.testing.assert_array_equal(np.asarray(twin_image), np.asarray(real))


def test_volumes_of_a_class_are_nifti_with_the_affine_of_the_training_images(tmp_path):
    rng = np.random.default_rng(0)
    cases = tuple(
        Case(f"nodule_{n}", {"ct": save_nifti(tmp_path / f"{n}.nii.gz", rng.normal(size=(6, 7, 8)))}, class_index=n % 2)
        for n in range(4)
    )
    twins = paint(Cohort("nodules", cases, ("ct",), {"benign": 0, "malignant": 1}), tmp_path, Replay(), n=2)
    for twin in twins.cases:
        np.testing.assert_array_equal(load(twin.images["ct"]).affine, canonical_affine(AFFINE, (6, 7, 8)))
        np.testing.assert_array_equal(twin.load_image("ct"), cases[twin.class_index].load_image("ct"))


def test_float_images_are_refused_before_anything_is_painted(cohort, tmp_path):
    path = tmp_path / "float.tif"
    Image.fromarray(np.random.default_rng(0).random((8, 8), np.float32)).save(path)
    cases = tuple(replace(case, images={"grey": path}) for case in cohort.cases)
    with pytest.raises(CaseError, match=r"Expected images of 8 or 16 bits, but .*float\.tif holds floating-point"):
        paint(replace(cohort, cases=cases), tmp_path, Ramp())


@pytest.mark.parametrize(
    ("fault", "message"),
    [("faint", "painted 0 everywhere in grey of case scan_000"), ("nan", "Expected finite intensities")],
)
def test_an_image_that_is_none_in_its_file_is_refused(cohort, tmp_path, fault, message):
    with pytest.raises(CaseError, match=message):
        paint(cohort, tmp_path, Ramp(fault=fault))
    assert not list((tmp_path / "synthetic").rglob("*.png"))


def test_the_recipe_has_classes_and_another_class_is_another_set(cohort, tmp_path):
    paint(cohort, tmp_path, Replay())
    made_by = load_manifest(folder_of(tmp_path))["made_by"]
    assert made_by["labels"] == {case.id: case.class_index for case in cohort.cases}
    first = synthesize(Replay(), cohort, cohort.cases[:4], cohort.cases[:1], tmp_path / "synthetic")
    turned = replace(cohort.cases[0], class_index=1)
    other = synthesize(Replay(), cohort, cohort.cases[:4], [turned], tmp_path / "synthetic")
    assert first.cases[0].images["grey"].parent != other.cases[0].images["grey"].parent


def test_a_training_case_of_another_class_is_another_recipe(cohort, tmp_path):
    first = paint(cohort, tmp_path, Replay()).cases[0].images["grey"].parent
    turned = (replace(cohort.cases[0], class_index=1), *cohort.cases[1:4])
    other = synthesize(Replay(), cohort, turned, cohort.cases, tmp_path / "synthetic")
    assert other.cases[0].images["grey"].parent != first


def test_card_and_manifest_speak_of_classes_and_disclose_no_label_map(cohort, tmp_path):
    paint(cohort, tmp_path, Replay())
    folder = folder_of(tmp_path)
    assert load_manifest(folder)["mask_disclosure"] is False
    card = (folder / "card.md").read_text()
    for fact in ("whose class it has", "| classes | healthy 0, sick 1 |", "no label map of a patient is shown"):
        assert fact in card, fact
    assert "unedited label map" not in card


def test_every_file_can_be_verified(cohort, tmp_path):
    paint(cohort, tmp_path, Replay())
    twins = read_manifest(folder_of(tmp_path), verify=True)
    assert twins.task == "classification"
    shutil.copy(twins.cases[0].images["grey"], twins.cases[1].images["grey"])
    with pytest.raises(CaseError, match="sha256 differs"):
        read_manifest(folder_of(tmp_path), verify=True)


def test_twins_of_classes_cannot_be_imported(cohort, tmp_path):
    with pytest.raises(CaseError, match="Expected cases with label maps, to match twins with, but case scan_000 has"):
        paint(cohort, tmp_path, Folder(root=str(tmp_path)))
