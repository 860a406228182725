"""Findings: several labels of an image, or none, read from columns, words and ChestMNIST, and kept as they are."""

import json
import pickle
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from helpers.plane_images import blobs, save
from synthtrust.cases import (
    Case,
    CaseError,
    Cohort,
    Findings,
    describe,
    print_listing,
    read_manifest,
    read_medmnist,
    read_table,
    split,
    write_manifest,
)
from synthtrust.cases.checks.parity import check_parity, parity
from synthtrust.cases.manifest import NAME
from synthtrust.cases.readers.medmnist_names import FINDINGS
from synthtrust.testing import tiny_findings


@pytest.fixture
def table(tmp_path):
    """Write rows, each with its image, and return the table."""

    def _table(header, *rows):
        for n, row in enumerate(rows):
            save(tmp_path / row.split(",")[1], blobs(n))
        (tmp_path / "cases.csv").write_text("\n".join([header, *rows, ""]))
        return tmp_path / "cases.csv"

    return _table


WORDS = ("a,a.png,Mass|Effusion", "b,b.png,No Finding", "c,c.png,Effusion", "d,d.png, Mass | Mass", "e,e.png,none")
COLUMNS = ("a,a.png,1.0,1", "b,b.png,0,", "c,c.png,-1,True", "d,d.png,,0.0")


def findings_of(cohort):
    return [tuple(case.findings) for case in cohort.cases]


def test_a_case_has_a_map_a_class_or_findings_and_says_which():
    some = Case("a", {}, findings=Findings((0, 1)))
    assert (some.task, some.has_label_map, some.target, some.files) == ("multilabel", False, (0, 1), {})
    assert pickle.loads(pickle.dumps(some)) == some
    assert isinstance(pickle.loads(pickle.dumps(some)).findings, Findings)
    assert replace(some, id="b").findings == (0, 1)
    assert (Case("a", {}, class_index=1).task, Case("a", {}, "map.nii.gz").task) == ("classification", "segmentation")
    for case, asked, message in (
        (some, Case.require_label_map, r"case a has findings, \(0, 1\)"),
        (some, Case.require_class, r"case a has findings, \(0, 1\)"),
        (Case("a", {}, class_index=1), Case.require_findings, "case a has a class, 1"),
        (Case("a", {}, "map.nii.gz"), lambda case: case.target, "case a has a label map"),
    ):
        with pytest.raises(CaseError, match=message):
            asked(case)
    with pytest.raises(ValueError, match=r"Expected 0 or 1 for each finding, but got \[2\]"):
        Findings((0, 2))


def test_a_cohort_has_cases_of_one_kind_with_as_many_findings_as_names():
    cases = (Case("a", {}, findings=Findings((0, 1))), Case("b", {}, findings=Findings((1, 0))))
    cohort = Cohort("some", cases, ("grey",), {"effusion": 0, "mass": 1})
    assert cohort.task == "multilabel"
    assert [cohort.names_of(case) for case in cohort.cases] == [("mass",), ("effusion",)]
    assert cohort.names_of(Case("c", {}, findings=Findings((0, 0)))) == ()
    with pytest.raises(CaseError, match="but some has cases of several kinds"):
        replace(cohort, cases=(*cases, Case("c", {}, class_index=1)))
    with pytest.raises(CaseError, match=r"each of the findings \['effusion'\] in some, but \['a', 'b'\]"):
        replace(cohort, labels={"effusion": 0})
    with pytest.raises(CaseError, match=r"but \['mass'\] are the same in all. Leave them out of cases.labels"):
        replace(cohort, cases=(cases[0], Case("b", {}, findings=Findings((1, 1))))).validated()


def test_words_between_a_separator_become_findings(table):
    cohort = read_table(table("case_id,image,label", *WORDS), separator="|")
    assert dict(cohort.labels) == {"Effusion": 0, "Mass": 1}
    assert findings_of(cohort) == [(1, 1), (0, 0), (1, 0), (0, 1), (0, 0)]
    ordered = read_table(table("case_id,image,label", *WORDS), separator="|", classes=["Mass", "Hernia", "Effusion"])
    assert findings_of(ordered)[:2] == [(1, 0, 1), (0, 0, 0)]


