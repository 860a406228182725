"""Real cases and twins that a network would tell apart by their preprocessing are refused, with the reason."""

from dataclasses import replace
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from nibabel import Nifti1Image, as_closest_canonical
from pandas.testing import assert_frame_equal
from rich.console import Console

from helpers.plane_images import blobs, save
from synthtrust.cases import Case, CaseError, Source
from synthtrust.cases.checks.parity import check_parity, parity, print_parity
from synthtrust.generators import Blur, MaskSwap, Mean, Noise, Tissue, synthesize
from synthtrust.testing import AFFINE, save_nifti, tiny_cases, tiny_cohort

MODALITIES = ("flair", "t1ce")


@pytest.fixture
def real(tmp_path):
    return tiny_cases(tmp_path / "real", count=4)


@pytest.fixture
def twins(real, tmp_path):
    """Write twins whose voxels and affine went through a function; without one, they are copies as floats."""

    def _twins(image=lambda voxels: voxels, label=lambda voxels: voxels, affine=AFFINE, real=real):
        made = []
        for case in real:
            folder = tmp_path / "twins" / case.id
            images = {m: save_nifti(folder / f"{m}.nii.gz", image(case.load_image(m)), affine) for m in MODALITIES}
            path = save_nifti(folder / "label.nii.gz", label(case.load_label()), affine)
            made.append(replace(case, images=images, label_map=path, relabel=None, source=Source.SYNTHETIC))
        return made

    return _twins


def test_copies_pass_without_a_word(real, twins):
    table = parity(real, twins(), MODALITIES)
    assert check_parity(table) == []
    assert list(table.columns) == ["case", "modality", "property", "taken_as", "real", "synthetic"]
    assert set(table["modality"]) == {*MODALITIES, "label"}
    numbers = table[table["property"] == "background"].iloc[0]
    assert numbers["real"] == (real[0].load_image("flair") == 0).mean()


def test_pairs_are_read_once_until_one_of_them_changes(real, twins, tmp_path, monkeypatch):
    """The runs of a sweep share the table; it is the same, value by value and type by type."""
    monkeypatch.setattr("synthtrust.files.SETTLED", -1.0)
    first = parity(real, twins(), MODALITIES, folder=tmp_path / "kept")
    assert_frame_equal(first, parity(real, twins(), MODALITIES))
    with monkeypatch.context() as patched:
        patched.setattr("synthtrust.cases.checks.parity._rows", lambda *_: pytest.fail("read again"))
        again = parity(real, twins(), MODALITIES, folder=tmp_path / "kept")
    assert_frame_equal(first, again)
    assert [list(map(type, row)) for row in again.values] == [list(map(type, row)) for row in first.values]
    brighter = parity(real, twins(image=lambda voxels: voxels * 2), MODALITIES, folder=tmp_path / "kept")
    assert not brighter.equals(first)


def test_another_scale_is_no_difference(real, twins):
    """Units of scanners differ by orders of magnitude, and z-scores take them out."""
    assert check_parity(parity(real, twins(image=lambda voxels: voxels * 1e4), MODALITIES)) == []


def test_a_background_that_is_nearly_zero_is_refused(real, twins):
    noise = np.random.default_rng(0)

    def leak(voxels):
        return np.where(voxels == 0, 0.003 * voxels.max() * noise.random(voxels.shape), voxels)

    with pytest.raises(CaseError, match=r"0% of the voxels of flair are exactly 0, against \d\d% in real"):
        check_parity(parity(real, twins(image=leak), MODALITIES))


def test_a_background_that_is_missing_in_half_the_volume_is_refused(real, twins):
    """Med-DDPM: exactly 0 outside its box, nearly 0 inside."""

    def leak(voxels):
        box = np.zeros(voxels.shape, bool)
        box[1:-1, 1:-1, 1:-1] = True
        return np.where((voxels == 0) & box, 0.002 * voxels.max(), voxels)

    with pytest.raises(CaseError, match="nearly, but not exactly 0"):
        check_parity(parity(real, twins(image=leak), MODALITIES))


