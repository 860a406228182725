"""What synthetic training costs elsewhere, beside the own test cases, and the difference of both."""

import numpy as np
import pytest

from helpers.fake_runs import PlantedClassifier, PlantedSegmenter
from synthtrust.audits.elsewhere import elsewhere_rows


def planted(rng, loss, n, seed_effects, spread=0.05, prefix="own"):
    """Return runs of TSTR and TRTR whose mean Dice differ by ``loss``; networks differ by ``seed_effects``."""
    level = rng.uniform(0.6, 0.8, (n, 1))
    runs = []
    for alpha, effects in zip((0.0, 1.0), seed_effects, strict=True):
        for seed, effect in enumerate(effects):
            dice = level - loss * (alpha == 0) + effect + spread * rng.standard_normal((n, 1))
            dice = np.repeat(dice, 3, axis=1).clip(0, 1).tolist()
            runs.append(PlantedSegmenter(alpha, seed, dice, dice, ids=tuple(f"{prefix}{i}" for i in range(n))))
    return runs


def by_cases(rows):
    return {row["cases"]: row for row in rows}


@pytest.mark.parametrize(("draws", "least"), [(12, 9), pytest.param(300, 275, marks=pytest.mark.slow)])
def test_the_difference_of_both_gaps_covers_the_true_one(draws, least):
    true, covered = 0.03, 0
    for draw in range(draws):
        rng = np.random.default_rng(draw)
        effects = 0.02 * rng.standard_normal((2, 3))  # shared by both cohorts
        moved = effects + 0.004 * rng.standard_normal((2, 3))
        rows = by_cases(
            elsewhere_rows(planted(rng, 0.05, 40, effects), planted(rng, 0.08, 60, moved, prefix="other"), 0.95)
        )
        difference = rows["difference"]
        assert difference["gap"] == pytest.approx(rows["other"]["gap"] - rows["own"]["gap"])
        covered += difference["ci_low"] <= -true <= difference["ci_high"]
    assert covered >= least


def test_what_the_networks_share_does_not_widen_the_difference():
    rng = np.random.default_rng(0)
    effects = np.array([[0.1, -0.1, 0.0], [0.05, 0.0, -0.05]])
    rows = by_cases(
        elsewhere_rows(planted(rng, 0.05, 40, effects), planted(rng, 0.05, 60, effects, prefix="other"), 0.95)
    )
    width = {name: row["ci_high"] - row["ci_low"] for name, row in rows.items()}
    assert width["difference"] < 0.5 * min(width["own"], width["other"])


def test_one_seed_gives_no_interval_and_one_arm_no_row():
    rng = np.random.default_rng(0)
    one = planted(rng, 0.05, 40, np.zeros((2, 1)))
    rows = by_cases(elsewhere_rows(one, one, 0.95))
    assert rows["difference"]["gap"] == 0
    assert np.isnan([rows["difference"]["ci_low"], rows["difference"]["ci_high"]]).all()
    real_alone = [run for run in one if run.alpha == 1]
    assert elsewhere_rows(real_alone, real_alone, 0.95) == []


def test_classifiers_are_compared_by_their_area():
    runs = [PlantedClassifier(alpha, seed, n=200) for alpha in (0.0, 1.0) for seed in range(3)]
    assert {row["measure"] for row in elsewhere_rows(runs, runs, 0.95)} == {"auc"}
