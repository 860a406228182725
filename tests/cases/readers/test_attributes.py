"""Further columns of a table are kept of each case where a user names them, and nothing else of them is read."""

import pickle

import pytest

from helpers.plane_images import blobs, save
from synthtrust.cases import CaseError, Refusal, read_table, read_volume_table
from synthtrust.testing import tiny_cohort


@pytest.fixture
def table(tmp_path):
    for n in range(3):
        save(tmp_path / f"{n}.png", blobs(n))
    rows = ["a,0.png,well,63,A", "b,1.png,sick,,B", "c,2.png,well,nan,A"]
    (tmp_path / "set.csv").write_text("\n".join(["case_id,image,label,age,scanner", *rows]))
    return tmp_path / "set.csv"


def test_named_columns_are_kept_as_text_where_they_are_not_blank(table):
    cohort = read_table(table, attributes=["age", "scanner"])
    assert [dict(case.attributes) for case in cohort.cases] == [
        {"age": "63", "scanner": "A"}, {"scanner": "B"}, {"scanner": "A"},
    ]  # fmt: skip
    assert not any(case.attributes for case in read_table(table).cases)
    assert pickle.loads(pickle.dumps(cohort)).cases[0].attributes == {"age": "63", "scanner": "A"}


def test_a_column_may_be_an_attribute_and_something_else(table):
    cohort = read_table(table, attributes=["label"])
    assert [case.attributes["label"] for case in cohort.cases] == ["well", "sick", "well"]
    assert set(cohort.labels) == {"well", "sick"}


def test_volumes_have_attributes_too(tmp_path):
    made = tiny_cohort(tmp_path / "files", count=2)
    rows = [f"{case.id},{case.images['flair']},{case.label_map},{n + 60}" for n, case in enumerate(made.cases)]
    (tmp_path / "set.csv").write_text("\n".join(["case_id,flair,label,age", *rows]))
    values = {1: "NCR", 2: "ED", 4: "ET"}
    cohort = read_volume_table(tmp_path / "set.csv", ["flair"], values, attributes=["age"])
    assert [case.attributes["age"] for case in cohort.cases] == ["60", "61"]


def test_columns_that_are_not_there_are_refused(table):
    with pytest.raises(CaseError, match=r"Expected columns \['site'\] in .*set\.csv, but got"):
        read_table(table, attributes=["site"])
    for wrong in ("age", ["age", "age"], [1]):
        with pytest.raises(Refusal, match=r"Expected columns as cases\.attributes"):
            read_table(table, attributes=wrong)
