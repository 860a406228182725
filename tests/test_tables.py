"""Tables on disk: no cell is a formula to a spreadsheet, and every cell is read back as it was."""

import re
from pathlib import Path

import pandas as pd

from synthtrust.cases import RefusedCase
from synthtrust.generators.synthesis.id_lists import words_of
from synthtrust.runs.excluding import write_refused
from synthtrust.runs.own_files import read_table
from synthtrust.tables import FORMULA, write_csv

IDS = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\ttab",
    "\rreturn",
    "'=x",
    "''+y",
    "'tis",
    "＝x",
    "plain",
    "-5",
]


def cells_of(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False).to_numpy().ravel()


def is_formula(cell):
    return FORMULA.match(cell) and not cell.startswith("'") and not re.fullmatch(r"[+-]?\d+(\.\d+)?", cell)


def test_no_cell_is_a_formula_and_all_are_read_back(tmp_path):
    table = pd.DataFrame({"case": IDS, "region": IDS[::-1], "dice": 0.1, "n_reference": -3})
    write_csv(tmp_path / "scores.csv", table)
    assert not [cell for cell in cells_of(tmp_path / "scores.csv") if is_formula(cell)]
    pd.testing.assert_frame_equal(read_table(tmp_path / "scores.csv", None), table, check_dtype=False)


def test_refused_cases_are_a_table_without_formulas_that_excludes_them(tmp_path):
    ids = [cell for cell in IDS if cell == cell.strip()]
    write_refused(tmp_path / "refused.csv", [RefusedCase(Path("=a"), "-why", case) for case in ids])
    assert not [cell for cell in cells_of(tmp_path / "refused.csv") if is_formula(cell)]
    assert words_of(tmp_path / "refused.csv") == ids


def test_every_table_is_written_by_this_module():
    sources = Path(__file__).parents[1] / "src" / "synthtrust"
    others = [path for path in sources.rglob("*.py") if ".to_csv(" in path.read_text() and path.name != "tables.py"]
    assert others == []