@pytest.mark.parametrize(
    ("affine", "word"),
    [
        (AFFINE @ np.diag([-1.0, 1, 1, 1]), r"orientation R\w\w against L"),
        (AFFINE @ np.diag([1, 1, 2.0, 1]), r"spacing \[mm\] 1.500 x 1.250 x 4.000 against 1.500 x 1.250 x 2.000"),
    ],
    ids=["orientation", "spacing"],
)
def test_another_geometry_is_refused(real, twins, affine, word):
    with pytest.raises(CaseError, match=word):
        check_parity(parity(real, twins(affine=affine), MODALITIES))


def test_another_grid_is_refused(real, twins):
    table = parity(real, twins(image=lambda voxels: voxels[1:], label=lambda voxels: voxels[1:]), MODALITIES)
    with pytest.raises(CaseError, match="flair of BraTS2021_00000 has shape 15 x 20 x 24 against 16 x 20 x 24"):
        check_parity(table)


def test_a_rounded_voxel_size_is_no_difference(real, twins):
    assert check_parity(parity(real, twins(affine=AFFINE @ np.diag([1.0004, 1, 1, 1])), MODALITIES)) == []


def test_a_place_may_be_stored_in_two_orientations(real, twins):
    """The arrays are the same, and so are the places of their voxels."""
    stored = as_closest_canonical(Nifti1Image(np.zeros((16, 20, 24)), AFFINE)).affine
    table = parity(real, twins(affine=stored), MODALITIES)
    assert set(table.loc[table["property"] == "orientation", "synthetic"]) == {"RAS"}
    assert check_parity(table) == []


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1), (0, 1, 2)])
def test_twins_that_are_mirrored_against_their_labels_are_refused(real, twins, axes):
    turned = "".join(code[axis in axes] for axis, code in enumerate(("RL", "AP", "SI")))
    table = parity(real, twins(image=lambda voxels: np.flip(voxels, axes)), MODALITIES)
    with pytest.raises(CaseError, match=f"images of twins are mirrored or turned: taken as {turned} instead of RAS"):
        check_parity(table)


def test_twins_that_are_turned_on_a_grid_of_equal_sides_are_refused(twins, tmp_path):
    cubes = tiny_cases(tmp_path / "cubes", count=4, shape=(18, 18, 18))
    table = parity(cubes, twins(image=lambda voxels: np.rot90(voxels), real=cubes), MODALITIES)
    with pytest.raises(CaseError, match="images of twins are mirrored or turned: taken as PRS"):
        check_parity(table)
    assert check_parity(parity(cubes, twins(real=cubes), MODALITIES)) == []


def test_twins_whose_labels_are_mirrored_with_them_are_refused(real, twins):
    def mirror(voxels):
        return voxels[::-1]

    with pytest.raises(CaseError, match="label maps of twins are mirrored or turned: taken as LAS"):
        check_parity(parity(real, twins(image=mirror, label=mirror), MODALITIES))


@pytest.mark.parametrize("generator", [Tissue(), Noise(), Mean(), MaskSwap(), Blur()], ids=lambda g: type(g).__name__)
def test_twins_of_every_control_are_in_place(tmp_path, generator):
    cohort = tiny_cohort(tmp_path / "real", count=5)
    made = synthesize(generator, cohort, cohort.cases, cohort.cases, tmp_path / "synthetic")
    check_parity(parity(cohort.cases, made.cases, MODALITIES))


def test_what_is_asked_of_turned_twins_is_not_printed(real, twins):
    console = Console(width=120, record=True, file=StringIO())
    print_parity(parity(real, twins(), MODALITIES), console)
    text = console.export_text()
    assert "like real image" in text
    assert "taken as" not in text


def test_another_label_is_warned_of(real, twins):
    exchanged = twins(label=lambda voxels: np.array([0, 2, 1, 3], np.uint8)[voxels])
    (warning,) = check_parity(parity(real, exchanged, MODALITIES))
    assert warning.startswith("Label maps of 4 of 4 twins differ from their real cases, first BraTS2021_00000")


