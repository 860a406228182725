"""The laws of the phantom cohort: reproducible, nested, with the contrasts of a brain, made once."""

import json
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from synthtrust.cases import Cohort, phantom, read_manifest
from synthtrust.cases.phantom.painter import CONTRASTS, FEWEST_VOXELS, Tissue, paint

SMALL = {"n_cases": 2, "shape": (20, 24, 18), "spacing": (7.5, 7.0, 8.0), "modalities": ("flair", "t1ce")}
DEFAULT_SHAPE = (48, 56, 44)


@pytest.fixture(scope="module")
def painted():
    """Three cases at the shape of the demo: label, tissue shares, images."""
    return [paint(0, index, DEFAULT_SHAPE) for index in range(3)]


def voxels(cohort: Cohort) -> list[np.ndarray]:
    return [np.stack([case.load_label(), *map(case.load_image, case.images)]) for case in cohort.cases]


def files_of(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.suffix in {".gz", ".json"}}


def make(folder: Path) -> Path:
    return phantom(folder, **SMALL).cases[0].label_map


def test_the_same_seed_paints_the_same_voxels_and_another_seed_others(tmp_path):
    first, again = phantom(tmp_path / "a", **SMALL), phantom(tmp_path / "b", **SMALL)
    other = phantom(tmp_path / "a", **SMALL, seed=1)
    assert np.array_equal(voxels(first), voxels(again))
    assert not np.array_equal(voxels(first), voxels(other))


def test_the_same_recipe_writes_the_same_bytes(tmp_path):
    first, again = phantom(tmp_path / "a", **SMALL).cases[0], phantom(tmp_path / "b", **SMALL).cases[0]
    assert [p.read_bytes() for p in first.files.values()] == [p.read_bytes() for p in again.files.values()]


def test_a_case_does_not_depend_on_how_many_are_asked_for_nor_on_the_other_modalities(tmp_path):
    few = phantom(tmp_path, **SMALL)
    more = phantom(tmp_path, **SMALL | {"n_cases": 3, "modalities": ("t2", "t1ce")})
    for case, same in zip(few.cases, more.cases, strict=False):
        assert case.id == same.id
        assert np.array_equal(case.load_label(), same.load_label())
        assert np.array_equal(case.load_image("t1ce"), same.load_image("t1ce"))


@pytest.mark.parametrize("shape", [(16, 18, 17), (20, 24, 18), (33, 30, 29)])
@pytest.mark.parametrize("seed", range(6))
def test_every_case_has_every_label_and_they_are_nested(seed, shape):
    label, _, images = paint(seed, 0, shape)
    assert np.bincount(label.ravel(), minlength=4)[1:].min() >= FEWEST_VOXELS
    assert set(np.unique(binary_dilation(label == 1) * label)) <= {0, 1, 3}
    assert not (binary_dilation(label == 1) & np.isin(label, [0, 2])).any(), "NCR touches NCR and ET alone"
    assert not (binary_dilation(np.isin(label, [1, 3])) & (label == 0)).any(), "the core touches tumour alone"
    assert not (label.astype(bool) & (images["t1"] == 0)).any(), "the tumour lies in the brain"


def test_the_background_is_exactly_zero_and_the_brain_is_not(painted):
    for _, tissue, images in painted:
        brain = tissue.any(axis=0)
        np.testing.assert_allclose(tissue.sum(axis=0), brain, atol=1e-12)  # shares of one voxel, in double precision
        assert 0.2 < brain.mean() < 0.6
        for image in images.values():
            assert np.array_equal(image > 0, brain)


@pytest.mark.parametrize(
    ("modality", "brightest_first"),
    [
        ("t1", ["WHITE", "NUCLEI", "GREY", "CSF"]),
        ("t1ce", ["ET", "WHITE", "GREY", "CSF"]),
        ("t1ce", ["ET", "ED", "NCR"]),
        ("t2", ["CSF", "GREY", "WHITE"]),
        ("t2", ["NCR", "ET", "WHITE"]),
        ("flair", ["ED", "GREY", "WHITE", "CSF"]),
    ],
)
def test_tissues_stand_in_the_order_of_the_contrast(painted, modality, brightest_first):
    for kinds in pairwise(brightest_first):
        darker_by = []
        for _, tissue, images in painted:
            brighter, darker = (np.average(images[modality], weights=tissue[Tissue[kind]] ** 4) for kind in kinds)
            darker_by.append(brighter - darker)
        assert np.mean(darker_by) > 0, kinds


