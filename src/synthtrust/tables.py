"""Tables as CSV files in which no cell is a formula to a spreadsheet, and which are read back as they were."""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from synthtrust.files import write_text

FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
"""How a formula begins in a spreadsheet, and a cell that was marked as none."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def harmless(cell: Any) -> Any:
    """Return a cell of a CSV file that no spreadsheet takes for a formula (OWASP, CSV injection).

    >>> harmless("=HYPERLINK(0)"), harmless("+0.25"), harmless("-x"), harmless(-1.5), harmless("ED")
    ("'=HYPERLINK(0)", '+0.25', "'-x", -1.5, 'ED')
    """
    if isinstance(cell, str) and FORMULA.match(cell) and not NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def as_it_was(cell: Any) -> Any:
    """Return a cell as it was before it became `harmless`.

    >>> [as_it_was(harmless(cell)) for cell in ("=x", "'=x", "''-", "'tis", -1.5)]
    ['=x', "'=x", "''-", "'tis", -1.5]
    """
    marked = isinstance(cell, str) and cell.startswith("'") and FORMULA.match(cell)
    return cell[1:] if marked else cell


def csv_text(table: pd.DataFrame, words: Callable[[Any], Any] = lambda cell: cell, **options: Any) -> str:
    r"""Return a table as CSV in which no cell and no name of a column is a formula.

    Args:
        table: One row a record.
        words: Turns a cell into what a spreadsheet shows.
        options: Those of pandas for the file.

    >>> csv_text(pd.DataFrame({"=x": ["@a", -1.0]}))
    "'=x\n'@a\n-1.0\n"
    """
    safe = table.copy()
    for place, dtype in enumerate(table.dtypes):
        if not is_numeric_dtype(dtype):
            cells = [harmless(words(cell)) for cell in table.iloc[:, place]]
            safe.isetitem(place, cells)
            if any(isinstance(cell, str) and "\r" in cell for cell in cells):
                options["quoting"] = csv.QUOTE_ALL  # a bare return would begin another row
    safe.columns = pd.Index([harmless(str(name)) for name in table.columns])
    return str(safe.to_csv(index=False, **options))


def write_csv(path: str | Path, table: pd.DataFrame, **options: Any) -> None:
    """Write a table as CSV, completely or not at all; see `csv_text`."""
    write_text(path, csv_text(table, **options))


def read_back(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table that was read from a file of `write_csv` with its cells as they were; it may be changed."""
    for name in table.columns:
        if not is_numeric_dtype(table[name]):
            marked = table[name].map(lambda cell: isinstance(cell, str) and cell.startswith("'"))
            if marked.any():
                table[name] = table[name].map(as_it_was)
    return table
