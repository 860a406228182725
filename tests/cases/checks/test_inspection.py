"""Every case is read to its last voxel once: what fails is refused by name, and what was read is remembered."""

import numpy as np
import pandas as pd
import pytest

from helpers.plane_images import blobs, save
from synthtrust.cases import Case, Splits, describe, read_class_folders
from synthtrust.cases.checks.duplicates import check_duplicates
from synthtrust.cases.checks.inspection import Ledger, inspect
from synthtrust.cases.checks.listing import readable
from synthtrust.files import RememberedFiles, sha256_of, writable
from synthtrust.testing import save_nifti, tiny_cohort


@pytest.fixture
def loaded(monkeypatch):
    """Return the ids of the cases whose images are read, one entry each time."""
    ids = []
    load = Case.load_image
    monkeypatch.setattr(Case, "load_image", lambda case, modality: ids.append(case.id) or load(case, modality))
    return ids


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    """Files count as settled as soon as they are written, and no process has hashed any yet."""
    monkeypatch.setattr("synthtrust.files.SETTLED", -1.0)
    monkeypatch.setattr("synthtrust.cases.checks.inspection.hashes", RememberedFiles(sha256_of))


def images(folder, count=4):
    for n in range(count):
        save(folder / ("sick", "well")[n % 2] / f"{n}.png", blobs(n))
    return read_class_folders(folder)


@pytest.mark.parametrize("make", [lambda folder: tiny_cohort(folder, 3), images], ids=["volumes", "images"])
def test_what_was_read_is_remembered_and_is_the_same(tmp_path, loaded, make):
    cohort = make(tmp_path / "real")
    first = describe(cohort, folder=tmp_path / "kept")
    assert set(loaded) == {case.id for case in cohort.cases}
    loaded.clear()
    again = describe(cohort, folder=tmp_path / "kept")
    assert loaded == []
    pd.testing.assert_frame_equal(again.table, first.table)
    pd.testing.assert_frame_equal(again.volumes, first.volumes)
    pd.testing.assert_frame_equal(again.table, describe(cohort).table)


def test_what_is_remembered_is_what_was_read_whatever_became_of_it(tmp_path):
    cases = tiny_cohort(tmp_path / "real", 2).cases
    for _ in range(2):
        for case, facts in inspect(cases, lambda case: {"row": {"id": case.id}}, "recipe", writable(tmp_path / "kept")):
            assert facts == {"row": {"id": case.id}}
            facts["row"].clear()


def test_a_file_that_changed_is_read_again_and_no_other(tmp_path, loaded):
    cohort = tiny_cohort(tmp_path / "real", 3)
    describe(cohort, folder=tmp_path / "kept")
    save_nifti(cohort.cases[1].images["t1ce"], cohort.cases[1].load_image("t1ce") * 2)
    loaded.clear()
    listing = describe(cohort, folder=tmp_path / "kept")
    assert set(loaded) == {cohort.cases[1].id}
    assert listing.table["t1ce_max"][1] == cohort.cases[1].load_image("t1ce").max()


def test_what_was_refused_is_read_anew_and_is_usable_when_it_was_mended(tmp_path, loaded):
    cohort = tiny_cohort(tmp_path / "real", 3)
    path = cohort.cases[2].label_map
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused = readable(cohort, tmp_path / "kept")
    assert [refusal.case for refusal in refused.refused] == [cohort.cases[2].id]
    assert [case.id for case in refused.cases] == [case.id for case in cohort.cases[:2]]
    path.write_bytes(whole)
    mended = readable(cohort, tmp_path / "kept")
    assert (mended.refused, mended.cases) == ((), cohort.cases)


def test_a_pass_that_was_killed_goes_on_from_its_last_entry(tmp_path, loaded, monkeypatch):
    monkeypatch.setattr("synthtrust.cases.checks.inspection.BLOCK", 2)
    cohort = tiny_cohort(tmp_path / "real", 4)
    with monkeypatch.context() as patch:
        patch.setattr("synthtrust.cases.checks.listing.track", lambda results, *_, **__: _interrupted(results, after=3))
        with pytest.raises(KeyboardInterrupt):
            describe(cohort, folder=tmp_path / "kept")
    with (tmp_path / "kept" / "facts.jsonl").open("a") as file:
        file.write('{"cut sho')
    loaded.clear()
    assert len(describe(cohort, folder=tmp_path / "kept").table) == 4
    assert set(loaded) == {cohort.cases[3].id}
    loaded.clear()
    describe(cohort, folder=tmp_path / "kept")
    assert loaded == []


