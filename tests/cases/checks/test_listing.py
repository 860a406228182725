"""The dry run reads every voxel: what it counts is what was drawn, and what it cannot read it says."""

from io import StringIO

import nibabel as nib
import numpy as np
import pytest
from rich.console import Console

from helpers.plane_images import blobs, colourful, save
from synthtrust.cases import describe, print_listing, read_brats, read_class_folders
from synthtrust.testing import draw_tiny, save_nifti, tiny_cohort
from synthtrust.testing.tiny import AFFINE

VOXEL_ML = 1.5 * 1.25 * 2 / 1000  # of AFFINE


def test_a_listing_counts_what_was_drawn(tmp_path):
    cohort = tiny_cohort(tmp_path, 2)
    listing = describe(cohort)
    label, images = draw_tiny((16, 20, 24), cohort.modalities, np.random.default_rng((0, 1)))
    row = listing.table.set_index("id").loc["BraTS2021_00001"]
    assert row["shape"] == "16 x 20 x 24"
    assert row["spacing_mm"] == "1.5 x 1.25 x 2"
    assert row["patient"] == "BraTS2021_00001"
    assert row["ED_voxels"] == (label == 2).sum()
    assert row["ED_ml"] == pytest.approx((label == 2).sum() * VOXEL_ML)
    assert (row["flair_min"], row["flair_max"]) == (0, images["flair"].max())
    assert not listing.refused


def test_orientations_are_counted_as_they_are_stored(tmp_path):
    cohort = tiny_cohort(tmp_path, 4)
    for path in cohort.cases[1].files.values():
        nib.save(nib.as_closest_canonical(nib.load(path)), path)
    path = cohort.cases[2].images["flair"]
    nib.save(nib.as_closest_canonical(nib.load(path)), path)
    console = Console(width=120, record=True, file=StringIO())
    listing = print_listing(cohort, console=console)
    assert listing.table["orientation"].tolist() == ["LPS", "RAS", "LPS, images RAS", "LPS"]
    assert "orientation" in console.export_text()
    assert listing.table["spacing_mm"].nunique() == 1
    assert not listing.warnings


def test_a_cohort_whose_label_maps_are_mirrored_is_warned_of(tmp_path):
    cohort = tiny_cohort(tmp_path, 12)
    for case in cohort.cases:
        raw = nib.load(case.label_map)
        nib.save(nib.Nifti1Image(np.asarray(raw.dataobj)[::-1], raw.affine), case.label_map)
    console = Console(width=300, record=True, file=StringIO())
    (warning,) = print_listing(cohort, console=console).warnings
    assert "when these are taken as LAS instead of RAS" in warning
    assert "warning" in console.export_text()


def test_volumes_are_a_row_per_case_and_label(tmp_path):
    listing = describe(tiny_cohort(tmp_path, 3))
    volumes = listing.volumes
    assert list(volumes.columns) == ["case", "patient", "source", "region", "n_voxels", "volume_ml"]
    assert len(volumes) == 3 * 3
    assert set(volumes["source"]) == {"real"}
    np.testing.assert_allclose(volumes["volume_ml"], volumes["n_voxels"] * VOXEL_ML)
    wide = volumes.pivot(index="case", columns="region", values="n_voxels")
    np.testing.assert_array_equal(wide["ET"], listing.table["ET_voxels"])


def test_an_oblique_grid_has_the_volume_of_its_determinant(tmp_path):
    case = tiny_cohort(tmp_path, 1, modalities=["flair"]).cases[0]
    sheared = AFFINE.copy()
    sheared[0, 1] = 0.7
    for path in case.files.values():
        save_nifti(path, np.asarray(nib.load(path).dataobj), sheared)
    row = describe(read_brats(tmp_path, modalities=["flair"])).table.iloc[0]
    assert row["spacing_mm"] == "1.5 x 1.43 x 2"
    assert row["ED_ml"] == pytest.approx(row["ED_voxels"] * VOXEL_ML)


def test_a_case_that_cannot_be_read_is_refused_and_the_others_are_listed(tmp_path):
    cohort = tiny_cohort(tmp_path, 3)
    save_nifti(cohort.cases[1].label_map, np.full((16, 20, 24), 7, np.uint8))
    listing = describe(cohort)
    assert list(listing.table["id"]) == ["BraTS2021_00000", "BraTS2021_00002"]
    assert "BraTS2021_00001" not in set(listing.volumes["case"])
    (refusal,) = listing.refused
    assert refusal.where == cohort.cases[1].label_map.parent
    assert "got [7.0]" in refusal.why


