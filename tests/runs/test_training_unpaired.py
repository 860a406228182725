"""Training on a set whose cases are the twins of none: more synthetic than real cases, and children of real ones."""

import json
import shutil

import pytest
from omegaconf import OmegaConf

from synthtrust.cases import Mix, read_nnunet
from synthtrust.refusals import Refusal
from synthtrust.runs import Run, export_run, find_runs, score_predictions, train_run
from synthtrust.testing import tiny_cohort


@pytest.fixture
def with_own_cases(configure, folder, tmp_path):
    """Return a config of a run on 6 real cases and 16 of their own, of which two are children of each of 4 cases."""
    files = [case.files for case in tiny_cohort(tmp_path / "own", count=16, seed=5).cases]
    columns = ["case_id", "flair", "t1ce", "label", "parent"]
    rows = [
        [f"own{n:02d}", str(f["flair"]), str(f["t1ce"]), str(f["label"]), f"case{n % 4}" if n < 8 else ""]
        for n, f in enumerate(files)
    ]
    real = sorted(path.name for path in (folder / "real").iterdir())
    rows = [[*row[:4], real[int(row[4][4:])] if row[4] else ""] for row in rows]
    table = tmp_path / "own.csv"
    table.write_text("\n".join(",".join(row) for row in [columns, *rows]))

    def _configure(*overrides, name="run"):
        values = "generator.label_values={1:NCR,2:ED,4:ET}"
        return configure("generator=labelled_set", f"generator.root={table}", values, *overrides, name=name)

    return _configure


def test_all_real_cases_and_twice_as_many_synthetic_ones_train_a_model(with_own_cases):
    cfg = with_own_cases("data.mode=additive", "data.n_synthetic=6", "alpha=0")
    train_run(cfg)
    (run,) = find_runs(cfg.paths.output)
    drawn, splits = run.data()["drawn"]["train"], run.data()["splits"]
    assert (len(drawn["real"]), len(drawn["synthetic"])) == (3, 6)
    facts = run.facts()
    assert (facts["paired"], facts["n_synthetic"], facts["drawn"]) == (False, 6, {"real": 3, "synthetic": 6})
    parents = {case.id: case.parent for case in run.twins.cases}
    assert not {parents[case] for case in drawn["synthetic"]} & {*splits["val"], *splits["test"]}
    scores = run.scores()
    assert sorted(scores.loc[scores["source"] == "real", "case"].unique()) == splits["test"]
    synthetic = scores.loc[scores["source"] == "synthetic", "case"].unique()
    assert len(synthetic) == facts["synthetic_cases"]["test"]
    assert not set(synthetic) & set(drawn["synthetic"])


def test_more_synthetic_cases_than_there_are_is_refused(with_own_cases):
    with pytest.raises(Refusal, match=r"Expected data.n_synthetic of at most \d+ training cases, but got 17"):
        train_run(with_own_cases("data.mode=additive", "data.n_synthetic=17", "alpha=0"))


def test_such_a_mix_is_exported_and_predictions_for_it_are_scored(with_own_cases, tmp_path):
    exported = ("export=nnunet", f"export.root={tmp_path / 'raw'}")
    cfg = with_own_cases("data.mode=additive", "data.n_synthetic=6", "alpha=0", *exported)
    folder = export_run(cfg)
    run = Run(tmp_path / "runs" / "run")
    drawn = run.data()["drawn"]
    (fold,) = json.loads((folder / "splits_final.json").read_text())
    for part, names in fold.items():
        assert names == [f"{source}_{i}" for source in ("real", "synthetic") for i in drawn[part][source]]
    assert len(read_nnunet(folder).cases) == 3 + 6 + len(fold["val"])
    shutil.copytree(folder / "labelsTs", tmp_path / "perfect" / "run")
    asked = OmegaConf.create(
        {"predictions": str(tmp_path / "perfect"), "trusted": False, "paths": {"runs": str(tmp_path / "scored")}}
    )
    scored = Run(score_predictions(asked, [str(run.folder)]) / "run")
    assert (scored.scores()["dice"] == 1).all()
    n_synthetic = scored.scores().groupby("source")["case"].nunique()["synthetic"]
    assert (scored.facts()["paired"], n_synthetic) == (False, scored.facts()["synthetic_cases"]["test"])
    assert scored.mix == run_mix(cfg)


def run_mix(cfg):
    """Return the mix that a config asks for."""
    return Mix(cfg.alpha, cfg.data.mode, cfg.seed, cfg.data.n_real, cfg.data.n_synthetic)
