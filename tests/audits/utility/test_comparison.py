"""Generators side by side: what stands in the comparison, and what controls must show."""

import numpy as np
import pytest

from helpers.fake_runs import (
    PlantedClassifier,
    sweep,
    tstr_against_trtr,
)
from synthtrust.audits.scores import NotApplicableError, gather_scores


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


def test_sets_that_one_class_has_read_from_two_places_share_trtr_and_are_told_apart(audit):
    def received(alphas, skill, root):
        generator = {"_target_": "synthtrust.generators.LabelledSet", "root": root}
        return [
            PlantedClassifier(alpha, seed=seed, n=200, skill=2.0 if alpha else skill, facts_={"generator": generator})
            for alpha in alphas
            for seed in range(3)
        ]

    tables = audit([*received((0.0, 1.0), 2.0, "sets/good"), *received((0.0,), 0.0, "sets/poor")])

    verdicts = tables["verdict"].set_index("subject")["verdict"]
    assert verdicts.to_dict() == {"LabelledSet good": "SUPPORTED", "LabelledSet poor": "NOT SUPPORTED"}


@pytest.mark.parametrize(("skill", "has_ratio"), [(0.0, False), (2.0, True)])
def test_a_measure_that_can_be_negative_has_a_ratio_only_above_chance(audit, skill, has_ratio):
    row = tstr_against_trtr(audit(sweep(skill, skill)), "mcc")
    assert np.isfinite(row["ratio"]) == has_ratio
    assert np.isfinite([row["gap"], row["ci_low"]]).all()
