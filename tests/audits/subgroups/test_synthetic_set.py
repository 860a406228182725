"""Groups of the synthetic set: one that is missing, copied or painted badly is found, and chance is seldom called."""

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.drawn_runs import drawn_runs
from helpers.two_scanners import two_scanners
from synthtrust.audits import Subgroups
from synthtrust.audits.fidelity.measures import EmbeddedCases, EmbeddedSets
from synthtrust.audits.subgroups.synthetic_set import GroupLimits, copies, fidelity, representation
from synthtrust.cases import Case, Source, read_volume_table
from synthtrust.generators import DropGroup, Replay, synthesize
from synthtrust.metrics.embeddings import ReferencePca
from synthtrust.refusals import Refusal
from synthtrust.report import write_report

LIMITS = GroupLimits(min_patients=10, min_patients_fidelity=20, min_ratio=0.8, confidence=0.95)


def real_cases(n):
    return [Case(f"c{i:03d}", {}, "label", patient=f"p{i:03d}") for i in range(n)]


def children(parents):
    return [
        Case(f"own{i:03d}", {}, "label", Source.SYNTHETIC, patient=parent.patient, parent=parent.id)
        for i, parent in enumerate(parents)
    ]


def groups_of(cases, share_of_b, rng):
    members = np.where(rng.random(len(cases)) < share_of_b, "B", "A")
    return pd.Series(pd.Categorical(members, ["A", "B"]), [case.id for case in cases])


def test_twins_have_the_groups_of_their_cases_and_all_are_represented():
    train = real_cases(60)
    groups = groups_of(train, 0.3, np.random.default_rng(0))
    answer = representation(groups, train, train, LIMITS)
    assert answer.verdict == "SUPPORTED"
    assert [row["share"] for row in answer.rows] == [row["share_train"] for row in answer.rows]
    assert all(row["ci_low"] < row["share"] < row["ci_high"] for row in answer.rows)


@pytest.mark.parametrize("draws", [20, pytest.param(400, marks=pytest.mark.slow)])
def test_a_group_that_is_dropped_is_found_and_a_fair_draw_is_seldom_called(draws):
    train = real_cases(100)
    verdicts = {"dropped": [], "fair": []}
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        groups = groups_of(train, 0.3, rng)
        drawn = [train[i] for i in rng.integers(0, 100, 100)]
        verdicts["fair"].append(representation(groups, train, children(drawn), LIMITS).verdict)
        kept = [case for case in drawn if groups[case.id] == "A"]
        verdicts["dropped"].append(representation(groups, train, children(kept), LIMITS))
    assert all(answer.verdict == "NOT SUPPORTED" and answer.groups == ["B"] for answer in verdicts["dropped"])
    assert verdicts["fair"].count("NOT SUPPORTED") <= 0.1 * draws  # 5 % promised, of both sides


def test_sets_of_unknown_groups_say_so():
    train = real_cases(20)
    groups = groups_of(train, 0.5, np.random.default_rng(0))
    strangers = [Case(f"s{i}", {}, "label", Source.SYNTHETIC) for i in range(5)]
    assert representation(groups, train, strangers, LIMITS).verdict == "not known"
    some = representation(groups, train, [*train, *strangers], LIMITS)
    assert some.note == "Of 5 of 25 synthetic cases the group is not known."


def test_small_groups_are_said_and_not_shown():
    train = real_cases(40)
    groups = pd.Series(pd.Categorical(["B"] * 4 + ["A"] * 36), [case.id for case in train])
    answer = representation(groups, train, train, LIMITS)
    few = {row["group"]: row for row in answer.rows}["B"]
    assert not few["shown"]
    assert np.isnan(few["n_train"])
    assert answer.verdict == "SUPPORTED"  # each has exactly its share
    without = representation(groups, train, train[4:], LIMITS)
    assert (without.verdict, without.groups) == ("INCONCLUSIVE", [])  # said of no group that is not shown


def privacy_tables(copied, searched=True):
    tests = pd.DataFrame({"set": ["s"], "measure": ["P1 copies of training cases" if searched else "P2"]})
    rows = [{"set": "s", "nearest_real": case.id, "reading": "COPY"} for case in copied]
    rows.append({"set": "s", "nearest_real": "c000", "reading": "SUSPECT"})
    return {"tests": tests, "copies": pd.DataFrame(rows)}


