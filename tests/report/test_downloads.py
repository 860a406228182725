"""Links on the page give tables as CSV and drawings as SVG; no name from data is a formula or markup."""

import base64
import io
import re
from html import unescape
from xml.etree import ElementTree

import pandas as pd
import pytest

from helpers.verdict_rows import verdict_row
from synthtrust.report import Chapter, Section, Table, write_report
from synthtrust.report.downloads import flattened
from synthtrust.report.formatting import EstimateCell
from synthtrust.tables import csv_text
from synthtrust.verdicts import Subject

NAMES = (
    "<script>alert(1)</script>",
    '=HYPERLINK("x")',
    "a\"'b",
    "\u202egnp.exe",
    "+cmd|' /C calc'!A0",
    "@SUM(1)",
    "-x",
)


def files_behind(text, suffix):
    """Return the contents of all files of a kind behind links of a page, by name."""
    links = re.findall(rf'download="([^"]+\.{suffix})" href="data:[^"]*?;base64,([^"]*)"', text)
    return [(name, base64.b64decode(content).decode()) for name, content in links]


def test_every_table_and_every_drawing_is_behind_a_link(page):
    text = page.read_text(encoding="utf-8")
    tables = files_behind(text, "csv")
    assert len(tables) == text.count('<table class="data">') > 8
    for name, content in tables:
        assert len(pd.read_csv(io.StringIO(content))) > 0, name
    drawings = files_behind(text, "svg")
    assert len(drawings) == text.count("<svg role=") > 8
    for _, content in drawings:
        assert ElementTree.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"
        assert "var(" not in content


def test_an_estimate_is_three_numbers_with_all_their_digits():
    table = pd.DataFrame({"Region": ["ED"], "Gap": [EstimateCell(-0.123456, -0.2, 0.1, sign=True)]})
    again = pd.read_csv(io.StringIO(csv_text(flattened(table))))
    assert again.to_dict("records") == [
        {"Region": "ED", "Gap": -0.123456, "Gap, lower limit": -0.2, "Gap, upper limit": 0.1}
    ]


@pytest.mark.parametrize("name", NAMES)
def test_names_from_data_are_names_and_nothing_else(tmp_path, name):
    table = pd.DataFrame({"case": [name], name: ["x"]})
    verdict = verdict_row("privacy", "INCONCLUSIVE", Subject(name, name), reasons=name)
    chapter = Chapter((name,), sections=(Section(name, name, tables=(Table(name, table),), notes=(name,)),))
    tables = {"mine": {"rows": table, "verdict": pd.DataFrame([verdict])}}
    facts = {"cohort": name, name: name, "generators": [name]}
    page = write_report(tmp_path, facts, tables, runs=[{"name": name}], chapters={"mine": lambda _: chapter})
    text = page.read_text(encoding="utf-8")
    assert text.count("<script>") == 1  # the page's own
    assert "\u202e" not in text
    assert name.replace("\u202e", "[U+202E]") in unescape(text)
    for content in (*(content for _, content in files_behind(text, "csv")), (tmp_path / "mine_rows.csv").read_text()):
        cells = pd.read_csv(io.StringIO(content), header=None, dtype=str, keep_default_na=False).to_numpy().ravel()
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
