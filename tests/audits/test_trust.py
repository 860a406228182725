"""The trust audit, on planted scores."""

import math
from dataclasses import dataclass, replace

import pandas as pd
import pytest

from helpers.fake_runs import (
    REAL,
    REGIONS,
    SYNTHETIC,
    PlantedClassifier,
    PlantedSegmenter,
    alike_pairs,
    scored_pairs,
    shifted,
    with_rare_region,
)
from synthtrust.audits import Trust
from synthtrust.audits.scores import NotApplicableError
from synthtrust.report.trust import trust_chapter

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


@pytest.fixture(scope="module")
def audit():
    return Trust()


@pytest.fixture(scope="module")
def golden(audit):
    return audit([PlantedSegmenter()])["factors"]


@pytest.fixture(scope="module")
def alike():
    return alike_pairs()


@pytest.fixture
def sweep():
    """TSTR loses .2 Dice on every case; two seeds .01 apart."""
    return [
        shifted(PlantedSegmenter(alpha, seed), -0.2 * (1 - alpha) + 0.01 * seed)
        for alpha in (0.0, 0.5, 1.0)
        for seed in (0, 1)
    ]


@pytest.mark.parametrize(("factor", "source"), GOLDEN, ids=str)
def test_the_factors_are_the_golden_vectors(golden, factor, source):
    rows = golden[(golden["factor"] == factor) & (golden["source"] == source)]

    assert rows["value"].tolist() == pytest.approx(GOLDEN[factor, source], abs=1e-6)
    assert rows["region"].tolist() == (["all"] if len(rows) == 1 else list(REGIONS))
    assert not (rows["ci_low"] > rows["value"]).any()
    assert not (rows["ci_high"] < rows["value"]).any()


def test_spreads_and_correlations_of_few_patients_have_no_interval_and_the_reason(golden):
    spreads = golden["factor"].isin(["T5", "T3", "T3_null", "correlation", "concordance"])
    means = golden["factor"].isin(["T1", "T2", "T2_regions", "T4", "signed_gap"])
    assert golden.loc[spreads, "ci_low"].isna().all()
    assert golden.loc[spreads, "note"].str.startswith("No interval: 4 patients, and limits need 20").sum() >= 12
    assert golden.loc[means, "ci_low"].notna().all()
    assert (golden.loc[means, "note"] == "").all()


def test_two_seeds_give_the_gap_its_noise_floor(audit, sweep):
    table = audit(sweep)["factors"]

    floor = table[table["factor"] == "T4_floor"]

    assert floor["value"].tolist() == pytest.approx([0.01] * 9)  # three alphas, three regions
    assert set(floor["n_seeds"]) == {2}


def test_one_seed_works_and_says_what_was_not_assessed(audit, sweep):
    tables = audit(sweep[::2])

    floor = tables["factors"][tables["factors"]["factor"] == "T4_floor"]
    assert floor["value"].isna().all()
    assert set(floor["note"]) == {"It needs two seeds."}


def test_one_alpha_has_factors(audit):
    assert set(audit([PlantedSegmenter(0.5)])["factors"]["alpha"]) == {0.5}


def test_tstr_is_no_factor_without_trtr_beside_it(audit, sweep):
    def of_patients(tables):
        rows = tables["factors"].query("factor == 'T1' and source == 'real'")
        return sorted(rows["alpha"].unique())

    alone = audit([PlantedSegmenter(0.0)])
    assert of_patients(alone) == []
    assert set(alone["factors"].query("source == 'synthetic'")["factor"]) >= {"T1", "T2", "T5"}
    assert "<svg" in str(trust_chapter(alone).sections[0])
    assert of_patients(audit([PlantedSegmenter(0.0), PlantedSegmenter(0.5)])) == [0.5]
    assert of_patients(audit([PlantedSegmenter(0.0), PlantedSegmenter(1.0)])) == [0.0, 1.0]
    assert of_patients(audit([PlantedSegmenter(0.0, mode="additive")])) == [0.0]  # holds all real cases