def test_columns_of_0_and_1_become_findings(table):
    file = table("case_id,image,Effusion,Lung Mass", *COLUMNS)
    options = dict(labels=["mass", "Effusion"], columns={"mass": "Lung Mass"})
    assert findings_of(read_table(file, **options, uncertain="negative")) == [(1, 1), (0, 0), (1, 0), (0, 0)]
    assert findings_of(read_table(file, **options, uncertain="positive")) == [(1, 1), (0, 0), (1, 1), (0, 0)]
    (refused,) = read_table(file, **options).refused
    assert refused.where.name == "c.png"
    assert "0 or 1 for Effusion, but got '-1'. -1 is uncertain: cases.uncertain=negative or positive" in refused.why
    assert "case c, line 4 of" in refused.why


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("No Finding|Mass", "alone, but got 'No Finding|Mass'"),
        ("", "an empty label"),
        ("|", "an empty label"),
        ("NaN", "an empty label"),
    ],
)
def test_a_cell_that_says_nothing_or_contradicts_itself_is_refused_by_row(table, cell, why):
    cohort = read_table(table("case_id,image,label", *WORDS, f"f,f.png,{cell}"), separator="|")
    (refused,) = cohort.refused
    assert why in refused.why
    assert "case f, line 7 of" in refused.why
    assert len(cohort.cases) == 5


def test_a_finding_may_be_called_as_another_column_is(table):
    assert findings_of(read_table(table("case_id,image,label", "a,a.png,1", "b,b.png,0"), labels=["label"])) == [
        (1,), (0,),
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["2", "0.5", "yes", "-0.5"])
def test_a_column_of_other_values_is_refused_by_row(table, value):
    cohort = read_table(table("case_id,image,x,y", "a,a.png,1,0", f"b,b.png,0,{value}"), labels=["x", "y"])
    assert [case.id for case in cohort.cases] == ["a"]
    assert f"Expected 0 or 1 for y, but got '{value}'" in cohort.refused[0].why


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(labels=["x"], separator="|"), r"cases.labels=\['x'\] beside cases.separator='\|'"),
        (dict(labels=["x"], classes=["y"]), r"cases.labels=\['x'\] beside cases.classes=\['y'\]"),
        (dict(separator=""), "Expected columns of findings, .* or what stands between them, .* but got ''"),
        (dict(labels=[]), r"Expected columns of findings, .* but got \[\]"),
        (dict(separator="|", uncertain="negative"), "cases.uncertain beside cases.labels alone, but got 'negative'"),
        (dict(labels=["x", "x"]), r"each finding once, but got \['x'\]"),
        (dict(labels=["x", "No Finding"]), r"but got \['No Finding'\]: an image without any is 0 in all"),
        (dict(labels=["x"], uncertain="maybe"), "cases.uncertain among .*, but got 'maybe'"),
        (dict(labels=["x", "z"]), r"Expected columns \['z'\]"),
        (dict(separator="|", classes=["y"]), r"Expected findings among \['y'\], but got \['x'\]"),
    ],
)
def test_options_that_contradict_themselves_or_the_table_are_refused(table, options, message):
    with pytest.raises(ValueError, match=message):
        read_table(table("case_id,image,label,x", "a,a.png,x,1", "b,b.png,none,0"), **options)


@pytest.mark.parametrize(
    ("labels", "mark"),
    [(["a", "b", "a|b"], "|"), (["a", "c", "a;b"], ";"), (["a", "b", '"a, b"'], ",")],
)
def test_several_findings_in_one_cell_are_no_class(table, composed, labels, mark):
    rows = [f"{n},{n}.png,{label}" for n, label in enumerate(labels)]
    (refused,) = read_table(table("case_id,image,label", *rows)).refused
    assert "several findings in one cell" in refused.why
    advice = refused.why.split("'")[-2]  # as it may be pasted between quotes
    assert composed("train", "cases=table", "cases.file=somewhere", advice).cases.separator == mark


