"""``report.json`` keeps to its published schema, and the schema sees what does not."""

import json
from copy import deepcopy
from importlib.resources import files

import pytest

from synthtrust.report import write_report
from synthtrust.report.appendix import RUN_COLUMNS


@pytest.fixture(scope="module")
def validator():
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(files("synthtrust.report").joinpath("report.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture(scope="module")
def report(page):
    assert json.loads(page.with_name("report.schema.json").read_text()).keys() >= {"$id", "properties"}
    return json.loads(page.with_name("report.json").read_text())


def test_a_report_keeps_to_the_schema_with_reasons_and_thresholds_as_data(report, validator):
    assert list(validator.iter_errors(report)) == []
    assert report["runs"][0].keys() == RUN_COLUMNS.keys()
    assert report["schema"] == validator.schema["$id"]
    (finding,) = report["verdicts"][0]["of"]
    assert finding["reasons"] == [{"code": "gap", "text": "The loss is shown."}]
    assert finding["thresholds"] == {"margin": 0.05}
    assert report["tables"]["utility"]["verdict"][0]["reasons"] == finding["reasons"]


def test_the_page_of_a_calibration_keeps_to_it(tmp_path, validator):
    page = write_report(tmp_path, {}, {}, judges=False)
    assert list(validator.iter_errors(json.loads(page.with_name("report.json").read_text()))) == []


@pytest.mark.parametrize(
    "break_it",
    [
        lambda report: report.pop("runs"),
        lambda report: report.update(schema="urn:synthtrust:report:2"),
        lambda report: report["verdicts"][0].update(verdict="fine"),
        lambda report: report["verdicts"][0]["of"][0].update(thresholds="margin=0.05"),
        lambda report: report["tables"]["utility"]["verdict"][0].update(reasons="The loss is shown."),
        lambda report: report["runs"][0].update(alpha=1.5),
    ],
    ids=["no runs", "other version", "other verdict", "thresholds in words", "reasons in words", "no share"],
)
def test_the_schema_sees_what_does_not_keep_to_it(report, validator, break_it):
    broken = deepcopy(report)
    break_it(broken)
    assert list(validator.iter_errors(broken))
