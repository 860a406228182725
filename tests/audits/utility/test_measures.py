"""The measures of a classifier and of a segmenter, class by class and region by region."""

import pytest

from helpers.fake_runs import (
    segmenters,
    sentences,
    sweep,
    verdict_of,
)


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
