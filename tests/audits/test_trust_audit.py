"""The trust audit, on planted scores."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthtrust.audits import Trust

# Golden values: four cases in three regions, and their twins.
REAL = [[0.80, 0.90, 0.60], [0.70, 0.85, 0.50], [0.90, 0.95, 0.75], [0.60, 0.80, 0.35]]
SYNTHETIC = [[0.82, 0.91, 0.66], [0.78, 0.88, 0.60], [0.91, 0.93, 0.78], [0.70, 0.84, 0.50]]
REGIONS = ("ET", "ED", "NCR")
GOLDEN = {
    ("T1", "real"): [0.725], ("T1", "synthetic"): [0.775833],
    ("T2", "real"): [0.895584], ("T2", "synthetic"): [0.929945],
    ("T2_regions", "real"): [0.866147], ("T2_regions", "synthetic"): [0.894203],
    ("T3", "both"): [0.998410, 0.999643, 0.994853],
    ("T4", "both"): [0.0525, 0.025, 0.085],
    ("signed_gap", "both"): [-0.0525, -0.015, -0.085],
    ("T5", "real"): [0.149071, 0.063888, 0.265043],
    ("T5", "synthetic"): [0.094234, 0.038103, 0.159631],
    ("correlation", "both"): [0.990557, 0.989071, 0.998209],
}  # fmt: skip


@dataclass
class PlantedRun:
    alpha: float = 1.0
    seed: int = 0
    real: list = field(default_factory=lambda: REAL)
    synthetic: list = field(default_factory=lambda: SYNTHETIC)
    mode: str = "complement"
    cohort: str = "planted"
    ids: tuple = ()
    empty: tuple = ()
    """(case, region) whose reference is empty, and how many voxels are predicted there."""

    @property
    def folder(self):
        return Path(f"runs/{self.mode}_alpha_{self.alpha:g}_seed_{self.seed}")

    def facts(self):
        return {"cohort": self.cohort, "generator": {"_target_": "Tissue", "seed": self.seed}}

    def scores(self):
        ids = self.ids or tuple(f"case{i}" for i in range(len(self.real)))
        rows = [
            {"alpha": self.alpha, "seed": self.seed, "mode": self.mode, "case": case, "patient": f"of {case}",
             "source": source, "region": region, "dice": dice, "n_reference": 100, "n_prediction": 90}
            for source, dices in (("real", self.real), ("synthetic", self.synthetic))
            for case, row in zip(ids, dices, strict=True)
            for region, dice in zip(REGIONS, row, strict=True)
        ]  # fmt: skip
        table = pd.DataFrame(rows)
        for case, region, n_prediction in self.empty:
            here = (table["case"] == case) & (table["region"] == region)
            table.loc[here, ["n_reference", "n_prediction"]] = [0, n_prediction]
            table.loc[here, "dice"] = 0.0 if n_prediction else 1.0
        return table


def shifted(run, by, **changes):
    return replace(run, real=(np.asarray(run.real) + by).clip(0, 1).tolist(), **changes)


@pytest.fixture(scope="module")
def audit():
    return Trust(n_boot=100)


@pytest.fixture(scope="module")
def golden(audit):
    return audit([PlantedRun()])["factors"]


@pytest.fixture
def sweep():
    """TSTR loses .2 Dice on every case; two seeds .01 apart."""
    return [
        shifted(PlantedRun(alpha, seed), -0.2 * (1 - alpha) + 0.01 * seed)
        for alpha in (0.0, 0.5, 1.0)
        for seed in (0, 1)
    ]


@pytest.mark.parametrize(("factor", "source"), GOLDEN, ids=str)
def test_the_factors_are_the_golden_vectors(golden, factor, source):
    rows = golden[(golden["factor"] == factor) & (golden["source"] == source)]

    assert rows["value"].tolist() == pytest.approx(GOLDEN[factor, source], abs=1e-6)
    assert rows["region"].tolist() == (["all"] if len(rows) == 1 else list(REGIONS))
    assert (rows["ci_low"] <= rows["value"]).all()
    assert (rows["ci_high"] >= rows["value"]).all()


def test_the_contrast_is_the_planted_gap_and_its_interval(audit, sweep):
    (contrast,) = audit(sweep)["contrast"].to_dict("records")

    assert contrast["gap"] == pytest.approx(-0.2)
    assert contrast["tstr"] == pytest.approx(0.53)  # .725 - .2 + .005
    # The gap is the same in every patient; each arm's seed means differ by .01, so V = 2 * .00005 / 2 with df 2.
    assert contrast["ci_high"] - contrast["gap"] == pytest.approx(4.302653 * math.sqrt(0.00005), rel=1e-5)
    assert contrast["verdict"] == "lower"
    assert contrast["target"] == "training recipe"


def test_a_curve_names_the_alphas_not_excluded_instead_of_an_argmax(audit):
    rng = np.random.default_rng(0)
    base = rng.uniform(0.5, 0.8, (30, 3))
    lift = {0.0: -0.2, 0.5: 0.0, 1.0: 0.001}
    runs = [
        PlantedRun(alpha, seed, (base + up + rng.normal(0, 0.01, base.shape)).tolist(), base.tolist())
        for alpha, up in lift.items()
        for seed in (0, 1)
    ]

    curve = audit(runs)["curve"]

    real = curve[curve["source"] == "real"]
    assert real["not_excluded"].tolist() == [False, True, True]
    assert (real["band_low"] <= real["value"]).all()
    assert set(real["n_patients"]) == {30}


def test_two_seeds_give_the_gap_its_noise_floor(audit, sweep):
    table = audit(sweep)["factors"]

    floor = table[table["factor"] == "T4_floor"]

    assert floor["value"].tolist() == pytest.approx([0.01] * 9)  # three alphas, three regions
    assert set(floor["n_seeds"]) == {2}


def test_one_seed_works_and_says_what_was_not_assessed(audit, sweep):
    tables = audit(sweep[::2])

    assert tables["curve"]["note"].str.contains("Seeds not assessed").all()
    assert tables["contrast"]["target"].tolist() == ["these trained weights"]
    floor = tables["factors"][tables["factors"]["factor"] == "T4_floor"]
    assert floor["value"].isna().all()
    assert set(floor["note"]) == {"needs two seeds"}


def test_one_alpha_has_factors_and_a_curve_that_needs_two(audit):
    tables = audit([PlantedRun(0.5)])

    assert len(tables["factors"])
    assert tables["curve"]["note"].str.contains("need two alphas").all()
    assert tables["curve"]["band_low"].isna().all()
    assert tables["contrast"].empty


def test_alphas_with_unequal_seeds_share_the_smallest_number_for_the_band(audit, sweep):
    curve = audit(sweep[:-1])["curve"]

    assert curve["note"].str.contains("first 1 seeds").all()
    assert sorted(set(curve["n_seeds"])) == [1, 2]


def test_modes_are_judged_apart(audit, sweep):
    control = [replace(run, mode="real_only") for run in sweep[-2:]]

    tables = audit([*sweep, *control])

    assert tables["curve"].groupby("mode")["alpha"].nunique().to_dict() == {"complement": 3, "real_only": 1}


def test_cases_of_one_patient_are_drawn_together(audit):
    run = PlantedRun(real=REAL * 3, synthetic=SYNTHETIC * 3)
    twelve = audit([run])["factors"]
    scores = run.scores().assign(patient=lambda table: "p" + (table["case"].str[4:].astype(int) % 4).astype(str))
    run.scores = lambda: scores

    four = audit([run])["factors"]

    width = [float((t["ci_high"] - t["ci_low"])[t["factor"] == "T1"].iloc[0]) for t in (twelve, four)]
    assert width[1] > 1.3 * width[0]  # copies bring no news: sqrt(3) in a large sample
    assert set(four["n_patients"]) == {4}


def test_the_rule_for_empty_regions_is_shown_both_ways(audit):
    run = PlantedRun(empty=(("case0", "ET", 0), ("case1", "ET", 7)))

    empty = audit([run])["empty"]

    row = empty[(empty["source"] == "real") & (empty["region"] == "ET")].iloc[0]
    assert (row["n_empty_reference"], row["n_empty_prediction"], row["n_both_empty"]) == (2, 1, 1)
    assert row["dice_brats"] == pytest.approx((1 + 0 + 0.9 + 0.6) / 4)
    assert row["dice_nan"] == pytest.approx((0 + 0.9 + 0.6) / 3)


def test_an_order_of_alphas_that_hangs_on_the_rule_is_flagged(audit):
    careful = PlantedRun(0.0, empty=(("case0", "ET", 0),))  # gets its 1 for predicting nothing
    eager = shifted(PlantedRun(1.0, empty=(("case0", "ET", 7),)), 0.2)

    empty = audit([careful, eager])["empty"]

    et = empty[(empty["source"] == "real") & (empty["region"] == "ET")]
    assert et["dice_brats"].tolist() == pytest.approx([3.2 / 4, 2.7 / 4])  # 1 .7 .9 .6 and 0 .9 1 .8
    assert et["dice_nan"].tolist() == pytest.approx([2.2 / 3, 2.7 / 4])
    assert not et["ranking_flips"].any()

    empty = audit([careful, shifted(PlantedRun(1.0, empty=(("case0", "ET", 7),)), 0.4)])["empty"]  # 0 1 1 1
    et = empty[(empty["source"] == "real") & (empty["region"] == "ET")]
    assert et["dice_nan"].tolist() == pytest.approx([2.2 / 3, 3 / 4])
    assert et["ranking_flips"].all()


def test_what_is_undefined_is_nan_with_a_reason(audit):
    nothing = [[0.0, 0.9, 0.6]] * 4

    table = audit([PlantedRun(real=nothing)])["factors"]

    t5 = table[(table["factor"] == "T5") & (table["source"] == "real")].set_index("region")
    assert math.isnan(t5.loc["ET", "value"])
    assert "undefined" in t5.loc["ET", "note"]
    assert t5.loc["ED", "note"] == ""


def test_limits_stay_within_what_the_factor_can_be(audit, sweep):
    table = audit(sweep)["factors"]

    assert table.loc[table["factor"] == "T3_null", "ci_high"].max() <= 1
    assert table.loc[table["factor"] == "correlation", "ci_high"].max() <= 1


def test_the_same_seed_gives_the_same_tables(audit, sweep):
    first, second = audit(sweep), audit(reversed(sweep))

    for name in ("curve", "contrast", "empty", "factors"):
        pd.testing.assert_frame_equal(first[name], second[name])


@pytest.mark.parametrize(
    ("runs", "says"),
    [
        pytest.param([], "at least one finished run", id="no runs"),
        pytest.param([PlantedRun(), PlantedRun()], "one run for each mode, alpha and seed", id="the same run twice"),
        pytest.param([PlantedRun(0.0), PlantedRun(1.0, cohort="other")], "one cohort.*'planted'", id="two cohorts"),
        pytest.param(
            [PlantedRun(0.0), PlantedRun(1.0, ids=("case0", "case1", "case2", "else"))],
            r"alpha_0_seed_0 has \['case3'\] and only runs/complement_alpha_1_seed_0 has \['else'\]", id="other cases",
        ),
        pytest.param([PlantedRun(real=[[math.nan, 0.9, 0.6], *REAL[1:]])], "a Dice wherever", id="failed score"),
    ],
)  # fmt: skip
def test_runs_that_cannot_be_compared_are_refused(audit, runs, says):
    with pytest.raises(ValueError, match=says):
        audit(runs)


def test_scores_given_twice_are_refused(audit):
    run = PlantedRun()
    scores = pd.concat([run.scores(), run.scores().head(1)])
    run.scores = lambda: scores

    with pytest.raises(ValueError, match="one score per case, source and region"):
        audit([run])
