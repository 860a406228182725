"""Predictions of another trainer are scored as a network's own are, or refused by the name of the file."""

import json
import shutil

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch
from omegaconf import OmegaConf

from synthtrust.cases.formats.volumes import write_volume_like
from synthtrust.conventions import SURFACE_COLUMNS
from synthtrust.data import prepare
from synthtrust.metrics import SurfaceRules, surfaces_of_case
from synthtrust.metrics.functional import case_dice
from synthtrust.runs import Run, score_predictions, trained_model

ARM = "alpha_0.5_seed_0"
REGIONS = {"ET": (3,), "WT": (1, 2, 3)}


@pytest.fixture
def predicted(exported, tmp_path):
    """Return a folder with the reference label maps of an arm as its predictions."""
    shutil.copytree(exported.folder / "labelsTs", tmp_path / "theirs" / ARM)
    return tmp_path / "theirs"


@pytest.fixture
def score(exported, predicted, tmp_path):
    def _score(predictions=predicted, folders=(exported.run,)):
        paths = {"runs": str(tmp_path / "scored")}
        cfg = OmegaConf.create({"predictions": str(predictions), "trusted": False, "paths": paths})
        return Run(score_predictions(cfg, [str(folder) for folder in folders]) / ARM)

    return _score


def refused(score, match, **arguments):
    with pytest.raises(ValueError, match=match) as caught:
        score(**arguments)
    assert "\n" not in str(caught.value)


def test_the_reference_itself_scores_1_and_becomes_a_run_that_audits_read(score, exported, predicted, tmp_path):
    run = score()
    scores = run.scores()
    assert (scores["dice"] == 1).all()
    assert list(scores)[:4] == ["alpha", "seed", "mode", "case"]
    assert set(scores["region"]) == {"ET", "WT"}
    splits = run.data()["splits"]
    assert set(scores["case"]) == set(splits["test"])
    assert (scores.groupby("source")["case"].nunique() == len(splits["test"])).all()
    assert run.folder == tmp_path / "scored" / "theirs" / ARM
    facts = run.facts()
    assert (facts["network"], facts["predictions"]) == ("theirs (predictions of another trainer)", str(predicted))
    assert (facts["alpha"], facts["seed"], facts["mode"]) == (0.5, 0, "complement")
    assert "batch_size" not in facts
    with pytest.raises(
        ValueError, match=r"^Expected a run with a network of its own, but .* that another trainer made"
    ):
        trained_model(run, run.cohort)
    assert run.finished
    assert len(run.volumes())
    assert {case.id for case in run.cohort.cases} == {case.id for case in run.twins.cases}


def test_a_prediction_scores_as_that_of_a_network_does(score, exported, predicted):
    """Here on the grid of the file, there in the box of the foreground; and with other numbers for the labels."""
    run = Run(exported.run)
    rng = np.random.default_rng(0)
    expected, surfaces = {}, {}
    tests = [run.real_case(case_id) for case_id in run.data()["splits"]["test"]]
    for case in prepare(tests, ["flair", "t1ce"], exported.cfg.paths.cache):
        label = np.asarray(case.label())
        guess = np.where(rng.random(label.shape) < 0.4, rng.integers(0, 4, label.shape), label).astype(np.uint8)
        maps = [torch.from_numpy(array.astype(np.int64))[None] for array in (guess, label)]
        expected[case.case.id] = case_dice(*maps, [(3,), (1, 2, 3)])[0].tolist()
        rules = SurfaceRules(tolerance=2.0)
        of_case = surfaces_of_case(guess, label, case.facts["spacing"], case.extent_mm, REGIONS, rules)
        surfaces[case.case.id] = [list(region.columns.values()) for region in of_case.regions]
        whole = np.zeros(case.facts["shape"], np.uint8)
        box = tuple(slice(o, o + n) for o, n in zip(case.facts["origin"], label.shape, strict=True))
        whole[box] = guess
        write_volume_like(whole, case.case.label_map, predicted / ARM / f"real_{case.case.id}.nii.gz")
    scored = score()
    scores = scored.scores()
    real = scores[scores["source"] == "real"].pivot(index="case", columns="region", values="dice")
    for case, dice in expected.items():
        assert real.loc[case, ["ET", "WT"]].tolist() == dice
        rows = scores[(scores["case"] == case) & (scores["source"] == "real")].set_index("region")
        np.testing.assert_allclose(rows.loc[["ET", "WT"], list(SURFACE_COLUMNS)], surfaces[case], rtol=1e-6)
    assert scored.facts()["surfaces"]["tolerance"] == {"ET": 2.0, "WT": 2.0}  # a voxel is 1.5 x 1.25 x 2 mm
    assert len(scored.lesions()) == scores["n_lesions"].sum()
    assert 0.1 < np.mean(list(expected.values())) < 0.9
    assert (scores.loc[scores["source"] == "synthetic", "dice"] == 1).all()