def test_a_table_of_several_findings_alone_says_so(table):
    with pytest.raises(CaseError, match=r"several findings in one cell, 'a.b', in line 2"):
        read_table(table("case_id,image,label", "a,a.png,a|b", "b,b.png,b|c"))


def test_commas_within_the_name_of_a_class_stay(table):
    rows = ['a,a.png,"normal, benign"', 'b,b.png,"malignant, grade 2"', 'c,c.png,"malignant, grade 3"']
    assert len(read_table(table("case_id,image,label", *rows)).labels) == 3


def test_chestmnist_has_its_findings_by_their_official_names(tmp_path):
    rng = np.random.default_rng(0)
    content = {}
    for part, count in (("train", 6), ("val", 2), ("test", 3)):
        content[f"{part}_images"] = rng.integers(0, 256, (count, 9, 7), np.uint8)
        content[f"{part}_labels"] = rng.integers(0, 2, (count, 14), np.uint8)
    np.savez(tmp_path / "chestmnist_64.npz", **content)
    cohort = read_medmnist(tmp_path / "chestmnist_64.npz", tmp_path / "cases")
    assert (cohort.task, cohort.licence) == ("multilabel", "CC BY 4.0")
    assert list(cohort.labels) == list(FINDINGS["chestmnist"])
    assert list(cohort.labels.values()) == list(range(14))
    for part in ("train", "val", "test"):
        own = [case for case in cohort.cases if case.split == part]
        np.testing.assert_array_equal([case.findings for case in own], content[f"{part}_labels"])
    assert read_medmnist(tmp_path / "chestmnist_64.npz", tmp_path / "cases") == cohort  # found again
    with pytest.raises(CaseError, match=r"a name for each of 14 findings, but got \['a'\]"):
        read_medmnist(tmp_path / "chestmnist_64.npz", tmp_path / "cases", classes=["a"])


def test_a_manifest_keeps_findings(tmp_path):
    cohort = tiny_findings(tmp_path, count=8)
    write_manifest(tmp_path, cohort, made_by={"by": "hand"})
    assert read_manifest(tmp_path, verify=True) == cohort
    for wrong in ([0, 2], [0], [True, False], "0 1"):
        record = json.loads((tmp_path / NAME).read_text())
        record["cases"][0]["label"] = wrong
        (tmp_path / NAME).write_text(json.dumps(record))
        with pytest.raises(CaseError, match="or findings, of case scan_000"):
            read_manifest(tmp_path)


def test_the_listing_counts_each_finding_and_images_without(tmp_path):
    cohort = tiny_findings(tmp_path, count=9)
    rows = describe(cohort).table["class"].tolist()
    assert rows[:4] == ["no finding", "mass", "effusion", "effusion; mass"]
    console = Console(file=StringIO(), width=120)
    print_listing(cohort, console=console)
    shown = [line.split("│")[1:-1] for line in console.file.getvalue().splitlines()]
    counts = {cells[0].strip(): cells[1].strip() for cells in shown if len(cells) == 2}
    assert [counts[name] for name in ("effusion", "mass", "no finding", "all")] == ["4", "4", "3", "9"]


def test_a_twin_with_other_findings_is_refused(tmp_path):
    real = tiny_findings(tmp_path, count=8).cases
    same = [replace(case, source="synthetic") for case in real]
    assert check_parity(parity(real, same, ["grey"])) == []
    with pytest.raises(CaseError, match="with the findings of their real case, but 1 have another, first scan_003"):
        check_parity(parity(real, [*same[:3], replace(same[3], findings=Findings((0, 1))), *same[4:]], ["grey"]))


def test_patients_with_several_findings_stay_together(tmp_path):
    cohort = tiny_findings(tmp_path, count=24, per_patient=3)
    parts = split(cohort.cases, test=2, val=2)
    assert [len(part) for part in (parts.train, parts.val, parts.test)] == [12, 6, 6]
