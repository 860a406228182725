"""A manifest is written last, knows every byte of its set, and notices a changed one."""

import json
from dataclasses import replace

import numpy as np
import pytest

from synthtrust.cases import Case, CaseError, Cohort, Source, load_manifest, read_manifest, write_manifest
from synthtrust.files import sha256_of
from synthtrust.testing import draw_tiny, save_nifti


@pytest.fixture
def cohort(tmp_path):
    cases = []
    for n in range(2):
        label, images = draw_tiny((12, 14, 16), ["flair", "t1ce"], np.random.default_rng(n))
        folder = tmp_path / f"case{n}"
        cases.append(
            Case(
                f"case{n}",
                {name: save_nifti(folder / f"{name}.nii.gz", image) for name, image in images.items()},
                save_nifti(folder / "label.nii.gz", label),
                source=Source.SYNTHETIC,
                patient="somebody",
            )
        )
    return Cohort("painted", tuple(cases), ("flair", "t1ce"), {"NCR": 1, "ED": 2, "ET": 3}, licence="CC0")


def test_what_was_written_is_read(cohort, tmp_path):
    write_manifest(tmp_path, cohort, {"generator": "Replay"})
    assert read_manifest(tmp_path, verify=True) == cohort


def test_the_record_holds_recipe_facts_and_the_sha256_of_every_file(cohort, tmp_path):
    path = write_manifest(tmp_path, cohort, {"generator": "Replay", "seed": 3}, training_ids=["a", "b"])
    record = json.loads(path.read_text())
    del record["crc32"]
    assert record == load_manifest(tmp_path)
    assert record["made_by"] == {"generator": "Replay", "seed": 3}
    assert record["training_ids"] == ["a", "b"]
    assert record["licence"] == "CC0"
    assert "Not for clinical use" in record["intended_use"]
    assert record["versions"]["numpy"] == np.__version__
    entries = [entry for case in record["cases"] for entry in (case["label"], *case["images"].values())]
    assert len(entries) == 6
    for entry in entries:
        assert entry["sha256"] == sha256_of(tmp_path / entry["file"])


def test_a_set_can_be_moved(cohort, tmp_path):
    write_manifest(tmp_path, cohort, {})
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    assert all(case.label_map.is_relative_to(moved) for case in read_manifest(moved, verify=True).cases)


def test_a_folder_without_a_manifest_is_unfinished(tmp_path):
    with pytest.raises(CaseError, match=r"manifest\.json, but there is none; the set is unfinished"):
        read_manifest(tmp_path)


def test_a_manifest_is_whole_or_not_there(cohort, tmp_path):
    """NaN is not JSON: the failure comes while writing, and must leave no half-truth behind."""
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ValueError, match="nan"):
        write_manifest(tmp_path, cohort, {"noise": float("nan")})
    assert sorted(tmp_path.iterdir()) == before


def test_a_manifest_names_no_file_that_is_not_there(cohort, tmp_path):
    cohort.cases[1].label_map.unlink()
    with pytest.raises(FileNotFoundError):
        write_manifest(tmp_path, cohort, {})
    assert not (tmp_path / "manifest.json").exists()


def test_a_missing_file_is_refused_by_name(cohort, tmp_path):
    write_manifest(tmp_path, cohort, {})
    cohort.cases[1].images["t1ce"].unlink()
    with pytest.raises(CaseError, match=r"case1/t1ce\.nii\.gz, which .* names, but it is missing"):
        read_manifest(tmp_path)


def test_one_changed_byte_is_noticed_when_asked(cohort, tmp_path):
    write_manifest(tmp_path, cohort, {})
    path = cohort.cases[0].images["flair"]
    changed = bytearray(path.read_bytes())
    changed[-1] ^= 1
    path.write_bytes(changed)
    read_manifest(tmp_path)
    with pytest.raises(CaseError, match=r"case0/flair\.nii\.gz as it was written, but its sha256 differs"):
        read_manifest(tmp_path, verify=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ('{"format": 99}', "format 1, but got 99"),
        ("[1]", "format 1, but got list"),
        ("null", "format 1, but got NoneType"),
    ],
)
def test_a_manifest_that_cannot_be_understood_is_refused(tmp_path, text, message):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(CaseError, match=message):
        read_manifest(tmp_path)


def test_a_manifest_in_another_encoding_is_refused(cohort, tmp_path):
    path = write_manifest(tmp_path, replace(cohort, name="réel"), {})
    path.write_bytes(path.read_text().replace("\\u00e9", "é").encode("latin-1"))
    with pytest.raises(CaseError, match="is not JSON"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (["cases"], None, "a list of cases"),
        (["cases", 0, "id"], None, "id and patient of every case"),
        (["cases", 0, "label"], None, "label, a class or a file .* of case case0"),
        (["cases", 0, "source"], "fake", "source real or synthetic of case case0"),
        (["cases", 1, "images", "t1ce"], ..., "an image of each modality of case case1"),
        (["cases", 1, "images", "t1ce", "file"], "../outside.nii.gz", "inside its folder .* t1ce of case case1"),
        (["cases", 1, "images", "t1ce", "file"], "/outside.nii.gz", "inside its folder .* t1ce of case case1"),
        (["cases", 1, "channels"], [0], "channels by modality of case case1"),
        (["cases", 1, "part"], "exam", "part among train, val and test of case case1"),
        (["modalities"], "t1", "a list of modalities"),
        (["labels"], {"ET": "3"}, "labels, each with its value"),
        (["licence"], 3, "name and licence"),
        (["made_by"], ..., "made_by, the recipe,"),
        (["training_ids"], "case0", "training_ids, a list of ids or"),
        (["training_ids"], [1, 2], "training_ids, a list of ids or"),
        (["card"], "card.md", "the file and sha256 of its card"),
    ],
)
def test_a_manifest_that_was_edited_into_another_shape_is_refused(cohort, tmp_path, keys, value, message):
    path = write_manifest(tmp_path, cohort, {}, training_ids=["a"])
    record = json.loads(path.read_text())
    *outer, last = keys
    inner = record
    for key in outer:
        inner = inner[key]
    inner[last] = value
    if value is ...:
        del inner[last]
    path.write_text(json.dumps(record))
    with pytest.raises(CaseError, match=rf"^Expected .*{message}.* in .*manifest\.json, but got"):
        load_manifest(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"), [('"case1"', '"case3"'), ('"licence": "CC0"', '"licence": "CC1"'), ('"a1"', '"a3"')]
)
def test_a_value_that_has_changed_since_is_found_and_one_may_be_changed_on_purpose(cohort, tmp_path, old, new):
    path = write_manifest(tmp_path, cohort, {"weights": 0.1}, training_ids=["a1"])
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(
        CaseError, match=r"manifest\.json as it was written, but its values have changed .* remove \"crc32"
    ):
        read_manifest(tmp_path)
    record = json.loads(path.read_text())
    path.write_text(json.dumps({name: value for name, value in record.items() if name != "crc32"}))
    assert len(read_manifest(tmp_path, verify=True).cases) == len(cohort.cases)


@pytest.mark.parametrize("change", [{"relabel": {0: 0, 1: 1, 2: 2, 4: 3}}])
def test_cases_as_released_are_not_declared(cohort, tmp_path, change):
    released = replace(cohort, cases=(replace(cohort.cases[0], **change),))
    with pytest.raises(ValueError, match=r"canonical labels.*\['case0'\]"):
        write_manifest(tmp_path, released, {})