def test_a_label_that_is_gone_counts_zero(real, twins):
    table = parity(real, twins(label=lambda voxels: np.where(voxels == 1, 0, voxels)), MODALITIES)
    gone = table[table["property"] == "label 1"]
    assert (gone["synthetic"] == 0).all()
    assert (gone["real"] > 0).all()


def test_another_contrast_is_warned_of(real, twins, caplog):
    inverted = twins(image=lambda voxels: np.where(voxels > 0, 1 + voxels.max() - voxels, 0))
    warnings = check_parity(parity(real, inverted, MODALITIES))
    assert any("another contrast in flair: z at 95%" in warning for warning in warnings)
    assert warnings[0] in caplog.text


def test_pairs_are_matched_by_id_and_sampled_evenly(real, twins):
    table = parity(real, twins()[::-1], MODALITIES, n=2)
    assert sorted(table["case"].unique()) == [real[0].id, real[3].id]
    assert check_parity(table) == []


def test_no_pairs_are_refused(real):
    with pytest.raises(CaseError, match="none of 4 ids is among the twins"):
        parity(real, [], MODALITIES)


def test_the_table_shows_both_sources(real, twins):
    console = Console(width=120, record=True, file=StringIO())
    print_parity(parity(real, twins(), MODALITIES), console)
    text = console.export_text()
    assert "Parity of 4 pairs" in text
    assert "16 x 20 x 24" in text
    assert "int16" in text
    assert "background" in text


def test_a_table_without_rows_of_a_kind_passes():
    columns = ["case", "modality", "property", "taken_as", "real", "synthetic"]
    assert check_parity(pd.DataFrame(columns=columns, dtype=str)) == []


@pytest.fixture
def pictures(tmp_path):
    """Labelled images and their twins, whose pixels, file and class a function may change."""

    def _pictures(change=lambda pixels: pixels, category=lambda n: n % 2, ending="png"):
        real = [Case(f"{n}", {"grey": save(tmp_path / f"real/{n}.png", blobs(n))}, class_index=n % 2) for n in range(6)]
        twins = []
        for n in range(6):
            path, pixels = tmp_path / f"twins/{n}.{ending}", change(blobs(n + 100))
            made = save(path, pixels) if ending == "png" else save_nifti(path, pixels[..., None])
            twins.append(Case(f"{n}", {"grey": made}, class_index=category(n), source=Source.SYNTHETIC))
        return parity(real, twins, ["grey"])

    return _pictures


def test_labelled_images_of_one_kind_pass_without_orientation_and_spacing(pictures):
    table = pictures()
    assert check_parity(table) == []
    assert not set(table["property"]) & {"orientation", "spacing [mm]"}
    rows = table[table["case"] == "2"].set_index("property")["real"]
    assert (rows["shape"], rows["format"], rows["class"]) == ("40 x 36", "PNG L", 0)
    assert rows["different values"] == len(np.unique(blobs(2)))


def test_a_twin_of_another_class_is_refused(pictures):
    with pytest.raises(CaseError, match="but 3 have another, first 1: 0 against 1"):
        check_parity(pictures(category=lambda n: 0))


def test_twins_of_another_shape_are_warned_of(pictures):
    (warning,) = check_parity(pictures(lambda pixels: pixels[::2, ::2]))
    assert "Twins are 20 x 18, real images 40 x 36" in warning


def test_twins_that_were_not_rounded_are_warned_of(pictures):
    noise = np.random.default_rng(0)
    warnings = check_parity(pictures(lambda pixels: pixels + noise.normal(0, 1, pixels.shape), ending="nii.gz"))
    assert any("they were not rounded alike" in warning for warning in warnings)


def test_a_background_that_only_twins_have_is_warned_of(pictures):
    warnings = check_parity(pictures(lambda pixels: np.where(np.arange(36) < 12, 0, pixels).astype(np.uint8)))
    assert any("33% of the voxels of grey are exactly 0, against 0% in real" in warning for warning in warnings)