def test_copies_are_counted_by_the_patient_who_is_copied():
    train = real_cases(80)
    groups = groups_of(train, 0.5, np.random.default_rng(3))
    of_b = [case for case in train if groups[case.id] == "B"]
    answer = copies(groups, train, privacy_tables(of_b[:20]), "s", LIMITS)
    assert (answer.verdict, answer.groups) == ("NOT SUPPORTED", ["B"])
    counted = {row["group"]: row["n_copied"] for row in answer.rows}
    assert counted == {"A": 0, "B": 20}
    everybody = copies(groups, train, privacy_tables(train), "s", LIMITS)
    assert everybody.verdict == "INCONCLUSIVE"
    assert copies(groups, train, privacy_tables([], searched=False), "s", LIMITS).verdict == "not measured"
    assert copies(groups, train, {}, "s", LIMITS).verdict == "not measured"


def embedded(rng, shift_of_b, n=80):
    """Return 80 real and 80 synthetic cases, half of each group, whose groups differ, and what is amiss in B."""
    real, synthetic = real_cases(2 * n)[:n], real_cases(2 * n)[n:]
    groups = pd.Series(
        pd.Categorical([("A", "B")[i % 2] for i in range(2 * n)]), [case.id for case in (*real, *synthetic)]
    )
    spaces = {}
    for space in ("one", "two"):
        x, y = (rng.normal(size=(n, 4)) + np.array([[0.0], [1.0]] * (n // 2)) for _ in range(2))
        y[1::2] += shift_of_b
        spaces[space] = EmbeddedSets(torch.from_numpy(x), torch.from_numpy(y), ReferencePca(most=4))
    return groups, EmbeddedCases(tuple(real), tuple(synthetic), spaces)


@pytest.mark.parametrize("draws", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_a_group_that_is_painted_badly_is_found_and_honest_ones_are_seldom_called(draws):
    honest, bad = [], []
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        honest.append(fidelity(*embedded(rng, 0.0), LIMITS).verdict)
        bad.append(fidelity(*embedded(rng, 1.5), LIMITS))
    assert all(answer.verdict == "NOT SUPPORTED" and answer.groups == ["B"] for answer in bad)
    assert honest.count("NOT SUPPORTED") <= 0.1 * draws


def test_fidelity_of_groups_needs_the_audit_and_enough_patients():
    groups, cases = embedded(np.random.default_rng(0), 0.0)
    assert fidelity(groups, None, LIMITS).verdict == "not measured"
    few = fidelity(groups, cases, GroupLimits(10, 50, 0.8, 0.95))
    assert few.verdict == "INCONCLUSIVE"
    assert few.note == "Fewer than two groups have 50 real and 50 synthetic patients."
    assert not any(row["shown"] for row in few.rows)


def test_the_page_says_which_group_a_set_lacks_by_a_column_of_the_table_of_cases(tmp_path):
    table = two_scanners(tmp_path / "real", 30)
    cohort = read_volume_table(table, ["mri"], {1: "lesion"}, attributes=["scanner"])
    runs = []
    for generator in (Replay(), DropGroup(attribute="scanner", group="B")):
        made = synthesize(generator, cohort, cohort.cases[:18], cohort.cases, tmp_path / "synthetic")
        runs += drawn_runs(cohort, made.folder, 18)
        for run in runs[-6:]:
            run.generator = type(generator).__name__
    tables = Subgroups(min_patients=3)(runs)
    said = tables["set_answers"].set_index(["generator", "attribute", "question"])["verdict"]
    assert said["DropGroup", "scanner", "shares"] == "NOT SUPPORTED"
    assert said["Replay", "scanner", "shares"] == "SUPPORTED"
    assert set(said[:, :, "copies"]) | set(said[:, :, "fidelity"]) == {"not measured"}
    text = write_report(tmp_path / "page", {}, {"subgroups": tables}).read_text(encoding="utf-8")
    assert "by scanner: B is under-represented, copies were not searched and fidelity was not measured." in text
    assert "Share of each group among training and synthetic cases" in text
    with pytest.raises(Refusal, match=r"Expected attributes \['age'\], but the table of the real cases kept none"):
        Subgroups(columns=["age"])(runs)
