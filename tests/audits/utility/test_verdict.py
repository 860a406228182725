"""The verdict of the utility audit, on planted scores of segmenters and classifiers."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from helpers.fake_runs import PlantedClassifier, codes, segmenters, sentences, sweep, tstr_against_trtr, verdict_of
from synthtrust.audits import Utility
from synthtrust.audits.verdict import COLUMNS


def test_training_that_is_as_good_is_supported(equal):
    verdict = verdict_of(equal)

    assert list(verdict) == list(COLUMNS)
    assert (verdict["axis"], verdict["subject"], verdict["verdict"]) == ("utility", "Tissue", "SUPPORTED")
    assert "TSTR 0.9" in sentences(verdict)
    assert verdict["thresholds"]["margin"] == 0.05


def test_the_very_same_scores_are_supported_and_leave_a_doubt(audit):
    row = tstr_against_trtr(tables := audit(sweep(2.0, 2.0, n=300, jitter=0.0)))

    assert row["gap"] == 0
    assert -0.01 < row["ci_low"] < 0 < row["ci_high"] < 0.01
    assert verdict_of(tables)["verdict"] == "SUPPORTED"


def test_shuffled_labels_are_chance_and_not_supported(audit):
    tables = audit(sweep(0.0, 2.0, n=200))

    row = tstr_against_trtr(tables)
    assert row["value_low"] < 0.5 < row["value_high"]
    assert row["ratio_above_chance_lower"] < 0.9 or math.isnan(row["ratio_above_chance_lower"])
    assert verdict_of(tables)["verdict"] == "NOT SUPPORTED"


def test_guessing_beside_a_weak_reference_keeps_no_share_of_it(audit):
    """Raw, .5 over .56 is a ratio of .9; above chance nothing is left of it."""
    tables = audit(sweep(0.0, 0.2, n=400))

    row = tstr_against_trtr(tables)
    assert row["ratio"] > 0.85
    assert not row["ratio_above_chance_lower"] > 0.5
    assert verdict_of(tables)["verdict"] != "SUPPORTED"


@pytest.mark.parametrize("runs", [segmenters(0.2), sweep(0.8, 2.5, n=300)], ids=["Dice", "AUC"])
def test_a_gap_of_a_fifth_is_not_supported(audit, runs):
    tables = audit(runs)

    assert verdict_of(tables)["verdict"] == "NOT SUPPORTED"
    assert "hardly close this gap" in verdict_of(tables)["would_change"]


def test_a_small_loss_of_a_segmenter_is_supported(audit):
    tables = audit(segmenters(0.02, spread=0.005))

    row = tstr_against_trtr(tables, "dice")
    assert row["gap"] == pytest.approx(-0.02, abs=0.015)
    assert verdict_of(tables)["verdict"] == "SUPPORTED"


RATIO = {"primary": "ratio", "ratio_margin": 0.8}


def test_the_one_criterion_decides_and_a_loss_beyond_its_margin_is_never_supported(audit):
    runs = segmenters(0.06, spread=0.001)  # .64 of .70; .54 of .60 above the trivial predictor
    by_loss, by_share = verdict_of(audit(runs)), verdict_of(Utility(n_boot=100, **RATIO)(runs))

    assert (by_loss["verdict"], by_share["verdict"]) == ("NOT SUPPORTED", "SUPPORTED")
    assert "a loss of at least 0.059 and at most 0.063" in sentences(by_loss)
    assert "above the best label map by position alone, TSTR keeps 0.90" in sentences(by_share)
    assert by_share["thresholds"]["ratio_margin"] == 0.8
    assert "ratio_margin" not in by_loss["thresholds"]


@pytest.mark.parametrize("runs", [segmenters(0.2), sweep(0.5, 2.5, n=300)], ids=["Dice", "AUC"])
def test_a_share_kept_that_is_shown_to_be_too_small_is_not_supported(runs):
    assert verdict_of(Utility(n_boot=100, **RATIO)(runs))["verdict"] == "NOT SUPPORTED"


@pytest.mark.parametrize("options", [{}, RATIO], ids=["difference", "ratio"])
def test_a_network_that_learned_nothing_supports_nothing(options):
    """Two bad models that agree: TRTR scores .03, position alone .06."""
    bad = [replace(run, real=(np.asarray(run.real) * 0.04).tolist(), trivial=0.06) for run in segmenters(0.0)]
    verdict = verdict_of(Utility(n_boot=100, **options)(bad))

    assert verdict["verdict"] == "INCONCLUSIVE"
    assert codes(verdict)[0] == "no_skill"
    assert "not shown to beat the best label map by position alone" in sentences(verdict)


def test_a_margin_that_exceeds_what_was_learned_supports_nothing(audit):
    runs = segmenters(0.0, spread=0.005)
    trtr = np.mean([run.real for run in runs if run.alpha == 1])
    little = [replace(run, trivial=trtr - 0.15) for run in runs]

    verdict = verdict_of(audit(little))
    assert verdict["verdict"] == "INCONCLUSIVE"
    assert "margin_exceeds_skill" in codes(verdict)
    assert verdict_of(Utility(n_boot=100, margin=0.03)(little))["verdict"] == "SUPPORTED"


def test_runs_without_a_trivial_predictor_support_nothing(audit):
    verdict = verdict_of(audit([replace(run, trivial=None) for run in segmenters(0.0)]))

    assert verdict["verdict"] == "INCONCLUSIVE"
    assert codes(verdict)[0] == "no_trivial_predictor"


@pytest.mark.parametrize(
    ("runs", "part", "n"),
    [
        (sweep(6.0, 6.0, truth=("yes",) * 2 + ("no",) * 38), "yes", 2),
        ([replace(run, empty=tuple((f"case{i}", "ET", 0) for i in range(34))) for run in segmenters(0.0)], "ET", 6),
    ],
    ids=["class", "region"],
)
def test_too_few_patients_of_a_class_or_with_a_region_support_nothing(audit, runs, part, n):
    verdict = verdict_of(audit(runs))

    assert verdict["verdict"] == "INCONCLUSIVE"
    assert "few_patients_each" in codes(verdict)
    assert f"{part}: {n} test patients, fewer than the 10 asked for" in sentences(verdict)


def test_a_gain_is_worded_as_a_gain(audit):
    text = sentences(verdict_of(audit(segmenters(-0.1))))
    assert "a gain of at least 0.0" in text
    assert "loss of at most -" not in text


def test_the_justification_stands_beside_the_verdict(audit):
    facts = {"margins": {"margin": 0.05, "justification": "Two readers differ by 0.15."}}
    text = sentences(verdict_of(audit(sweep(2.0, 2.0, n=300, facts_=facts))))
    assert "its margin settled before training: Two readers differ by 0.15." in text
    assert "no justification was stated" in sentences(verdict_of(audit(sweep(2.0, 2.0, n=300))))


@pytest.mark.parametrize(
    ("runs", "says", "would_change"),
    [
        pytest.param(sweep(2.0, 2.0, n=20), "20 test patients, fewer than the 30", "More test patients", id="patients"),
        pytest.param(sweep(2.0, 2.0, (0, 1), n=300), "2 training seeds, fewer", "More training seeds", id="seeds"),
        pytest.param(sweep(2.0, 2.0, (0,), n=300), "One training seed", "training seeds of each", id="one seed"),
        pytest.param(sweep(0.5, 2.5, (0,), n=300), "One training seed", "training seeds of each", id="loss, one seed"),
        pytest.param(sweep(0.0, 0.0, n=100), "beat guessing", "another network", id="nothing to keep"),
        pytest.param(
            sweep(2.0, 2.0, n=300, facts_={"overlap": {}}), "does not say which cases", "training ids", id="unknown ids"
        ),
        pytest.param(
            sweep(2.0, 2.0, n=300, facts_={"overlap": {"status": "overlap"}}),
            "learned from patients it is tested on", "saw no test patient", id="overlap",
        ),
        pytest.param(
            sweep(2.0, 2.0, n=300, facts_={"val": "real"}), "chosen on real validation", "synthetic validation",
            id="chosen on real cases",
        ),
    ],
)  # fmt: skip
def test_little_evidence_is_inconclusive_and_says_what_would_change_it(audit, runs, says, would_change):
    verdict = verdict_of(audit(runs))

    assert verdict["verdict"] == "INCONCLUSIVE"
    assert says in sentences(verdict)
    assert would_change in verdict["would_change"]


SETTLED = {"margins": {"margin": 0.02, "ratio_margin": 0.95}}


def test_the_margins_are_those_that_were_settled_before_training(audit):
    runs = sweep(2.0, 2.0, n=300, jitter=0.0, facts_=SETTLED)
    verdict = verdict_of(audit(runs))
    assert verdict["verdict"] == "SUPPORTED"
    assert verdict["thresholds"]["margin"] == 0.02
    moved = verdict_of(Utility(n_boot=100, margin=0.5)(runs))
    assert moved["verdict"] == "INCONCLUSIVE"
    assert (
        "not those that were settled before training: primary difference, margin 0.02, largest_share 0.25"
        in sentences(moved)
    )
    assert "trained after others were settled" in moved["would_change"]
    lost = verdict_of(Utility(n_boot=100, margin=0.01)(sweep(0.8, 2.5, n=300, facts_=SETTLED)))
    assert lost["verdict"] == "NOT SUPPORTED"  # a loss that is shown needs no kinder margin
    with pytest.raises(ValueError, match="one margins, but"):
        audit([*runs[:3], *sweep(2.0, 2.0, n=300, facts_={"margins": {"margin": 0.5, "ratio_margin": 0.95}})[3:]])


def test_a_loss_that_was_shown_stays_one_in_spite_of_other_doubts(audit):
    verdict = verdict_of(audit(sweep(0.5, 2.5, n=300, facts_={"overlap": {}})))

    assert verdict["verdict"] == "NOT SUPPORTED"
    assert "does not say which cases" in sentences(verdict)


def test_an_undecided_interval_says_how_many_patients_would_decide(audit):
    verdict = verdict_of(audit(sweep(1.0, 1.05, n=60, jitter=1.0)))

    assert verdict["verdict"] == "INCONCLUSIVE"
    assert "test patients like these" in verdict["would_change"]


@pytest.mark.parametrize("alphas", [(0.0,), (1.0,), (0.5,)], ids=str)
def test_tstr_alone_is_not_assessed(audit, alphas):
    tables = audit([PlantedClassifier(alpha, seed) for alpha in alphas for seed in range(3)])

    assert tables["comparison"].empty
    assert verdict_of(tables)["verdict"] == "not assessed"
    assert "TSTR against TRTR was not compared" in sentences(verdict_of(tables))
    assert len(tables["performance"])


def test_an_outcome_that_hangs_on_the_rule_for_empty_regions_is_inconclusive(audit):
    """TSTR gets 1 for predicting nothing where TRTR gets 0 for predicting something; everywhere else it is worse."""
    nothing, something = (tuple((f"case{i}", "ET", n) for i in range(12)) for n in (0, 5))
    runs = [replace(run, empty=something if run.alpha else nothing) for run in segmenters(0.15)]

    row = tstr_against_trtr(tables := audit(runs), "dice")

    assert row["depends_on_empty_rule"]
    assert verdict_of(tables)["verdict"] == "INCONCLUSIVE"
    assert "rule for empty regions" in sentences(verdict_of(tables))
    assert not tstr_against_trtr(audit(segmenters(0.15)), "dice")["depends_on_empty_rule"]


def test_predicting_nothing_is_the_chance_of_a_segmenter(audit):
    empty = tuple((f"case{i}", "ET", 0) for i in range(40))
    row = tstr_against_trtr(audit([replace(run, empty=empty, trivial=None) for run in segmenters(0.1)]), "dice")

    raw, above = row["ratio"], row["ratio_above_chance"]
    assert above == pytest.approx((row["value"] - 1 / 3) / (row["reference"] - 1 / 3))  # one region of three is empty
    assert above < raw


def test_a_class_that_no_synthetic_case_has_is_named_in_the_verdict(audit):
    lacking = {"missing_classes": {"train": ["yes"]}}
    runs = [replace(run, facts_=lacking if run.alpha == 0 else {}) for run in sweep(2.0, 2.0, n=300)]

    assert "No synthetic training case is of class yes; its test cases stay" in sentences(verdict_of(audit(runs)))


def test_what_the_training_cases_of_both_arms_are_is_stated_where_synthetic_ones_are_no_twins(audit):
    facts = {"paired": False, "alpha": 1.0, "drawn_classes": {"real": {"no": 9, "yes": 1}}}
    of_tstr = {**facts, "alpha": 0.0, "drawn_classes": {"synthetic": {"no": 5, "yes": 5}}, "patients_own": ["t1", "t2"]}
    runs = [replace(run, facts_=of_tstr if run.alpha == 0 else facts) for run in sweep(2.0, 2.0, n=300)]
    verdict, on_alignment = audit(runs)["verdict"].to_dict("records")
    text = sentences(verdict)
    assert (on_alignment["axis"], on_alignment["verdict"]) == ("alignment", "not applicable")
    assert [reason.code for reason in on_alignment["reasons"]] == ["no_twins"]
    assert "Synthetic training cases by class: no 5, yes 5; real ones: no 9, yes 1." in text
    assert "TSTR learned from real images too: t1 and t2 of synthetic cases are patients' own." in text
    twins = [replace(run, facts_=dict(run.facts_, paired=True, patients_own=[])) for run in runs]
    text = sentences(verdict_of(audit(twins)))
    assert "by class" not in text
    assert "real images" not in text


def test_how_an_augmented_arm_chose_its_checkpoint_is_no_doubt_about_tstr(audit):
    added = PlantedClassifier(0.0, n=300, mode="additive", facts_={"val": "real", "mode": "additive"})

    assert verdict_of(audit([*sweep(2.0, 2.0, n=300), added]))["verdict"] == "SUPPORTED"


def test_no_study_is_said_to_be_enough_that_the_thresholds_would_not_let_pass(audit):
    verdict = verdict_of(audit(segmenters(0.0, seeds=2, n=8, spread=0.04)))

    assert verdict["verdict"] == "INCONCLUSIVE"
    numbers = [int(number) for number in re.findall(r"About (\d+) test patients", verdict["would_change"])]
    assert all(number >= 30 for number in numbers)
    assert "and 2 training seeds" not in verdict["would_change"]