@pytest.mark.parametrize("modality", CONTRASTS)
@pytest.mark.parametrize("region", [(1,), (2,), (3,), (1, 2, 3)], ids=["NCR", "ED", "ET", "WT"])
def test_no_threshold_of_one_modality_finds_a_region(painted, modality, region):
    for label, _, images in painted:
        image, wanted = images[modality][images[modality] > 0], np.isin(label, region)[images[modality] > 0]
        dice = []
        for bound in np.percentile(image, np.arange(1, 100)):
            dice += [
                2 * (side & wanted).sum() / (side.sum() + wanted.sum()) for side in (image >= bound, image < bound)
            ]
        assert max(dice) < 0.9


def test_cases_differ_in_anatomy_and_tumour(painted):
    labels, tissues, _ = zip(*painted, strict=True)
    brains = [tissue.any(axis=0) for tissue in tissues]
    assert len({int(brain.sum()) for brain in brains}) == len(painted)
    assert len({tuple(np.bincount(label.ravel())) for label in labels}) == len(painted)


def test_the_files_are_anisotropic_labelled_by_three_values_and_described(tmp_path):
    cohort = phantom(tmp_path, **SMALL)
    case = cohort.cases[0]
    assert cohort.modalities == tuple(case.images) == SMALL["modalities"]
    assert dict(cohort.labels) == {"NCR": 1, "ED": 2, "ET": 3}
    assert cohort.licence == "Apache-2.0 (procedural, no patient)"
    assert (case.id, case.patient) == ("phantom_000", "phantom_000")
    for path in case.files.values():
        file = nib.load(path)
        assert len(set(file.shape)) == 3
        assert nib.aff2axcodes(file.affine) == ("L", "P", "S")
        np.testing.assert_allclose(file.header.get_zooms(), SMALL["spacing"])
        assert file.affine[:3, 3].any()
    assert nib.load(case.label_map).get_data_dtype() == np.uint8
    recipe = json.loads((case.label_map.parents[1] / "manifest.json").read_text())["made_by"]
    assert recipe["spacing"] == list(SMALL["spacing"])
    assert {"n_cases", "shape", "modalities", "seed", "phantom_version"} <= set(recipe)
    assert read_manifest(case.label_map.parents[1], verify=True) == cohort


def test_a_made_set_is_found_and_not_painted_again(tmp_path):
    cohort = phantom(tmp_path, **SMALL)
    before = files_of(tmp_path)
    assert phantom(str(tmp_path), **SMALL | {"shape": [20, 24, 18], "modalities": ["flair", "t1ce"]}) == cohort
    assert files_of(tmp_path) == before


def test_a_set_that_was_cut_short_is_completed(tmp_path):
    cohort = phantom(tmp_path, **SMALL)
    content, before = voxels(cohort), files_of(tmp_path)
    (cohort.cases[0].label_map.parents[1] / "manifest.json").unlink()
    lost = cohort.cases[1].label_map
    lost.unlink()
    assert np.array_equal(voxels(phantom(tmp_path, **SMALL)), content)
    after = files_of(tmp_path)
    assert after.keys() == before.keys()
    assert all(after[path] == before[path] for path in cohort.cases[0].files.values())


def test_a_finished_set_that_lost_a_file_gets_it_back(tmp_path):
    cohort = phantom(tmp_path, **SMALL)
    cohort.cases[1].label_map.unlink()
    assert phantom(tmp_path, **SMALL).cases[1].label_map.exists()


def test_two_processes_may_ask_at_once(tmp_path):
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        first, second = pool.map(make, [tmp_path, tmp_path])
    assert first == second
    read_manifest(first.parents[1], verify=True)
    assert not [path for path in tmp_path.rglob(".*") if path.suffix == ".gz"], "nothing is left aside"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_cases": 0}, "Expected at least one case, but got n_cases=0"),
        ({"shape": (20, 15, 18)}, r"sides of at least 16 voxels, but got shape \[20, 15, 18\]"),
        ({"shape": (20, 24)}, "three sides"),
        ({"spacing": (1.0, 0.0, 1.0)}, "positive voxel sides"),
        ({"modalities": ("flair", "pet")}, r"Expected modalities among .*, but got \['flair', 'pet'\]"),
        ({"modalities": ("t1", "t1")}, "each once"),
        ({"modalities": ()}, "Expected modalities"),
        ({"seed": -1}, "seed of at least 0"),
    ],
)
def test_what_cannot_be_painted_is_refused(tmp_path, wrong, message):
    with pytest.raises(ValueError, match=message):
        phantom(tmp_path, **SMALL | wrong)
    assert not list(tmp_path.iterdir()), "nothing is written for a refused recipe"