def _interrupted(results, after):
    for n, result in enumerate(results, start=1):
        yield result
        if n == after:
            results.close()
            raise KeyboardInterrupt


def test_a_line_that_was_cut_short_takes_no_other_with_it(tmp_path):
    ledger = Ledger(tmp_path / "facts.jsonl")
    ledger.add({"a": 1})
    with ledger.file.open("a") as file:
        file.write('{"b": ')
    ledger.add({"c": 3, "a": 4})
    assert ledger.entries() == {"a": 4, "c": 3}


@pytest.mark.parametrize("line", ["[1, 2]", "null", "3", '"text"', "[" * 10_000, "\x00", '{"a": 1', '{"a": 5}', "{}"])
def test_a_line_that_is_damaged_counts_as_none(tmp_path, line):
    ledger = Ledger(tmp_path / "facts.jsonl")
    ledger.add({"a": {"value": 0.5}})
    before = ledger.file.read_text()
    ledger.file.write_text(f"{line}\n{before}")
    assert ledger.entries() == {"a": {"value": 0.5}}
    ledger.file.write_text(before.replace("0.5", "0.7"))  # as by a flipped bit
    assert ledger.entries() == {}
    ledger.file.write_text('{"a": 5}\n')  # as older versions wrote it
    assert ledger.entries() == {"a": 5}


def test_a_folder_that_cannot_be_written_costs_the_memory_alone(tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    listing = describe(tiny_cohort(tmp_path / "real", 2), folder=tmp_path / "file" / "kept")
    assert len(listing.table) == 2
    assert "Nothing can be stored in" in caplog.text


@pytest.mark.parametrize(
    "error", [KeyError("dim"), RecursionError("deep"), MemoryError(), AssertionError("odd\nheader")]
)
def test_whatever_a_library_raises_becomes_a_refusal_that_names_the_file(tmp_path, monkeypatch, error):
    cohort, load = tiny_cohort(tmp_path, 3), Case.load_image

    def odd(case, modality):
        if case.id == cohort.cases[1].id:
            raise error
        return load(case, modality)

    monkeypatch.setattr(Case, "load_image", odd)
    (refusal,) = describe(cohort).refused
    assert refusal.case == cohort.cases[1].id
    assert refusal.why.startswith(f"Expected case {refusal.case} to be readable, but got {type(error).__name__}")
    assert str(cohort.cases[1].images["flair"]) in refusal.why
    assert "\n" not in refusal.why


def test_a_volume_without_contrast_is_refused_as_preprocessing_would(tmp_path):
    from synthtrust.cases import CaseError
    from synthtrust.data.cache import prepare

    cohort = tiny_cohort(tmp_path / "real", 3)
    case = cohort.cases[1]
    save_nifti(case.images["t1ce"], np.where(case.load_image("t1ce") != 0, np.float32(0.1), 0))
    (refusal,) = describe(cohort).refused
    assert (refusal.case, "Expected contrast" in refusal.why) == (case.id, True)
    with pytest.raises(CaseError, match="Expected contrast"):
        prepare(cohort.cases, cohort.modalities, tmp_path / "cache")


def test_an_image_without_contrast_is_refused_as_preprocessing_would(tmp_path):
    from synthtrust.cases import CaseError
    from synthtrust.data.image_cache import image_table

    images(tmp_path / "real", count=16)
    flat = save(tmp_path / "real" / "sick" / "flat.png", np.full((40, 36), 9, np.uint8))
    cohort = read_class_folders(tmp_path / "real")
    (refusal,) = describe(cohort).refused
    assert refusal.where == flat
    assert "Expected contrast" in refusal.why
    with pytest.raises(CaseError, match="Expected contrast"):
        image_table(cohort.cases, cohort.modalities, tmp_path / "cache")


def test_volumes_are_not_read_again_to_be_compared(tmp_path, loaded):
    cohort = tiny_cohort(tmp_path / "real", 6)
    readable(cohort, tmp_path / "kept")
    loaded.clear()
    splits = Splits(cohort.cases[:3], cohort.cases[3:4], cohort.cases[4:])
    assert check_duplicates(splits, "refuse", tmp_path / "kept") is splits
    assert loaded == []
    check_duplicates(splits, "refuse")
    assert sorted(loaded) == [case.id for case in cohort.cases]
