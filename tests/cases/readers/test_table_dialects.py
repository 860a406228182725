"""Tables as spreadsheets, other systems and pandas write them: read as they are meant, or refused with the row."""

import re

import pytest

from synthtrust.cases import CaseError, read_table

HEADER = "case_id,image,label"
ROWS = ("b,img/b.png,sick", "a,img/a.jpg,well", "c,img/c.tif,well")


def rewritten(file, text, encoding="utf-8"):
    file.write_bytes(text.encode(encoding))
    return file


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "bar"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_tables_are_read_as_spreadsheets_write_them(table, separator, encoding, end):
    file = table(HEADER, *ROWS)
    text = file.read_text().replace("sick", "fiévreux").replace(",", separator).replace("\n", end)
    cohort = read_table(rewritten(file, text + separator * 2 + end, encoding))
    assert dict(cohort.labels) == {"fiévreux": 0, "well": 1}
    assert [case.id for case in cohort.cases] == ["a", "b", "c"]


def test_a_separator_that_a_spreadsheet_names_is_taken(table):
    file = table(HEADER, *ROWS)
    rewritten(file, "sep=;\r\n" + file.read_text().replace(",", ";"))
    assert len(read_table(file).cases) == 3


def test_an_index_column_and_backslashes_of_another_system_are_no_obstacle(table, tmp_path):
    file = table(HEADER, *ROWS)
    lines = file.read_text().replace("img/", "img\\").splitlines()
    rewritten(file, "\n".join(f"{n if n else ''},{line}" for n, line in enumerate(lines)))
    cohort = read_table(file)
    assert not cohort.refused
    assert cohort.cases[1].images["grey"] == tmp_path / "img/b.png"


def test_a_backslash_that_is_part_of_a_name_stays(table, tmp_path):
    file = table(HEADER, "a,x\\a.png,x", "b,b.png,y")
    assert read_table(file).cases[0].images["grey"] == tmp_path / "x\\a.png"


@pytest.mark.parametrize("form", ["{}.0", "{}.", "{}.000", "0{}", "+{}"])
def test_numbers_of_classes_may_be_written_as_pandas_does(table, form, caplog):
    caplog.set_level("INFO")
    rows = [f"{n},{n}.png,{form.format(n % 2)}" for n in range(4)] + ["e,e.png,nan", "f,f.png,"]
    cohort = read_table(table(HEADER, *rows), classes=["well", "sick"])
    assert [case.class_index for case in cohort.cases] == [0, 1, 0, 1]
    assert [refusal.why.rsplit("line ", 1)[1][:1] for refusal in cohort.refused] == ["6", "7"]
    assert ("as whole numbers" in caplog.text) == ("." in form)


@pytest.mark.parametrize("odd", ["-1.0", "0.5"])
def test_numbers_that_are_no_classes_are_an_error_with_their_row(table, odd):
    with pytest.raises(CaseError, match=rf"classes by name, or numbered from 0 on, but got '{odd}' in line 3 of"):
        read_table(table(HEADER, "a,a.png,0.0", f"b,b.png,{odd}", "c,c.png,1.0"))


def test_numbers_that_are_named_as_classes_stay_names(table):
    cohort = read_table(table(HEADER, "a,a.png,-1", "b,b.png,1"), classes=["1", "-1"])
    assert dict(cohort.labels) == {"1": 0, "-1": 1}


def test_several_findings_in_one_cell_are_refused_with_their_row(table):
    rows = ("a,a.png,mass", "b,b.png,edema", "c,c.png,mass|edema", "d,d.png,mass;edema", "e,e.png,edema; late")
    cohort = read_table(table(HEADER, *rows))
    assert dict(cohort.labels) == {"edema": 0, "mass": 1}
    first, second, third = (refusal.why for refusal in cohort.refused)
    assert re.search(r"""'mass\|edema', in line 4 of .*cases\.csv\. Read .* 'cases\.separator="\|"'""", first)
    assert """'cases.separator=";"'""" in second
    assert "'edema; late', in line 6" in third


def test_a_semicolon_in_the_name_of_a_class_is_no_sign_of_findings(table):
    cohort = read_table(table(HEADER, "a,a.png,mass; large", "b,b.png,mass; small"))
    assert dict(cohort.labels) == {"mass; large": 0, "mass; small": 1}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"lable": "diagnosis"}, r"but got 'lable'. Did you mean 'label'\?"),
        ({"diagnosis": "label"}, r"roles among .*'label'.* but got 'diagnosis'"),
        ({"patient": "subject"}, r"columns \['subject'\] in .*cases\.csv"),
        ("label", r"cases\.columns such as \{label: diagnosis\}, but got 'label'"),
    ],
)
def test_columns_that_cannot_be_meant_are_an_error(table, columns, message):
    with pytest.raises(CaseError, match=message):
        read_table(table(HEADER, *ROWS), columns=columns)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04rest", "is a workbook of a spreadsheet. Save it as CSV"),
        (b"case_id,image,label\na,a.png,x,y\n", "Expected 3 cells, but got 4 in line 2 of"),
        (b"case_id,image,label,label\na,a.png,x,y\n", r"each column once in .*, but got \['label'\]"),
        (b"c\0a\0s\0e\0", "it holds bytes of 0. Save it as UTF-8"),
        (b"caf\xe9,\x81", "Save it as UTF-8"),
        (b"", r"columns \['case_id', 'image', 'label'\] in"),
    ],
    ids=["xlsx", "one cell more", "a column twice", "utf-16 without a mark", "no encoding", "nothing"],
)
def test_a_file_that_is_no_plain_table_is_an_error_that_says_what_to_do(tmp_path, content, message):
    (tmp_path / "cases.csv").write_bytes(content)
    with pytest.raises(CaseError, match=message):
        read_table(tmp_path / "cases.csv")


def test_one_image_with_two_labels_is_refused_in_a_table_too(table, tmp_path):
    file = table(HEADER, *ROWS)
    rewritten(file, file.read_text() + "d,img/b.png,well\n")
    cohort = read_table(file)
    assert {refusal.where for refusal in cohort.refused} == {tmp_path / "img/b.png"}
    assert "(sick)" in cohort.refused[0].why
    assert "(well)" in cohort.refused[0].why
    assert [case.id for case in cohort.cases] == ["a", "c"]
