"""A table of labelled volumes: a row per case, with a file for each modality and the label map."""

import pytest

from synthtrust.cases import CaseError, Refusal, read_volume_table
from synthtrust.testing import tiny_cohort

VALUES = {1: "NCR", 2: "ED", 4: "ET"}


@pytest.fixture
def rows(tmp_path):
    """Return rows of a table: id, two images, label map."""
    cohort = tiny_cohort(tmp_path / "files", count=3)
    return [[f"s{n}", case.images["flair"], case.images["t1ce"], case.label_map] for n, case in enumerate(cohort.cases)]


def written(tmp_path, rows, header="case_id,flair,t1ce,label"):
    file = tmp_path / "set.csv"
    relative = [[cell if isinstance(cell, str) else cell.relative_to(tmp_path) for cell in row] for row in rows]
    file.write_text("\n".join([header, *(",".join(map(str, row)) for row in relative)]))
    return file


def test_a_row_may_name_a_donor(tmp_path, rows):
    file = written(tmp_path, [[*row, "p7", "p8"] for row in rows], "case_id,flair,t1ce,label,parent,donor")
    cohort = read_volume_table(file, ["flair", "t1ce"], VALUES)
    assert {(case.parent, case.donor) for case in cohort.cases} == {("p7", "p8")}


def test_rows_become_cases_with_their_parents(tmp_path, rows):
    file = written(
        tmp_path, [[*row, parent] for row, parent in zip(rows, ["p7", "", "p7"])], "case_id,flair,t1ce,label,parent"
    )
    cohort = read_volume_table(file, ["t1ce", "flair"], VALUES)
    assert [(case.id, case.parent, list(case.images)) for case in cohort.cases] == [
        ("s0", "p7", ["t1ce", "flair"]), ("s1", "", ["t1ce", "flair"]), ("s2", "p7", ["t1ce", "flair"]),
    ]  # fmt: skip
    assert set(cohort.labels) == {"NCR", "ED", "ET"}
    assert set(cohort.cases[0].load_label().ravel()) == {0, 1, 2, 3}


def test_a_row_without_a_file_is_refused_and_the_others_are_read(tmp_path, rows):
    (tmp_path / "gone.nii.gz").touch()
    rows[1][3] = ""
    cohort = read_volume_table(written(tmp_path, rows), ["flair", "t1ce"], VALUES)
    assert [case.id for case in cohort.cases] == ["s0", "s2"]
    assert [refusal.why for refusal in cohort.refused] == [
        f"Expected a file for label, but got none in line 3 of {tmp_path / 'set.csv'}."
    ]


def test_what_is_no_such_table_is_refused(tmp_path, rows):
    with pytest.raises(CaseError, match=r"Expected columns \['t2'\]"):
        read_volume_table(written(tmp_path, rows), ["flair", "t2"], VALUES)
    with pytest.raises(Refusal, match="each once"):
        read_volume_table(written(tmp_path, rows), [], VALUES)
    with pytest.raises(CaseError, match="Expected an id in line 2"):
        read_volume_table(written(tmp_path, [["", *rows[0][1:]]]), ["flair", "t1ce"], VALUES)