def test_a_file_that_vanished_since_it_was_read_is_refused(tmp_path):
    cohort = tiny_cohort(tmp_path, 2)
    cohort.cases[0].label_map.unlink()
    assert "but there is none" in describe(cohort).refused[0].why


def test_max_cases_are_spread_over_the_cohort(tmp_path):
    listing = describe(tiny_cohort(tmp_path, 5), max_cases=2)
    assert list(listing.table["id"]) == ["BraTS2021_00000", "BraTS2021_00004"]


def test_a_cohort_whose_cases_are_all_refused_still_has_its_columns(tmp_path):
    cohort = tiny_cohort(tmp_path, 1)
    cohort.cases[0].label_map.unlink()
    listing = describe(cohort)
    assert {"id", "shape", "flair_max", "ET_ml"} <= set(listing.table.columns)
    assert len(listing.volumes) == 0


def test_the_printed_listing_says_cases_scales_volumes_and_refusals(tmp_path):
    tiny_cohort(tmp_path / "set", 3).cases[1].images["t1ce"].unlink()
    text = StringIO()
    console = Console(file=text, width=160)
    listing = print_listing(read_brats(tmp_path / "set", modalities=["flair", "t1ce"]), console=console)
    printed = text.getvalue()
    assert len(listing.table) == 2
    assert "set: 2 of 2 cases read, 2 patients, 1 refused" in printed
    for expected in ("16 x 20 x 24", "1.5 x 1.25 x 2", "flair", "t1ce", "NCR", "ED", "ET", "median"):
        assert expected in printed
    assert "BraTS2021_00001" in printed
    assert "found no t1ce" in printed


def test_nothing_readable_is_printed_without_tables(tmp_path):
    cohort = tiny_cohort(tmp_path, 1)
    cohort.cases[0].label_map.unlink()
    text = StringIO()
    print_listing(cohort, console=Console(file=text, width=160))
    assert "0 of 1 cases read, 0 patients, 1 refused" in text.getvalue()


@pytest.fixture
def folders(tmp_path):
    """Seven images in two classes and two parts, one larger than the others, one in colours."""
    for n, name in enumerate(
        ("train/sick/0", "train/sick/1", "train/well/0", "test/sick/0", "test/well/0", "test/well/1")
    ):
        save(tmp_path / "set" / f"{name}.png", blobs(n))
    save(tmp_path / "set/train/well/1.jpg", colourful(9, (50, 44)))
    return tmp_path / "set"


def test_a_listing_of_labelled_images_says_class_part_shape_and_format(folders):
    listing = describe(read_class_folders(folders))
    assert list(listing.table.columns) == [
        "id", "patient", "source", "class", "part", "shape", "format", "grey_min", "grey_max",
    ]  # fmt: skip
    row = listing.table.set_index("id").loc["train_sick_1"]
    assert (row["class"], row["part"], row["shape"], row["format"]) == ("sick", "train", "40 x 36", "PNG L")
    assert (row["grey_min"], row["grey_max"]) == (blobs(1).min(), blobs(1).max())
    assert list(listing.table["format"]).count("JPEG RGB") == 1
    assert listing.volumes.empty


def test_an_image_whose_pixels_are_damaged_is_refused_and_the_others_are_listed(folders):
    cohort = read_class_folders(folders)
    save(folders / "test/well/0.png", np.zeros((40, 36), np.uint8))
    listing = describe(cohort)
    assert len(listing.table) == 6
    (refusal,) = listing.refused
    assert refusal.where == folders / "test/well/0.png"
    assert "zero in every voxel" in refusal.why


def test_the_printed_listing_counts_classes_by_part_shapes_and_formats(folders):
    (folders / "train/sick/2.png").write_text("no image")
    text = StringIO()
    print_listing(read_class_folders(folders), console=Console(file=text, width=160))
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.getvalue().splitlines()]
    assert ["sick", "2", "1", "3"] in rows
    assert ["well", "2", "2", "4"] in rows
    assert ["all", "4", "3", "7"] in rows
    assert ["50 x 44", "1"] in rows
    assert ["JPEG RGB", "1"] in rows
    assert "1 refused" in text.getvalue()
    assert "cannot identify image file" in text.getvalue()


def test_volumes_of_a_class_are_listed_by_their_type(tmp_path):
    for n, name in enumerate(("sick/a", "well/b")):
        save_nifti(tmp_path / f"{name}.nii.gz", np.arange(120, dtype=np.int16).reshape(4, 5, 6) + n)
    table = describe(read_class_folders(tmp_path)).table
    assert set(table["format"]) == {"NIfTI int16"}
    assert set(table["shape"]) == {"4 x 5 x 6"}
