"""A received set that plainly cannot be what it is taken for is refused before anything is written, or warned of."""

import logging

import numpy as np
import pytest

from helpers.heads import head, turned
from synthtrust.cases import Case, CaseError, Cohort, load_manifest
from synthtrust.cases.checks.orientation import LabelledVolume
from synthtrust.generators import ImageSet, LabelledSet, synthesize
from synthtrust.testing.tiny import save_nifti

N_REAL, N_MADE = 9, 4
VALUES = {1: "rim", 2: "core"}


@pytest.fixture(scope="module")
def heads():
    rng = np.random.default_rng(0)
    return [head(rng) for _ in range(N_REAL + N_MADE)]


@pytest.fixture(scope="module")
def real(heads, tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    cases = [Case(f"r{n}", *files(folder, f"r{n}", volume)) for n, volume in enumerate(heads[:N_REAL])]
    return Cohort("heads", tuple(cases), ("t1",), {name: value for value, name in VALUES.items()})


def files(folder, name, volume):
    image = save_nifti(folder / f"{name}_t1.nii.gz", volume.images["t1"])
    return {"t1": image}, save_nifti(folder / f"{name}_seg.nii.gz", volume.label)


def imported(real, volumes, tmp_path, **options):
    """Write a set by patterns, and import it."""
    folder = tmp_path / "set"
    folder.mkdir()
    for n, volume in enumerate(volumes):
        files(folder, f"syn{n}", volume)
    importer = LabelledSet(
        root=str(folder), patterns={"t1": "*_t1.nii.gz", "seg": "*_seg.nii.gz"}, label_values=VALUES, **options
    )
    return synthesize(importer, real, real.cases, real.cases, tmp_path / "synthetic")


def relabelled(volume, change):
    return LabelledVolume(volume.images, change(volume.label))


def test_a_set_in_place_is_imported_without_a_remark(real, heads, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        own = imported(real, heads[N_REAL:], tmp_path)
    record = load_manifest(own.folder)
    assert (record["remarks"], record["repeated"], len(own.cases)) == ({}, {}, N_MADE)
    assert not caplog.records


def test_a_turned_set_is_refused_with_its_file_and_may_be_imported_all_the_same(real, heads, tmp_path):
    mirrored = [turned(volume, "RPS") for volume in heads[N_REAL:]]
    with pytest.raises(CaseError, match=r"images .*of .*set .*syn0_t1\.nii\.gz.* front and back exchanged") as error:
        imported(real, mirrored, tmp_path)
    assert "\n" not in str(error.value)
    assert "generator.check_orientation=false" in str(error.value)
    assert not list((tmp_path / "synthetic").glob("LabelledSet-*"))
    (tmp_path / "kept").mkdir()
    own = imported(real, mirrored, tmp_path / "kept", check_orientation=False)
    assert len(own.cases) == N_MADE


def test_turned_images_without_labels_are_refused_as_well(real, heads, tmp_path):
    for n, volume in enumerate(heads[N_REAL:]):
        save_nifti(tmp_path / "set" / f"syn{n}.nii.gz", turned(volume, "RAI").images["t1"])
    importer = ImageSet(root=str(tmp_path / "set"))
    with pytest.raises(CaseError, match="top and bottom exchanged"):
        synthesize(importer, real, real.cases, real.cases, tmp_path / "synthetic", to_learn_from=False)


def test_a_set_without_a_label_is_refused_and_one_without_a_region_is_warned_of(real, heads, tmp_path, caplog):
    empty = [relabelled(volume, np.zeros_like) for volume in heads[N_REAL:]]
    with pytest.raises(
        CaseError, match=r"labelled region .* but all 4 are background alone, first .*syn0_seg\.nii\.gz"
    ):
        imported(real, empty, tmp_path)
    (tmp_path / "one").mkdir()
    imported(real, [relabelled(v, lambda label: label // 2 * 2) for v in heads[N_REAL:]], tmp_path / "one")
    assert "No case of" in caplog.text
    assert "has the region rim, which real cases have" in caplog.text


def test_repeated_cases_are_named_whatever_their_files_are_like(real, heads, tmp_path, caplog):
    again = heads[N_REAL]
    other_type = LabelledVolume({"t1": again.images["t1"].astype(np.float64)}, again.label)
    own = imported(real, [*heads[N_REAL:], other_type], tmp_path)
    assert load_manifest(own.folder)["repeated"] == {"syn4": "syn0"}
    assert "1 of 5 cases" in caplog.text
    assert "first syn4 (syn4_t1.nii.gz) the case syn0" in caplog.text


def test_an_unlike_set_is_imported_with_a_remark(real, heads, tmp_path, caplog):
    rng = np.random.default_rng(1)
    noise = [
        LabelledVolume({"t1": rng.normal(100, 10, volume.label.shape).astype(np.float32)}, volume.label)
        for volume in heads[N_REAL:]
    ]
    own = imported(real, noise, tmp_path, background="keep")
    assert "unlike_images" in load_manifest(own.folder)["remarks"]
    assert "in no orientation as real ones do" in caplog.text
