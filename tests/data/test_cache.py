"""Preprocessing: cropped to the foreground, z-scored inside the brain, done once, and never half."""

import json
import logging
import os
import signal

import nibabel as nib
import numpy as np
import pytest

from synthtrust.cases import Case, CaseError, Source
from synthtrust.data.cache import prepare, preprocess
from synthtrust.testing import AFFINE, save_nifti, tiny_cases, tiny_cohort

MODALITIES = ("flair", "t1ce")


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


def test_each_channel_is_standardised_over_its_own_brain_and_zeros_stay_zero(tmp_path):
    (case,) = tiny_cases(tmp_path / "real", count=1)
    (prepared,) = prepare([case], MODALITIES, tmp_path / "cache")
    raw = np.stack([case.load_image(m) for m in MODALITIES]).astype(np.float64)
    low = prepared.facts["origin"]
    box = tuple(slice(a, a + n) for a, n in zip(low, prepared.label().shape, strict=True))
    for channel, image in zip(raw, prepared.image(), strict=True):
        brain = channel[channel != 0]
        expected = np.where(channel != 0, (channel - brain.mean()) / brain.std(), 0)[box]
        np.testing.assert_allclose(image, expected, atol=2e-3)  # float16 has three digits
    outside = np.ones(raw.shape[1:], bool)
    outside[box] = False
    assert not raw[:, outside].any()


def test_channels_prepared_one_by_one_are_those_that_are_prepared_together(tmp_path):
    """The cache reads channel by channel; a bundle or a labeller has the whole array. Both see the same numbers."""
    (case,) = tiny_cases(tmp_path / "real", count=1)
    (prepared,) = prepare([case], MODALITIES, tmp_path / "cache")
    stack = np.ascontiguousarray(np.stack([case.load_image(m) for m in MODALITIES]))
    whole, box = preprocess(stack, case.load_label(), MODALITIES)
    np.testing.assert_array_equal(prepared.image(), whole.astype(np.float16))
    np.testing.assert_array_equal(prepared.label(), case.load_label()[box])


def test_voxels_lie_on_disk_as_a_patch_has_them(tmp_path):
    """The last axis is the fastest: an array in another order is written voxel by voxel and read three times slower."""
    (prepared,) = prepare(tiny_cases(tmp_path / "real", count=1), MODALITIES, tmp_path / "cache")
    assert prepared.image().flags.c_contiguous
    assert prepared.label().flags.c_contiguous


def test_what_is_written_to_a_case_never_reaches_its_files(tmp_path):
    (prepared,) = prepare(tiny_cases(tmp_path / "real", count=1), MODALITIES, tmp_path / "cache")
    for array, name in ((prepared.image(), "image"), (prepared.label(), "label")):
        stored = np.load(prepared.folder / f"{name}.npy")
        np.testing.assert_array_equal(array, stored)
        array[:] = 0
        np.testing.assert_array_equal(np.load(prepared.folder / f"{name}.npy"), stored)
        assert stored.any()


def test_what_the_cache_will_take_is_said_before_it_is_filled_and_not_again(tmp_path, caplog):
    cases = tiny_cases(tmp_path / "real", count=2)
    with caplog.at_level(logging.INFO, "synthtrust.data.cache"):
        prepared = prepare(cases, MODALITIES, tmp_path / "cache")
        prepare(cases, MODALITIES, tmp_path / "cache")
    (message,) = [record.getMessage() for record in caplog.records if record.name == "synthtrust.data.cache"]
    assert message.startswith("Preparing 2 cases: at most 0.00 GB in ")
    most = sum(np.prod(case.load_label().shape) * 5 for case in cases)
    taken = sum(path.stat().st_size for p in prepared for path in p.folder.glob("[il]*.npy"))
    assert taken - 4 * 128 <= most  # 128 bytes are the head of a file


def test_labels_outside_the_foreground_are_not_cropped_away(tmp_path):
    image = np.zeros((12, 14, 16), np.float32)
    image[3:9, 3:9, 3:9] = np.random.default_rng(0).random((6, 6, 6)) + 1
    label = np.zeros(image.shape, np.uint8)
    label[10, 12, 1] = 2
    save_nifti(tmp_path / "i.nii.gz", image)
    save_nifti(tmp_path / "l.nii.gz", label)
    (prepared,) = prepare([Case("a", {"t1": tmp_path / "i.nii.gz"}, tmp_path / "l.nii.gz")], ["t1"], tmp_path / "cache")
    assert (prepared.label() == 2).sum() == 1
    assert prepared.facts["voxels"]["2"] == 1


def test_intensities_of_a_million_keep_their_contrast(tmp_path):
    rng = np.random.default_rng(0)
    image = (1.7e6 + 50 * rng.standard_normal((12, 14, 16))).astype(np.float32)
    save_nifti(tmp_path / "i.nii.gz", image)
    save_nifti(tmp_path / "l.nii.gz", np.ones(image.shape, np.uint8))
    (prepared,) = prepare([Case("a", {"t1": tmp_path / "i.nii.gz"}, tmp_path / "l.nii.gz")], ["t1"], tmp_path / "cache")
    assert prepared.image().astype(np.float64).std() == pytest.approx(1, abs=0.01)
    assert abs(prepared.image().astype(np.float64).mean()) < 0.01


