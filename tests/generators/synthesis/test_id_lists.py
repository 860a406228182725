"""Lists of training ids are read whole: an id that got lost would make its patient one that nobody saw."""

import pytest

from synthtrust.cases import CaseError
from synthtrust.generators.synthesis.id_lists import read_ids


@pytest.mark.parametrize(
    "text",
    [
        "BraTS2021_00000\nBraTS2021_00002\n",
        "# the published list\nBraTS2021_00002\n\nBraTS2021_00000\n",
        "index,case_id\n0,BraTS2021_00000\n1,BraTS2021_00002\n",
        "BraTS21ID;MGMT\nBraTS2021_00000;1\nBraTS2021_00002;0\n",
        "data/BraTS2021_00000/BraTS2021_00000_t1.nii.gz\ndata/BraTS2021_00002/BraTS2021_00002_seg.nii.gz\n",
        "C:\\data\\BraTS2021_00000\\\nBraTS2021_00002-t1n.nii\n",
        "BraTS2021_00000, BraTS2021_00002\n",
        "x/BraTS2021_00000.png\nBraTS2021_00002.JPG\n",
        "BraTS2021_00000,\nBraTS2021_00002,\n",
    ],
    ids=["lines", "comments", "csv", "semicolons", "paths", "windows", "a row", "rasters", "trailing commas"],
)
def test_ids_are_read_from_the_files_people_have(tmp_path, text):
    (tmp_path / "ids.csv").write_text(text)
    assert read_ids(str(tmp_path / "ids.csv")) == ("BraTS2021_00000", "BraTS2021_00002")


def test_a_missing_or_empty_list_is_refused(tmp_path):
    with pytest.raises(CaseError, match="but there is none"):
        read_ids(str(tmp_path / "ids.csv"))
    (tmp_path / "ids.csv").write_text("case_id\n")
    with pytest.raises(CaseError, match="Write null if they are unknown"):
        read_ids(str(tmp_path / "ids.csv"))


@pytest.mark.parametrize(
    "text",
    ["p1,p2\np3,p4\n", "p1\np2;p3\n", "p1 p4 p5\np2\n", "age,scan\n3,p1\n", "case_id,age\np1,3,p2\n",
     "age,case_id\n3\n", "- p1\n- p2\n", '"p1\np2\n'],
    ids=["rows", "a row below", "spaces", "unknown header", "too long", "too short", "yaml", "open quote"],
)  # fmt: skip
def test_a_file_that_does_not_say_which_words_are_ids_is_refused(tmp_path, text):
    (tmp_path / "ids.txt").write_text(text)
    with pytest.raises(CaseError, match=r"^Expected .*ids\.txt"):
        read_ids(str(tmp_path / "ids.txt"))


def test_below_a_header_ids_may_hold_spaces(tmp_path):
    (tmp_path / "ids.csv").write_text('case_id,age\np 1,3\n"p, 2",4,\n')
    assert read_ids(str(tmp_path / "ids.csv")) == ("p 1", "p, 2")


@pytest.mark.parametrize("content", ["p1\n".encode("utf-16"), "Jos\xe9\n".encode("latin-1"), b"PK\x03\x04\x00p1"])
def test_a_file_that_is_no_text_is_refused(tmp_path, content):
    (tmp_path / "ids.csv").write_bytes(content)
    with pytest.raises(CaseError, match=r"ids\.csv is not in UTF-8"):
        read_ids(str(tmp_path / "ids.csv"))
