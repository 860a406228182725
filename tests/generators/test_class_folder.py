"""Labelled images that somebody else painted serve as a synthetic set: each is a case of its class, with an own id."""

import numpy as np
import pytest
from PIL import Image

from synthtrust.cases import CaseError, load_manifest
from synthtrust.generators import ClassFolder, synthesize
from synthtrust.testing import tiny_classes, tiny_cohort

CLASSES = ("healthy", "sick")


@pytest.fixture
def cohort(tmp_path):
    return tiny_classes(tmp_path / "real", count=12)


def painted(folder, count):
    """Write images of their own grey level, in a folder for each class."""
    for n in range(count):
        path = folder / CLASSES[n % 2] / f"image_{n:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image = np.random.default_rng(n).integers(1, 200, (16, 16), dtype=np.uint8)
        image[0, 0] = n
        Image.fromarray(image).save(path)
    return str(folder)


def bring(cohort, tmp_path, importer):
    return synthesize(importer, cohort, cohort.cases[:6], cohort.cases, tmp_path / "synthetic")


def numbers(twins):
    return {twin.id: int(twin.load_image("grey")[0, 0]) for twin in twins.cases}


def test_every_image_is_a_case_of_its_class_under_its_own_id(cohort, tmp_path):
    own = bring(cohort, tmp_path, ClassFolder(root=painted(tmp_path / "set", 20), train_ids=["elsewhere"]))
    drawn = numbers(own)
    assert sorted(drawn.values()) == list(range(20))
    assert (own.paired, {case.id for case in own.cases} & {case.id for case in cohort.cases}) == (False, set())
    assert all(drawn[case.id] % 2 == case.class_index for case in own.cases)
    manifest = load_manifest(own.folder)
    assert (manifest["training_ids"], manifest["paired"], manifest["mask_disclosure"]) == (["elsewhere"], False, False)
    first = own.cases[0].id
    assert manifest["imported"][first]["files"]["grey"] == f"healthy/image_{drawn[first]:02d}.png"


def test_where_the_folder_lies_does_not_matter(cohort, tmp_path):
    roots = (painted(tmp_path / "set", 20), painted(tmp_path / "moved", 20))
    first, elsewhere = (bring(cohort, tmp_path, ClassFolder(root=root)) for root in roots)
    assert first.folder == elsewhere.folder


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda root: root.rename(root.with_name("gone")), r"Expected a folder of images, but .* Set generator\.root"),
        (lambda root: (root / "sick").rename(root / "ill"), "found none of sick beside ill. Rename those"),
        (
            lambda root: (root / "sick" / "image_01.png").write_bytes(b"no"),
            r"but 1 cannot, first .*image_01.*Paint them",
        ),
    ],
    ids=["no folder", "a class by another name", "a damaged image"],
)
def test_a_set_that_cannot_serve_is_refused(cohort, tmp_path, spoil, why):
    root = painted(tmp_path / "set", 20)
    spoil(tmp_path / "set")
    with pytest.raises(CaseError, match=why):
        bring(cohort, tmp_path, ClassFolder(root=root))


def test_a_class_without_an_image_is_named(tmp_path, caplog):
    cohort = tiny_classes(tmp_path / "real", count=12, classes=("healthy", "mild", "sick"))
    own = bring(cohort, tmp_path, ClassFolder(root=painted(tmp_path / "set", 20)))
    assert "No image of class mild" in caplog.text
    drawn = numbers(own)
    assert {case.class_index: drawn[case.id] % 2 for case in own.cases} == {0: 0, 2: 1}


def test_one_class_alone_is_no_set(cohort, tmp_path):
    root = painted(tmp_path / "set", 20)
    for path in (tmp_path / "set" / "sick").iterdir():
        path.unlink()
    with pytest.raises(CaseError, match=r"Expected images of at least two classes .* none of sick"):
        bring(cohort, tmp_path, ClassFolder(root=root))


def test_cases_with_label_maps_want_the_other_importer(tmp_path):
    with pytest.raises(CaseError, match="generator=folder"):
        bring(tiny_cohort(tmp_path / "real", 3), tmp_path, ClassFolder(root=painted(tmp_path / "set", 4)))


@pytest.mark.parametrize(
    ("low", "high", "dtype", "ending"),
    [(0, 65535, np.uint16, "png"), (0, 4095, np.uint16, "png"), (0, 1, np.float32, "tif"), (-1, 1, np.float32, "tif")],
)
def test_images_in_other_units_than_the_real_ones_are_refused(cohort, tmp_path, low, high, dtype, ending):
    for n in range(12):
        path = tmp_path / "set" / CLASSES[n % 2] / f"{n}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        image = np.random.default_rng(n).uniform(low, high, (16, 16))
        image[0, :2] = low, high
        Image.fromarray(image.astype(dtype)).save(path)
    with pytest.raises(CaseError, match=rf"^Expected images in 0\.\.255 .*/\d+\.{ending} holds {low}\.\.{high}\. Res"):
        bring(cohort, tmp_path, ClassFolder(root=str(tmp_path / "set")))


def test_images_of_floating_point_numbers_in_the_same_units_are_rounded(cohort, tmp_path):
    for n in range(12):
        path = tmp_path / "set" / CLASSES[n % 2] / f"{n}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(n).uniform(0, 255, (16, 16)).astype(np.float32)).save(path)
    twins = bring(cohort, tmp_path, ClassFolder(root=str(tmp_path / "set")))
    assert twins.cases[0].load_image("grey").std() > 50


def test_masks_beside_painted_images_are_refused_with_the_option_of_the_generator(cohort, tmp_path):
    root = painted(tmp_path / "set", 20)
    for path in sorted((tmp_path / "set").rglob("*.png")):
        mask = np.random.default_rng(int(path.stem[-2:])).integers(0, 2, (16, 16), dtype=np.uint8) * 255
        Image.fromarray(mask).save(path.with_name(f"{path.stem}_mask.png"))
    with pytest.raises(CaseError, match=r"called as masks are.*generator\.exclude_files="):
        bring(cohort, tmp_path, ClassFolder(root=root))
    twins = bring(cohort, tmp_path, ClassFolder(root=root, exclude_files="*_mask*"))
    alone = bring(cohort, tmp_path, ClassFolder(root=painted(tmp_path / "alone", 20)))
    assert numbers(twins) == numbers(alone)


def test_hidden_folders_of_an_imported_set_are_no_classes(cohort, tmp_path):
    root = painted(tmp_path / "set", 20)
    hidden = tmp_path / "set/.ipynb_checkpoints/other"
    hidden.mkdir(parents=True)
    (hidden / "image_01-checkpoint.png").write_bytes((tmp_path / "set/sick/image_01.png").read_bytes())
    assert len(bring(cohort, tmp_path, ClassFolder(root=root)).cases) == 20
