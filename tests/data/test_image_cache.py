"""Images in one table: each scaled by itself, resampled as the reference does, made once, never half."""

import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from synthtrust.cases import Case, CaseError
from synthtrust.data.image_cache import image_table
from synthtrust.testing import save_nifti, tiny_classes

GREY, COLOURS = ("grey",), ("red", "green", "blue")


def test_every_image_is_standardised_by_its_own_pixels(tmp_path):
    cohort = tiny_classes(tmp_path / "real", count=5, size=(12, 16))
    table = image_table(cohort.cases, GREY, tmp_path / "cache")
    assert table.images.shape == (5, 1, 12, 16)
    for case in cohort.cases:
        raw = case.load_image("grey").astype(np.float64)
        expected = (raw - raw.mean()) / raw.std()
        np.testing.assert_allclose(table.images[table.row[case.id], 0], expected, atol=2e-3)  # float16: three digits


def test_no_image_depends_on_another(tmp_path):
    cases = tiny_classes(tmp_path / "real", count=6).cases
    every, some = (image_table(chosen, GREY, tmp_path / "cache") for chosen in (cases, cases[2:4]))
    for case in cases[2:4]:
        np.testing.assert_array_equal(every.images[every.row[case.id]], some.images[some.row[case.id]])


def test_hues_stay_whether_colours_share_a_file_or_not(tmp_path):
    (case,) = tiny_classes(tmp_path / "real", count=1, colours=True).cases
    raw = np.stack([case.load_image(colour) for colour in COLOURS]).astype(np.float64)
    apart = {}
    for colour, plane in zip(COLOURS, raw, strict=True):
        apart[colour] = tmp_path / f"{colour}.png"
        Image.fromarray(plane.astype(np.uint8)).save(apart[colour])
    expected = (raw - raw.mean()) / raw.std()
    for same in (case, replace(case, images=apart, channels={})):
        table = image_table([same], COLOURS, tmp_path / "cache")
        np.testing.assert_allclose(table.images[0], expected, atol=2e-3)


def test_contrasts_of_a_small_volume_are_scaled_apart(tmp_path):
    rng = np.random.default_rng(0)
    images = {"t1": rng.normal(5, 1, (6, 8, 7)), "t2": rng.normal(9e5, 4e3, (6, 8, 7))}
    files = {
        name: save_nifti(tmp_path / f"{name}.nii.gz", voxels.astype(np.float32)) for name, voxels in images.items()
    }
    table = image_table([Case("a", files, class_index=1)], ("t1", "t2"), tmp_path / "cache")
    assert table.size == (6, 8, 7)
    for channel in table.images[0].astype(np.float64):
        assert (channel.mean(), channel.std()) == pytest.approx((0, 1), abs=1e-3)


def test_images_come_to_the_size_that_is_asked_for(tmp_path):
    first, second = tmp_path / "one", tmp_path / "other"
    cases = [
        tiny_classes(first, count=1).cases[0],
        replace(tiny_classes(second, count=1, size=(24, 20)).cases[0], id="b"),
    ]
    assert image_table(cases, GREY, tmp_path / "cache", 8).size == (8, 8)
    assert image_table(cases, GREY, tmp_path / "cache", [8, 12]).size == (8, 12)
    with pytest.raises(CaseError, match=r"one size, but got .* in case scan_000 against .*Set data.size"):
        image_table(cases, GREY, tmp_path / "cache")
    with pytest.raises(CaseError, match=r"data.size with 2 sides for case b, but got \[8, 8, 8\]"):
        image_table(cases, GREY, tmp_path / "cache", [8, 8, 8])


def test_a_table_is_found_and_a_changed_image_makes_another(tmp_path, monkeypatch):
    cases = tiny_classes(tmp_path / "real", count=4).cases
    first = image_table(cases, GREY, tmp_path / "cache")
    with monkeypatch.context() as patch:
        patch.setattr("synthtrust.data.image_cache._write", lambda *_: pytest.fail("prepared again"))
        assert image_table(cases[::-1], GREY, tmp_path / "cache").folder == first.folder
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(cases[0].images["grey"])
    assert image_table(cases, GREY, tmp_path / "cache").folder != first.folder


def test_an_image_without_contrast_is_refused_by_name_and_leaves_nothing(tmp_path):
    cases = tiny_classes(tmp_path / "real", count=3).cases
    Image.fromarray(np.full((16, 16), 9, np.uint8)).save(cases[1].images["grey"])
    with pytest.raises(CaseError, match=r"every pixel is 9.0 in grey of case scan_001 at .*scan_001.png"):
        image_table(cases, GREY, tmp_path / "cache")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.suffix != ".lock"] == []


def test_a_table_whose_preparation_was_killed_is_made_by_a_process_of_the_same_number(tmp_path, monkeypatch):
    cases = tiny_classes(tmp_path / "real", count=3).cases
    whole = image_table(cases, GREY, tmp_path / "cache").folder
    left = whole.with_name(f".aside-0.{whole.name}")  # as a killed process leaves it
    whole.rename(left)
    monkeypatch.setattr(os, "getpid", lambda: 1)  # in a container
    assert len(image_table(cases, GREY, tmp_path / "cache").row) == 3
    assert not left.exists()


def test_a_damaged_table_is_found_and_made_anew(tmp_path, caplog):
    cohort = tiny_classes(tmp_path / "real", count=4)
    table = image_table(cohort.cases, cohort.modalities, tmp_path / "cache")
    for name in ("images.npy", "index.json"):
        content = (table.folder / name).read_bytes()
        flipped = bytearray(content)
        flipped[len(content) // 2] ^= 1
        (table.folder / name).write_bytes(flipped)
        image_table(cohort.cases, cohort.modalities, tmp_path / "cache")
        assert (table.folder / name).read_bytes() == content
    assert caplog.text.count("Damaged, and made anew") == 2
