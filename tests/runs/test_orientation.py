"""Runs do not depend on the orientation in which files are stored, and arrays of older versions are told apart."""

import json
import shutil

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from synthtrust.cases import CaseError, read_brats
from synthtrust.cases.formats.volumes import stored_orientation
from synthtrust.runs import find_runs, score_cohort, train_run
from synthtrust.runs.training import list_cases
from synthtrust.testing import tiny_cohort


@pytest.fixture
def folder(tmp_path):
    """Return a folder of cases whose files a test may turn."""
    tiny_cohort(tmp_path / "real", count=6)
    return tmp_path


def test_a_network_that_learned_from_arrays_in_the_order_of_files_scores_nothing_else(copied):
    """Versions before 2 of the cache did not bring volumes to one orientation: a mirrored patient would be scored."""
    cfg = copied
    (run,) = find_runs(cfg.paths.output)
    assert run.facts()["orientation"] == run.data()["orientation"] == "RAS"
    older = {key: value for key, value in run.facts().items() if key != "orientation"}
    (run.folder / "run.json").write_text(json.dumps(older))
    with pytest.raises(ValueError, match=r"Expected a run that was trained on volumes in RAS orientation"):
        score_cohort(run, run.cohort, cfg.paths.cache, allow_overlap=True)
    assert train_run(cfg) == pytest.approx(run.scores().query("source == 'real'")["dice"].mean())  # it is still found


def test_such_a_run_is_not_gone_on_with(copied):
    cfg = copied
    (run,) = find_runs(cfg.paths.output)
    (run.folder / "run.json").unlink()
    older = {key: value for key, value in run.data().items() if key != "orientation"}
    (run.folder / "data.json").write_text(json.dumps(older))
    with pytest.raises(ValueError, match="was trained on arrays in the order of their files, by an older version"):
        train_run(cfg)


def test_the_same_cases_in_another_orientation_get_the_same_scores(configure, tmp_path):
    cfg = configure()
    train_run(cfg)
    (run,) = find_runs(cfg.paths.output)
    own = score_cohort(run, run.cohort, cfg.paths.cache, allow_overlap=True)
    columns = ["case", "region", "dice", "n_reference", "n_prediction"]
    for code in ("RAS", "PSR"):
        for path in {path for case in run.cohort.cases for path in case.files.values()}:
            image = nib.load(path)
            turn = ornt_transform(io_orientation(image.affine), axcodes2ornt(tuple(code)))
            nib.save(nib.Nifti1Image(np.asarray(image.dataobj), image.affine).as_reoriented(turn), path)
            assert stored_orientation(path) == code
        again = score_cohort(run, read_brats(tmp_path / "real", modalities=("flair", "t1ce")), cfg.paths.cache,
                             allow_overlap=True)  # fmt: skip
        pd.testing.assert_frame_equal(own[columns], again[columns])


def test_twins_that_are_mirrored_against_their_labels_are_refused_before_training(configure, tmp_path):
    shutil.copytree(tmp_path / "real", tmp_path / "turned")
    for path in (tmp_path / "turned").glob("*/*[!g].nii.gz"):  # all but the label maps
        image = nib.load(path)
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[:, ::-1], image.affine), path)
    cfg = configure(
        "generator=folder", f"generator.root={tmp_path / 'turned'}", "generator.background=keep", "alpha=0.5"
    )
    with pytest.raises(CaseError, match="images of twins are mirrored or turned: taken as RPS instead of RAS"):
        train_run(cfg)


def test_the_listing_counts_orientations(configure, tmp_path, capsys):
    path = next((tmp_path / "real").glob("*/*_flair.nii.gz"))
    nib.save(nib.as_closest_canonical(nib.load(path)), path)
    list_cases(configure("cases.list=true"))
    lines = [line.split("│")[1:3] for line in capsys.readouterr().out.splitlines() if "LPS" in line]
    assert [[cell.strip() for cell in line] for line in lines] == [["LPS", "5"], ["LPS, images RAS", "1"]]