def test_modes_are_judged_apart(audit, sweep):
    control = [replace(run, mode="real_only") for run in sweep[-2:]]

    tables = audit([*sweep, *control])

    assert tables["factors"].groupby("mode")["alpha"].nunique().to_dict() == {"complement": 3, "real_only": 1}


def test_cases_of_one_patient_are_drawn_together(audit):
    run = PlantedSegmenter(real=REAL * 3, synthetic=SYNTHETIC * 3)
    twelve = audit([run])["factors"]
    scores = run.scores().assign(patient=lambda table: "p" + (table["case"].str[4:].astype(int) % 4).astype(str))
    run.scores = lambda: scores

    four = audit([run])["factors"]

    width = [float((t["ci_high"] - t["ci_low"])[t["factor"] == "T1"].iloc[0]) for t in (twelve, four)]
    assert width[1] > 1.3 * width[0]  # copies bring no news: sqrt(3) in a large sample
    assert set(four["n_patients"]) == {4}


def test_the_rule_for_empty_regions_is_shown_both_ways(audit):
    run = PlantedSegmenter(empty=(("case0", "ET", 0), ("case1", "ET", 7)))

    empty = audit([run])["empty"]

    row = empty[(empty["source"] == "real") & (empty["region"] == "ET")].iloc[0]
    assert (row["n_empty_reference"], row["n_empty_prediction"], row["n_both_empty"]) == (2, 1, 1)
    assert row["dice_brats"] == pytest.approx((1 + 0 + 0.9 + 0.6) / 4)
    assert row["dice_nan"] == pytest.approx((0 + 0.9 + 0.6) / 3)


def test_an_order_of_alphas_that_hangs_on_the_rule_is_flagged(audit):
    careful = PlantedSegmenter(0.0, empty=(("case0", "ET", 0),))  # gets its 1 for predicting nothing
    eager = shifted(PlantedSegmenter(1.0, empty=(("case0", "ET", 7),)), 0.2)

    empty = audit([careful, eager])["empty"]

    et = empty[(empty["source"] == "real") & (empty["region"] == "ET")]
    assert et["dice_brats"].tolist() == pytest.approx([3.2 / 4, 2.7 / 4])  # 1 .7 .9 .6 and 0 .9 1 .8
    assert et["dice_nan"].tolist() == pytest.approx([2.2 / 3, 2.7 / 4])
    assert not et["ranking_flips"].any()

    empty = audit([careful, shifted(PlantedSegmenter(1.0, empty=(("case0", "ET", 7),)), 0.4)])["empty"]  # 0 1 1 1
    et = empty[(empty["source"] == "real") & (empty["region"] == "ET")]
    assert et["dice_nan"].tolist() == pytest.approx([2.2 / 3, 3 / 4])
    assert et["ranking_flips"].all()


def test_what_is_undefined_is_nan_with_a_reason(audit):
    nothing = [[0.0, 0.9, 0.6]] * 4

    table = audit([PlantedSegmenter(real=nothing)])["factors"]

    t5 = table[(table["factor"] == "T5") & (table["source"] == "real")].set_index("region")
    assert math.isnan(t5.loc["ET", "value"])
    assert "undefined" in t5.loc["ET", "note"]
    assert t5.loc["ED", "note"].startswith("No interval: 4 patients")


def test_limits_stay_within_what_the_factor_can_be(audit, alike):
    table = audit(scored_pairs(*alike, seeds=2))["factors"].set_index("factor")

    for factor in ("T1", "T2", "T3", "T3_null", "T4", "correlation", "concordance"):
        assert table.loc[[factor], "ci_high"].notna().all()
        assert table.loc[[factor], "ci_high"].max() <= 1
    assert table.loc[["T5", "T4"], "ci_low"].min().min() > 0


def test_counts_are_those_of_the_region_and_so_says_the_caption(audit, alike):
    runs = with_rare_region(scored_pairs(*alike), 5)

    tables = audit(runs)

    counts = tables["factors"].query("factor == 'T5' and source == 'real'").set_index("region")
    assert counts.loc["NCR", ["n_cases", "n_patients"]].tolist() == [5, 5]
    assert counts.loc["ET", ["n_cases", "n_patients"]].tolist() == [40, 40]
    assert math.isnan(counts.loc["NCR", "ci_low"])
    chapter = trust_chapter(tables)
    caption = chapter.sections[0].tables[0].caption
    assert "5 to 40 test cases of 5 to 40 patients, depending on the region; 3 seeds" in caption
    assert "T5 of NCR" in " ".join(chapter.sections[0].notes)


