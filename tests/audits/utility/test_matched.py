"""Mixes against their count-matched controls: what twins add to the same real cases."""

import numpy as np
import pytest

from helpers.fake_runs import segmenters, sweep, with_controls
from synthtrust.audits import Utility
from synthtrust.metrics.functional import gap_interval


def matched(runs, **options):
    return Utility(n_boot=20, **options)(runs)["matched"]


def by_patient(runs, mode, alpha):
    return np.array([np.mean(run.real, axis=1) for run in runs if (run.mode, run.alpha) == (mode, alpha)])


def test_the_difference_at_each_share_is_the_paired_gap():
    runs = with_controls()
    rows = matched(runs)
    assert rows[["mode", "control", "alpha"]].to_numpy().tolist() == [
        ["complement", "real_only", 0.2], ["complement", "real_only", 0.5],
    ]  # fmt: skip
    for row in rows.to_dict("records"):
        arms = [by_patient(runs, mode, row["alpha"]) for mode in ("complement", "real_only")]
        gap, together = gap_interval(*arms), gap_interval(*arms, level=1 - 0.05 / 2)
        assert [row[name] for name in ("gap", "ci_low", "ci_high")] == pytest.approx([gap.value, gap.low, gap.high])
        assert [row["all_low"], row["all_high"]] == pytest.approx([together.low, together.high])
        assert row["all_low"] < row["ci_low"] < row["gap"] < row["ci_high"] < row["all_high"]
        assert (row["n_seeds"], row["n_seeds_control"], row["n_patients"], row["n_shares"]) == (3, 3, 40, 2)
    assert rows["all_low"].iloc[0] > 0.05  # planted: .1
    assert rows["all_low"].iloc[1] < 0 < rows["all_high"].iloc[1]


@pytest.mark.parametrize("runs", [segmenters(0.1), sweep(1.0, 2.0)], ids=["Dice", "AUC"])
def test_without_controls_there_are_no_rows(runs):
    assert matched(runs).empty


def test_controls_leave_the_verdict_and_the_curve_of_the_mix_as_they_are():
    runs = with_controls()
    alone, beside = (
        Utility(n_boot=20)([run for run in runs if run.mode in modes])
        for modes in (("complement",), ("complement", "real_only"))
    )
    assert alone["verdict"]["verdict"].tolist() == beside["verdict"]["verdict"].tolist()
    of_mix = beside["curve"][beside["curve"]["mode"] == "complement"].reset_index(drop=True)
    assert of_mix.equals(alone["curve"])


def test_a_mix_that_holds_all_real_cases_has_no_count_matched_control():
    runs = with_controls()
    for run in runs:
        run.mode = "additive" if run.mode == "complement" else run.mode
    assert matched(runs).empty
