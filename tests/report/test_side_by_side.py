"""Generators stand in one table with a mark on each axis; controls stand beside what they have to show."""

import pandas as pd

from helpers.verdict_rows import verdict_row
from synthtrust.report.side_by_side import side_by_side
from synthtrust.report.verdicts import AxisVerdict, Finding, FindingGroup, axis_verdicts
from synthtrust.verdicts import Subject

OUTCOME = "TSTR equal to TRTR, privacy not supported."


def tables(*names):
    rows = [verdict_row("utility", "SUPPORTED", name) for name in names]
    rows += [
        verdict_row("privacy", verdict, Subject(f"{name}-{seed}", name))
        for name in names
        for seed, verdict in enumerate(("INCONCLUSIVE", "NOT SUPPORTED" if name == "Replay" else "SUPPORTED"))
    ]
    generators = [{"generator": name, "expected_outcome": OUTCOME if name == "Replay" else ""} for name in names]
    return {"utility": {"verdict": pd.DataFrame(rows), "generators": pd.DataFrame(generators)}}


def shown(*names, sets=()):
    planted = tables(*names)
    table = side_by_side(axis_verdicts(planted), planted, sets)
    return None if table is None else table.frame.set_index("Generator")


def test_one_row_each_in_the_order_of_the_runs_with_the_worst_of_its_sets():
    frame = shown("Tissue", "Replay", "Diffusion")
    assert list(frame.index) == ["Tissue", "Replay\ncontrol", "Diffusion"]
    assert frame["Utility"].tolist() == ["SUPPORTED"] * 3
    assert frame["Privacy"].tolist() == ["INCONCLUSIVE", "NOT SUPPORTED", "INCONCLUSIVE"]
    assert frame["Alignment"].tolist() == ["not assessed"] * 3
    assert frame["What a control must show"].tolist() == ["no control", OUTCOME, "no control"]


def test_one_generator_has_no_table_unless_it_is_a_control():
    assert shown("Tissue") is None
    assert list(shown("Replay").index) == ["Replay\ncontrol"]
    assert "What a control must show" not in shown("Tissue", "Diffusion")


def test_received_sets_say_themselves_that_they_are_controls():
    planted = {"privacy": {"verdict": pd.DataFrame([verdict_row("privacy", "NOT SUPPORTED", "Replay-1")])}}
    sets = [{"generator": "synthtrust.generators.Replay", "expected_outcome": OUTCOME}]
    table = side_by_side(axis_verdicts(planted), planted, sets)
    assert table.frame["What a control must show"].tolist() == [OUTCOME]


def test_sets_of_one_generator_are_one_line_of_the_box_and_the_worst_stands_for_all():
    findings = [
        Finding(Subject(f"A-{seed}", "A"), verdict) for seed, verdict in enumerate(("SUPPORTED", "INCONCLUSIVE"))
    ]
    (group,) = AxisVerdict("privacy", "INCONCLUSIVE", tuple(findings)).groups
    assert (group.name, group.share, group.worst) == ("A", "1 of 2 sets", findings[1])
    alone = FindingGroup((findings[0],))
    assert (alone.name, alone.share) == ("A-0", "")