def test_the_same_seed_gives_the_same_tables(audit, sweep):
    first, second = audit(sweep), audit(reversed(sweep))

    for name in ("empty", "factors", "verdict"):
        pd.testing.assert_frame_equal(first[name], second[name])


@pytest.mark.parametrize(
    ("runs", "says"),
    [
        pytest.param([], "at least one finished run", id="no runs"),
        pytest.param([PlantedSegmenter()] * 2, "one run for each mode, alpha and seed", id="the same run twice"),
        pytest.param(
            [PlantedSegmenter(0.0), PlantedSegmenter(1.0, cohort="other")], "one cohort.*'planted'", id="two cohorts"
        ),
        pytest.param(
            [PlantedSegmenter(0.0), PlantedSegmenter(1.0, ids=("case0", "case1", "case2", "else"))],
            r"alpha_0_seed_0 has \['case3'\] and only runs/complement_alpha_1_seed_0 has \['else'\]", id="other cases",
        ),
        pytest.param([PlantedSegmenter(real=[[math.nan, 0.9, 0.6], *REAL[1:]])], "a Dice wherever", id="failed score"),
    ],
)  # fmt: skip
def test_runs_that_cannot_be_compared_are_refused(audit, runs, says):
    with pytest.raises(ValueError, match=says):
        audit(runs)


def test_scores_given_twice_are_refused(audit):
    run = PlantedSegmenter()
    scores = pd.concat([run.scores(), run.scores().head(1)])
    run.scores = lambda: scores

    with pytest.raises(ValueError, match="one score per case, source and region"):
        audit([run])


def test_classifiers_are_another_audits(audit):
    with pytest.raises(NotApplicableError, match="made of Dice, but got classification"):
        audit([PlantedClassifier()])


@dataclass
class WithoutTwins(PlantedSegmenter):
    """Its synthetic cases have ids of their own, and there may be more or fewer of them than real ones."""

    def facts(self):
        return super().facts() | {"paired": False}

    def scores(self):
        table = super().scores()
        own = table["source"] == "synthetic"
        table.loc[own, ["case", "patient"]] = "own " + table.loc[own, ["case", "patient"]]
        return table[~own | ~table["case"].str.endswith("3")]


def test_cases_without_twins_have_the_factors_of_one_source_and_no_verdict_on_alignment(audit):
    tables = audit([WithoutTwins(alpha, seed) for alpha in (0.0, 1.0) for seed in (0, 1)])
    assert set(tables["factors"]["factor"]) == {"T1", "T2", "T2_regions", "T5"}
    counts = tables["factors"].drop_duplicates("source").set_index("source")["n_cases"]
    assert counts.to_dict() == {"real": 4, "synthetic": 3}
    (verdict,) = tables["verdict"].to_dict("records")
    assert (verdict["axis"], verdict["verdict"]) == ("alignment", "not applicable")
    assert [reason.code for reason in verdict["reasons"]] == ["no_twins"]
    assert "<svg" in str(trust_chapter(tables).sections[0])


def test_controls_beside_a_generator_leave_its_trust_factors_as_they_are():
    tissue = [PlantedSegmenter(alpha, seed) for alpha in (0.0, 1.0) for seed in range(2)]
    noise = [PlantedSegmenter(0.0, seed, REAL, REAL, generator="synthtrust.generators.Noise") for seed in range(2)]

    alone, beside = Trust()(tissue), Trust()([*noise, *tissue])

    assert (len(alone.pop("left_out")), beside["left_out"]["generator"].tolist()) == (0, ["Noise"])
    for name, table in alone.items():
        pd.testing.assert_frame_equal(table, beside[name])
    assert Trust()(noise)["verdict"]["subject"].tolist() == ["Noise"]