def test_folders_are_found_by_run_by_set_and_by_table(score, exported, predicted, tmp_path):
    first = score().scores()
    (predicted / ARM).rename(predicted / exported.folder.name)
    pd.testing.assert_frame_equal(score().scores(), first)  # the same predictions replace the run
    within = predicted / exported.folder.name / "fold_0" / "validation"
    within.mkdir(parents=True)
    for file in (predicted / exported.folder.name).glob("*.nii.gz"):
        file.rename(within / file.name)
    pd.testing.assert_frame_equal(score().scores(), first)
    table = tmp_path / "by_table.csv"
    table.write_text(f"run,folder\n{ARM},theirs/{exported.folder.name}\n")
    pd.testing.assert_frame_equal(score(table).scores(), first)
    assert score(table).facts()["network"].startswith("by_table (")


def test_validation_cases_and_other_files_are_left_alone(score, exported, predicted):
    (validated,) = json.loads((exported.folder / "splits_final.json").read_text())[0]["val"]
    shutil.copy(exported.folder / "labelsTr" / f"{validated}.nii.gz", predicted / ARM)
    for name in ("plans.json", "real_BraTS2021_00000.npz", "log.txt"):
        (predicted / ARM / name).write_text("{}")
    assert len(score().scores())


def test_what_is_missing_or_too_much_is_refused_by_name(score, exported, predicted):
    (file, *_) = sorted((predicted / ARM).glob("synthetic_*"))
    file.rename(file.with_name("synthetic_nobody.nii.gz"))
    refused(score, r"such as real_.*, but .*synthetic_nobody\.nii\.gz is none of them")
    (predicted / ARM / "synthetic_nobody.nii.gz").unlink()
    refused(score, f"Expected a prediction of every test case in .*, but {file.name[:-7]} has none")
    shutil.copy(exported.folder / "labelsTs" / file.name, file)
    shutil.copy(file, file.with_name(f"{file.name[:-7]}.NII.GZ"))
    refused(score, f"Expected one prediction of {file.name[:-7]}")


def test_an_arm_without_predictions_and_predictions_of_no_arm_are_refused(score, exported, predicted):
    (predicted / "alpha_1.0_seed_0").mkdir()
    refused(score, "but alpha_1.0_seed_0 is none of")
    (predicted / "alpha_1.0_seed_0").rmdir()
    (predicted / "logs").mkdir()  # no name of an arm
    (predicted / ARM).rename(predicted / "alpha_0.5_seed_1")
    refused(score, f"predictions of {ARM} in .*, but there is none")
    refused(score, f"one exported mix of each name, but {ARM}", folders=(exported.run, exported.run))


def test_another_grid_and_an_unknown_value_are_refused_by_name(score, predicted, tmp_path):
    (file, *_) = sorted((predicted / ARM).glob("real_*"))
    image = nib.load(file)
    voxels = np.asarray(image.dataobj)
    nib.save(nib.Nifti1Image(voxels[1:], image.affine), file)
    refused(score, rf"Expected .*{file.name} on the grid of its label .*, but got shape")
    moved = image.affine.copy()
    moved[0, 3] += 1.0  # [mm]
    nib.save(nib.Nifti1Image(voxels, moved), file)
    refused(score, rf"{file.name} on the grid of its label .* mm apart")
    nib.save(nib.Nifti1Image(np.where(voxels == 3, 4, voxels), image.affine), file)
    meaning = "0 background, 1 NCR, 2 ED, 3 ET"
    refused(score, rf"among \[0, 1, 2, 3\], but got \[4\.0\] in .*{file.name}\. Predictions have the .*: {meaning}")
    assert not (tmp_path / "scored").exists()


def test_scores_are_written_over_those_of_the_same_predictions_alone(score, exported, predicted, tmp_path):
    run = score()
    other = tmp_path / "elsewhere" / "theirs"
    shutil.copytree(predicted, other)
    refused(score, rf"to be free for the scores of {other}, but it holds those of {predicted}", predictions=other)
    (run.folder / "run.json").unlink()
    refused(score, "holds a run of this project")
    shutil.copytree(exported.run, tmp_path / "scored" / "again" / ARM)
    shutil.copytree(predicted, tmp_path / "again")
    refused(score, "in a folder of another name", predictions=tmp_path / "again")


def test_a_damaged_record_of_an_export_is_refused(score, exported, tmp_path):
    shutil.copytree(exported.run, tmp_path / "damaged" / ARM)
    (tmp_path / "damaged" / ARM / "export.json").write_text('{"folder": "somewhere"}')
    refused(score, r"export\.json as an export leaves it", folders=(tmp_path / "damaged",))
