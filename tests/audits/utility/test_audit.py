"""The tables of the utility audit, on planted scores of segmenters and classifiers."""

import numpy as np
import pandas as pd
import pytest

from helpers.fake_runs import (
    PlantedClassifier,
    PlantedSegmenter,
    segmenters,
    sweep,
    tstr_against_trtr,
    verdict_of,
)


def test_the_four_corners_are_there_by_seed_and_over_seeds(equal):
    auc = equal["performance"].query("measure == 'auc'")

    assert auc.groupby(["alpha", "source"])["seed"].agg(list).tolist() == [["all", "0", "1", "2"]] * 4
    means = auc[auc["seed"] != "all"].groupby(["alpha", "source"])["value"].mean()
    over_all = auc[auc["seed"] == "all"].set_index(["alpha", "source"])["value"]
    assert over_all.to_dict() == pytest.approx(means.to_dict())
    assert set(auc[auc["seed"] == "all"]["n_seeds"]) == {3}


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
