"""The tables of the utility audit, on planted scores of segmenters and classifiers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers.fake_runs import (
    PlantedClassifier,
    PlantedSegmenter,
    segmenters,
    sentences,
    sweep,
    tstr_against_trtr,
    verdict_of,
)
from synthtrust.audits import Trust, Utility
from synthtrust.audits.scores import NotApplicableError, gather_scores

# Golden values of the gap over seeds (rows) and patients.
TSTR = [[0.70, 0.80, 0.60, 0.75], [0.72, 0.79, 0.64, 0.77], [0.68, 0.82, 0.61, 0.74]]
TRTR = [[0.78, 0.85, 0.70, 0.80], [0.80, 0.84, 0.69, 0.83], [0.77, 0.86, 0.72, 0.81]]


@pytest.fixture(scope="module")
def audit():
    return Utility(n_boot=100)


@pytest.fixture(scope="module")
def equal(audit):
    return audit(sweep(2.0, 2.0, n=300))


def test_the_gap_and_the_ratio_have_their_golden_values(audit):
    runs = [
        PlantedSegmenter(alpha, seed, [[dice] * 3 for dice in row], [[dice] * 3 for dice in row], trivial=None)
        for alpha, scores in ((0.0, TSTR), (1.0, TRTR))
        for seed, row in enumerate(scores)
    ]

    row = tstr_against_trtr(audit(runs), "dice")

    found = [row[name] for name in ("gap", "ci_low", "gap_lower", "df", "ratio", "ratio_low")]
    golden = [-0.0691667, -0.0986963, -0.0924017, 5.248488, 0.9121693, 0.8672079]
    assert found == pytest.approx(golden, abs=5e-7)
    assert row["ratio_above_chance"] == pytest.approx(row["ratio"])  # predicting nothing gets 0 here
    assert row["target"] == "training recipe"


def test_the_bound_of_two_areas_of_few_patients_is_wider_than_delongs(audit):
    a, b = [0.9, 0.8, 0.7, 0.6, 0.3, 0.5, 0.4, 0.35, 0.2, 0.1], [0.8, 0.9, 0.4, 0.55, 0.35, 0.6, 0.3, 0.45, 0.25, 0.2]
    runs = []
    for alpha, yes in ((0.0, a), (1.0, b)):
        run = PlantedClassifier(alpha, truth=("yes",) * 5 + ("no",) * 5, sources=("real",))
        table = run.scores()
        table["probability"] = np.stack([1 - np.array(yes), yes], axis=1).ravel()
        run.scores = lambda table=table: table
        runs.append(run)

    row = tstr_against_trtr(audit(runs))

    assert (row["value"], row["reference"]) == pytest.approx((0.88, 0.80))
    delong = 0.08 / 0.5547002  # the standard error of these two areas
    assert row["v_patients"] ** 0.5 > delong
    assert row["gap_lower"] < 0.08 - 1.86 * delong


def test_the_four_corners_are_there_by_seed_and_over_seeds(equal):
    auc = equal["performance"].query("measure == 'auc'")

    assert auc.groupby(["alpha", "source"])["seed"].agg(list).tolist() == [["all", "0", "1", "2"]] * 4
    means = auc[auc["seed"] != "all"].groupby(["alpha", "source"])["value"].mean()
    over_all = auc[auc["seed"] == "all"].set_index(["alpha", "source"])["value"]
    assert over_all.to_dict() == pytest.approx(means.to_dict())
    assert set(auc[auc["seed"] == "all"]["n_seeds"]) == {3}


def test_every_measure_of_a_classifier_is_there(equal):
    measures = ["auc", "auprc", "balanced_accuracy", "brier", "calibration_error", "f1", "mcc"]
    assert sorted(equal["performance"]["measure"].unique()) == measures
    assert sorted(equal["comparison"]["measure"]) == measures
    found = equal["performance"].set_index("measure")
    assert (found["ci_low"] <= found["value"]).all()
    assert (found["value"] <= found["ci_high"]).all()
    assert equal["comparison"].set_index("measure").loc[["brier", "calibration_error"], "ratio"].isna().all()
    assert set(equal["per_class"]["measure"]) == {"auc", "auprc", "recall", "f1"}


def test_every_region_of_a_segmenter_is_there(audit):
    tables = audit(segmenters(0.02))

    assert set(tables["per_class"]["class"]) == {"ET", "ED", "NCR"}
    real = tables["per_class"].query("source == 'real' and alpha == 1")
    whole = tables["performance"].query("source == 'real' and alpha == 1 and seed == 'all'")["value"].item()
    assert real["value"].mean() == pytest.approx(whole)


def test_a_class_without_a_test_case_is_named_and_not_averaged_away(audit):
    tables = audit(sweep(2.0, 2.0, n=60, classes=("a", "b", "rare"), truth=("a", "b") * 30))

    auc = tables["performance"].query("measure == 'auc'")
    assert auc["value"].isna().all()
    assert set(auc["note"]) == {"Undefined: no test case of class rare."}
    per_class = tables["per_class"].query("measure == 'auc' and source == 'real'").groupby("class")["value"]
    assert per_class.count().to_dict() == {"a": 2, "b": 2, "rare": 0}
    assert tables["performance"].query("measure == 'mcc'")["value"].notna().all()
    assert verdict_of(tables)["verdict"] == "INCONCLUSIVE"
    assert "no test case of class rare" in sentences(verdict_of(tables))


def test_a_class_of_one_patient_has_a_value_and_no_interval(audit):
    tables = audit(sweep(2.0, 2.0, n=41, truth=("yes",) + ("no",) * 40))

    auc = tables["performance"].query("measure == 'auc' and seed == 'all'")
    assert auc["value"].notna().all()
    assert auc["ci_low"].isna().all()
    assert set(auc["note"]) == {"No interval: one patient only of class yes."}
    assert verdict_of(tables)["verdict"] == "INCONCLUSIVE"


def test_images_of_one_patient_count_as_one_witness(audit):
    many = audit(sweep(1.5, 1.5, n=240, images=8))
    each = audit(sweep(1.5, 1.5, n=240))

    assert tstr_against_trtr(many)["n_patients"] == 30
    assert tstr_against_trtr(many)["n_cases"] == 240
    assert tstr_against_trtr(many)["gap"] == pytest.approx(tstr_against_trtr(each)["gap"])
    assert tstr_against_trtr(many)["v_patients"] != pytest.approx(tstr_against_trtr(each)["v_patients"])


def test_all_real_cases_with_synthetic_ones_added_stand_against_trtr(audit):
    added = [PlantedClassifier(0.0, seed, 3.0, mode="additive") for seed in range(3)]

    tables = audit([*sweep(1.0, 2.0), *added])

    rows = tables["comparison"].query("measure == 'auc'").set_index("contrast")
    assert rows.loc["real + synthetic", "mode"] == "additive"
    assert rows.loc["real + synthetic", "reference"] == rows.loc["TSTR", "reference"]
    assert rows.loc["real + synthetic", "gap"] > 0 > rows.loc["TSTR", "gap"]
    assert len(tables["verdict"]) == 1


def test_alpha_0_of_an_additive_mix_is_no_tstr(audit):
    tables = audit([PlantedClassifier(alpha, seed, mode="additive") for alpha in (0.0, 1.0) for seed in range(3)])

    assert set(tables["comparison"]["contrast"]) == {"real + synthetic"}
    assert verdict_of(tables)["verdict"] == "not assessed"


def test_a_control_arm_lends_no_tstr(audit):
    tables = audit(
        [*sweep(1.0, 2.0), PlantedClassifier(0.5, mode="real_only"), PlantedClassifier(1.0, mode="real_only")]
    )

    assert set(tables["comparison"]["mode"]) == {"complement"}
    assert tables["curve"].groupby("mode")["alpha"].nunique().to_dict() == {"complement": 2, "real_only": 2}


def test_generators_stand_side_by_side_with_what_controls_must_show(audit):
    noise = sweep(0.0, 2.0, n=200, generator="synthtrust.generators.Noise")

    tables = audit([*sweep(2.0, 2.0, n=200), *noise])

    verdicts = tables["verdict"].set_index("subject")["verdict"]
    assert verdicts.to_dict() == {"Tissue": "SUPPORTED", "Noise": "NOT SUPPORTED"}
    expected_outcome = tables["generators"].set_index("generator")["expected_outcome"]
    assert "TSTR" in expected_outcome["Noise"]
    assert expected_outcome["Tissue"] == ""
    assert set(tables["performance"]["generator"]) == {"Tissue", "Noise"}


def test_only_who_asks_for_it_gets_several_generators():
    runs = [PlantedClassifier(), PlantedClassifier(generator="synthtrust.generators.Noise")]

    with pytest.raises(NotApplicableError, match="one generator, but got those of Tissue, Noise"):
        gather_scores(runs)


def test_generators_of_one_name_are_told_apart_by_their_modules(audit):
    tables = audit([PlantedClassifier(generator="a.Painter"), PlantedClassifier(generator="b.Painter")])

    assert tables["generators"]["generator"].tolist() == ["a.Painter", "b.Painter"]


def test_a_curve_names_the_alphas_not_excluded_instead_of_an_argmax(audit):
    rng = np.random.default_rng(0)
    base = rng.uniform(0.5, 0.8, (30, 3))
    lift = {0.0: -0.2, 0.5: 0.0, 1.0: 0.001}
    runs = [
        PlantedSegmenter(alpha, seed, (base + up + rng.normal(0, 0.01, base.shape)).tolist(), base.tolist())
        for alpha, up in lift.items()
        for seed in (0, 1)
    ]

    curve = audit(runs)["curve"]

    real = curve[curve["source"] == "real"]
    assert real["not_excluded"].tolist() == [False, True, True]
    assert (real["band_low"] <= real["value"]).all()
    assert set(real["n_patients"]) == {30}


def test_a_curve_of_areas_has_a_band_as_well(audit):
    runs = [PlantedClassifier(alpha, seed, 0.5 + 2 * alpha, n=300) for alpha in (0.0, 0.5, 1.0) for seed in range(3)]

    real = audit(runs)["curve"].query("source == 'real'")

    assert real["measure"].tolist() == ["auc"] * 3
    assert real["not_excluded"].tolist() == [False, False, True]
    assert (real["band_low"] <= real["ci_low"]).all()


def test_alphas_with_unequal_seeds_share_the_smallest_number_for_the_band(audit):
    curve = audit(segmenters(0.1, seeds=2)[:-1])["curve"]

    assert curve["note"].str.contains("first 1 seeds").all()
    assert sorted(set(curve["n_seeds"])) == [1, 2]


def test_one_alpha_has_a_curve_that_needs_two(audit):
    curve = audit([PlantedSegmenter(0.5)])["curve"]

    assert curve["note"].str.contains("need two alphas").all()
    assert curve["band_low"].isna().all()


def test_the_same_runs_give_the_same_tables_in_any_order(audit):
    runs = [*sweep(1.0, 2.0), PlantedClassifier(0.5)]
    first, second = audit(runs), audit(list(reversed(runs)))

    for name in first:
        pd.testing.assert_frame_equal(first[name], second[name])


@pytest.mark.slow
def test_the_gap_of_two_areas_covers_the_truth_with_seeds():
    """Each seed draws a skill of its own; in truth both recipes are alike."""
    audit, covered, naive = Utility(n_boot=10), 0, 0
    rng = np.random.default_rng(0)
    for study in range(120):
        runs = sweep(0.0, 0.0, n=160, sources=("real",), jitter=0.5)
        cases = 1000 * (study + 1)
        for run in runs:
            skill = 1.5 + 0.25 * rng.normal()
            table = planted_study(replace(run, skill=skill), cases)
            run.scores = lambda table=table: table
        row = tstr_against_trtr(audit(runs))
        covered += row["ci_low"] <= 0 <= row["ci_high"]
        naive += abs(row["gap"]) <= 1.96 * row["v_patients"] ** 0.5
    assert covered / 120 > 0.89  # nominal .95, three standard errors .06
    assert naive / 120 < 0.9


def planted_study(run, cases):
    """Scores on cases that belong to one study, so that each study meets other patients."""
    target = np.array([run.classes.index(name) for name in run.target()])
    odds = np.random.default_rng(cases).normal(size=len(target))
    odds += run.jitter * np.random.default_rng([run.seed, int(8 * run.alpha), cases]).normal(size=len(target))
    yes = 1 / (1 + np.exp(-odds - run.skill * (target - 0.5)))
    return run.scores().assign(probability=np.stack([1 - yes, yes], axis=1).ravel())


def without_some(run, rule):
    """Return the scores of a run whose cases lack a region in part, under a rule for empty ones."""
    absent = tuple((f"case{i}", "ET", 3 * (i % 2)) for i in range(20))
    planted = replace(run, empty=absent)
    table = planted.scores()
    if rule == "nan":
        nothing = (table["n_reference"] == 0) & (table["n_prediction"] == 0)
        table.loc[nothing, "dice"] = np.nan
    planted.scores = lambda: table
    facts = planted.facts() | {"empty": rule}
    planted.facts = lambda: facts
    return planted


@pytest.mark.parametrize("rule", ["brats", "nan"])
def test_the_mean_dice_of_one_model_is_t1_on_the_whole_page(audit, rule):
    runs = [without_some(run, rule) for run in segmenters(0.05)]
    performance, factors = audit(runs)["performance"], Trust()(runs)["factors"]
    whole = performance[(performance["measure"] == "dice") & (performance["seed"] == "all")]
    t1 = factors[factors["factor"] == "T1"]

    for source in ("real", "synthetic"):
        for alpha in (0.0, 1.0):
            (mean,) = whole.loc[(whole["source"] == source) & (whole["alpha"] == alpha), "value"]
            (factor,) = t1.loc[(t1["source"] == source) & (t1["alpha"] == alpha), "value"]
            assert mean == pytest.approx(factor)
    row = tstr_against_trtr(audit(runs), "dice")
    assert row["value"] - row["reference"] == pytest.approx(row["gap"])


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_the_interval_of_the_mean_dice_is_that_of_t1(audit, seeds):
    runs = segmenters(0.05, seeds=seeds)
    performance, factors = audit(runs)["performance"], Trust()(runs)["factors"]
    whole = performance[(performance["measure"] == "dice") & (performance["seed"] == "all")]
    t1 = factors[factors["factor"] == "T1"]

    for alpha in (0.0, 1.0):
        mean, factor = (table[(table["alpha"] == alpha) & (table["source"] == "real")].iloc[0] for table in (whole, t1))
        for limit in ("ci_low", "ci_high"):
            assert mean[limit] == pytest.approx(factor[limit], abs=1e-9)
        assert mean["ci_low"] < mean["value"] < mean["ci_high"]


def test_few_patients_of_a_class_make_wide_intervals(audit):
    """Recall and average precision of a class hang on its patients: all 12 right leave as much doubt as 12 leave."""
    few, many = (
        audit(sweep(6.0, 6.0, truth=("yes",) * n + ("no",) * 60))["per_class"]
        .query("`class` == 'yes' and alpha == 1 and source == 'real'")
        .set_index("measure")
        for n in (12, 60)
    )
    for measure in ("recall", "auprc"):
        lengths = [(table["ci_high"] - table["ci_low"])[measure] for table in (few, many)]
        assert lengths[0] > 2.5 * lengths[1] > 0
        assert few.loc[measure, "ci_low"] < 0.9


@pytest.mark.parametrize(("skill", "has_ratio"), [(0.0, False), (2.0, True)])
def test_a_measure_that_can_be_negative_has_a_ratio_only_above_chance(audit, skill, has_ratio):
    row = tstr_against_trtr(audit(sweep(skill, skill)), "mcc")
    assert np.isfinite(row["ratio"]) == has_ratio
    assert np.isfinite([row["gap"], row["ci_low"]]).all()


def test_measures_that_hang_on_few_wrong_cases_have_no_interval(audit):
    measures = ["brier", "calibration_error"]
    few, many = (
        audit(sweep(skill, skill, n=120))["performance"].query("seed == 'all'").set_index("measure")
        for skill in (6.0, 1.0)
    )
    assert few.loc[measures, "ci_low"].isna().all()
    assert "of fewer than 10 patients a case is classified wrongly" in few.loc["brier", "note"].iloc[0]
    assert few.drop(measures)["ci_low"].notna().all()
    assert many["ci_low"].notna().all()
