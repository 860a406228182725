"""Repeated splits in the audit of utility: the first split stays as it is, and what others say stands beside it."""

import numpy as np
import pandas as pd
import pytest

from helpers.fake_runs import PlantedSegmenter, codes, sentences, verdict_of
from synthtrust.audits import Trust, Utility
from synthtrust.audits.splits import by_split
from synthtrust.evaluation.runs import ask
from synthtrust.metrics.functional import over_splits, split_overlap
from synthtrust.report import write_report

PATIENTS = 160


class OnSplit(PlantedSegmenter):
    """A run of a repeated split."""

    repeat = 0
    says_patients = True

    def facts(self):
        patients = {"patients": {"train": PATIENTS - 44, "val": 4, "test": 40}} if self.says_patients else {}
        return super().facts() | {"training": {"split": {"seed": 0, "repeat": self.repeat}}} | patients


def study(losses, *, seeds=3, says_patients=True):
    """Plant one loss of Dice on each split, of 40 of the patients, on average the same 10 in two splits."""
    rng, runs = np.random.default_rng(0), []
    dice = rng.uniform(0.6, 0.8, (PATIENTS, 3))
    for repeat, loss in enumerate(losses):
        test = np.sort(rng.permutation(PATIENTS)[:40])
        for alpha in (0.0, 1.0):
            for seed in range(seeds):
                scores = dice[test] - loss * (1 - alpha) + 0.003 * rng.normal() + 0.01 * rng.normal(size=(40, 3))
                run = OnSplit(alpha, seed, scores.tolist(), scores.tolist(), ids=tuple(f"case{p}" for p in test))
                run.repeat, run.says_patients = repeat, says_patients
                runs.append(run)
    return runs


@pytest.fixture(scope="module")
def audit():
    return Utility(n_boot=20)


def test_the_first_split_is_what_it_is_alone(audit):
    runs = study([0.01, 0.02, 0.0])
    together, alone = audit(runs), audit(by_split(runs)[0])
    for name in ("performance", "curve", "comparison", "per_class"):
        pd.testing.assert_frame_equal(together[name], alone[name])
    assert alone["splits"].empty
    assert verdict_of(together)["verdict"] == verdict_of(alone)["verdict"] == "SUPPORTED"


def test_the_row_of_all_is_the_mean_with_its_limits(audit):
    runs = study([0.01, 0.02, 0.0])
    rows = audit(runs)["splits"].set_index("split")
    assert rows.index.tolist() == ["0", "1", "2", "all"]
    for repeat, of_split in by_split(runs).items():
        (alone,) = audit(of_split)["comparison"].to_dict("records")
        assert rows.loc[str(repeat), ["gap", "ci_low", "ci_high"]].tolist() == pytest.approx(
            [alone["gap"], alone["ci_low"], alone["ci_high"]]
        )
    tests = [set(of_split[0].scores()["patient"]) for of_split in by_split(runs).values()]
    expected = over_splits(rows["gap"][:3].tolist(), split_overlap(tests, PATIENTS))
    whole = rows.loc["all"]
    assert [whole["gap"], whole["ci_low"], whole["ci_high"], whole["gap_lower"]] == pytest.approx(
        [expected.value, expected.low, expected.high, expected.lower_bound]
    )
    assert 0.6 < whole["overlap"] < 0.85
    assert whole["n_splits"] == 3
    assert 40 < whole["n_patients"] <= 120


@pytest.mark.parametrize(
    ("runs", "note"),
    [
        (study([0.01, 0.02]), "No interval over splits: 2 say too little of how they vary; it takes 3."),
        (study([0.0, 0.0, 0.0], says_patients=False), "how many patients they were trained on"),
    ],
    ids=["two splits", "unknown patients"],
)
def test_what_cannot_be_told_has_a_reason_and_no_limits(audit, runs, note):
    whole = audit(runs)["splits"].set_index("split").loc["all"]
    assert np.isnan([whole["ci_low"], whole["ci_high"], whole["gap_lower"]].copy()).all()
    assert note in whole["note"]
    assert np.isfinite(whole["gap"])


def test_another_split_that_speaks_against_it_takes_the_support_away(audit):
    verdict = verdict_of(audit(study([0.0, 0.12, 0.0])))
    assert verdict["verdict"] == "INCONCLUSIVE"
    assert "other_splits" in codes(verdict)
    assert "With other training patients the loss exceeds 0.05, on split 1." in sentences(verdict)
    assert "Over 3 splits, each with other training and test patients" in sentences(verdict)


def test_other_audits_are_asked_about_the_first_split():
    runs = study([0.0, 0.02, 0.0])
    tables = ask({"utility": Utility(n_boot=20), "trust": Trust()}, runs)
    alone = Trust()(by_split(runs)[0])
    pd.testing.assert_frame_equal(tables["trust"]["factors"], alone["factors"])


def test_the_page_says_which_variances_are_in_its_intervals(tmp_path, audit):
    runs = study([0.01, 0.02, 0.0])
    page, alone = (
        write_report(tmp_path / name, {}, {"utility": audit(of)}).read_text(encoding="utf-8")
        for name, of in (("all", runs), ("one", by_split(runs)[0]))
    )
    assert "TSTR against TRTR over repeated splits" in page
    assert "this interval also holds for training sets of this size from other patients" in page
    assert "Curves, tables and the verdict are of the first split" in page
    assert "One split: every interval holds for these training patients" in alone
    assert "runs on repeated splits tell it" in alone


def test_runs_that_differ_in_more_than_the_split_are_refused(audit):
    runs = study([0.0, 0.0])
    runs[-1].cohort = "another"
    with pytest.raises(ValueError, match="one cohort"):
        audit(runs)
