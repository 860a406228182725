"""Training on a set whose cases are the twins of none: more synthetic than real cases, and children of real ones."""

import pytest

from synthtrust.refusals import Refusal
from synthtrust.runs import find_runs, train_run
from synthtrust.testing import tiny_cohort


@pytest.fixture
def with_own_cases(configure, tmp_path):
    """Return a config of a run on 6 real cases and 16 of their own, of which two are children of each of 4 cases."""
    files = [case.files for case in tiny_cohort(tmp_path / "own", count=16, seed=5).cases]
    columns = ["case_id", "flair", "t1ce", "label", "parent"]
    rows = [
        [f"own{n:02d}", str(f["flair"]), str(f["t1ce"]), str(f["label"]), f"case{n % 4}" if n < 8 else ""]
        for n, f in enumerate(files)
    ]
    real = sorted(path.name for path in (tmp_path / "real").iterdir())
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