def test_a_prepared_case_is_found_and_a_changed_one_is_prepared_anew(tmp_path):
    cases = tiny_cases(tmp_path / "real", count=2)
    first = prepare(cases, MODALITIES, tmp_path / "cache")
    before = {path: path.stat().st_mtime_ns for path in files(tmp_path / "cache")}
    prepare(cases, MODALITIES, tmp_path / "cache")
    assert {path: path.stat().st_mtime_ns for path in files(tmp_path / "cache")} == before
    changed = nib.load(cases[0].images["flair"]).get_fdata() * 2 + 1
    nib.save(nib.Nifti1Image(changed.astype(np.float32), AFFINE), cases[0].images["flair"])
    again = prepare(cases, MODALITIES, tmp_path / "cache")
    assert [a.folder == b.folder for a, b in zip(first, again, strict=True)] == [False, True]


def test_the_order_of_channels_is_part_of_the_recipe(tmp_path):
    (case,) = tiny_cases(tmp_path / "real", count=1)
    (prepared,) = prepare([case], ("flair", "t1ce"), tmp_path / "cache")
    (other,) = prepare([case], ("t1ce", "flair"), tmp_path / "cache")
    np.testing.assert_array_equal(prepared.image()[0], other.image()[1])


def test_two_cases_of_one_content_share_a_place(tmp_path):
    (case,) = tiny_cases(tmp_path / "real", count=1)
    twin = Case("twin", case.images, case.label_map, Source.SYNTHETIC, relabel=case.relabel)
    first, second = prepare([case, twin], MODALITIES, tmp_path / "cache")
    assert first.folder == second.folder


def test_a_case_without_contrast_is_refused_by_file_and_leaves_nothing(tmp_path):
    (case,) = tiny_cases(tmp_path / "real", count=1)
    flat = (case.load_image("t1ce") != 0).astype(np.float32)
    save_nifti(case.images["t1ce"], flat)
    with pytest.raises(CaseError, match=r"Expected contrast.*t1ce"):
        prepare([case], MODALITIES, tmp_path / "cache")
    assert not files(tmp_path / "cache")


def test_an_image_on_another_grid_than_its_label_is_refused(tmp_path):
    (case,) = tiny_cases(tmp_path / "real", count=1)
    save_nifti(case.images["t1ce"], case.load_image("t1ce")[1:])
    with pytest.raises(CaseError, match=r"Expected .* on the grid"):
        prepare([case], MODALITIES, tmp_path / "cache")


def test_points_lie_in_their_label(tmp_path):
    (case,) = tiny_cases(tmp_path / "real", count=1)
    (prepared,) = prepare([case], MODALITIES, tmp_path / "cache")
    points = prepared.points
    np.testing.assert_array_equal(prepared.label()[tuple(points[:, 1:].T)], points[:, 0])
    assert set(points[:, 0]) == {1, 2, 3}


def _killed_while(task):
    """Run a task in a process that dies, as by kill -9, when it writes its first array."""
    if (child := os.fork()) == 0:
        np.save = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        task()
        os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


def test_a_case_whose_preparation_was_killed_is_prepared_by_a_process_of_the_same_number(tmp_path, monkeypatch):
    cases = tiny_cases(tmp_path / "real", count=1)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    _killed_while(lambda: prepare(cases, MODALITIES, tmp_path / "cache"))
    left = {path for path in tmp_path.glob("cache/*/.*") if path.is_dir()}
    assert len(left) == 1
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 1)
        (prepared,) = prepare(cases, MODALITIES, tmp_path / "cache")
    assert prepared.image().shape[0] == 2
    assert not any(path.exists() for path in left)


@pytest.mark.parametrize("name", ["image.npy", "label.npy", "points.npy", "facts.json"])
def test_a_damaged_entry_is_found_and_made_anew(tmp_path, caplog, name):
    cohort = tiny_cohort(tmp_path / "real", count=1)
    (prepared,) = prepare(cohort.cases, cohort.modalities, tmp_path / "cache")
    content = (prepared.folder / name).read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    for damaged in (bytes(flipped), content[:-1], b"", None):
        if damaged is None:
            (prepared.folder / name).unlink()
        else:
            (prepared.folder / name).write_bytes(damaged)
        caplog.clear()
        prepare(cohort.cases, cohort.modalities, tmp_path / "cache")
        assert f"Damaged, and made anew: {prepared.folder}" in caplog.text
        assert (prepared.folder / name).read_bytes() == content
    caplog.clear()
    prepare(cohort.cases, cohort.modalities, tmp_path / "cache")
    assert "Damaged" not in caplog.text


def test_an_entry_of_an_older_version_has_no_checksums_and_is_taken(tmp_path, caplog):
    cohort = tiny_cohort(tmp_path / "real", count=1)
    (prepared,) = prepare(cohort.cases, cohort.modalities, tmp_path / "cache")
    facts = {name: value for name, value in prepared.facts.items() if name not in ("files", "crc32")}
    (prepared.folder / "facts.json").write_text(json.dumps(facts))
    prepare(cohort.cases, cohort.modalities, tmp_path / "cache")
    assert json.loads((prepared.folder / "facts.json").read_text()) == facts
