"""Tables as files: their names, their rows as JSON has them, and their cells as a spreadsheet shows them."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from synthtrust.report.verdicts import joined_reasons, thresholds_text
from synthtrust.verdicts import Reason


def csv_name(audit: str, table: str) -> str:
    """Return the file name of a table: ``trust_curve.csv``."""
    return f"{audit}_{table}.csv"


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows as plain JSON values; what is not a number becomes None.

    >>> records(pd.DataFrame({"alpha": [0.5], "value": [float("nan")]}))
    [{'alpha': 0.5, 'value': None}]
    """
    columns = {str(name): [plain_value(value) for value in column.tolist()] for name, column in table.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def plain_value(value: Any) -> Any:
    """Return a value as JSON has it: NaN and infinity become None, paths and other objects their text.

    >>> from pathlib import Path
    >>> plain_value({"a": (1, float("nan")), "b": Path("runs")})
    {'a': [1, None], 'b': 'runs'}
    """
    if isinstance(value, float):  # first what most cells are
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Reason):
        return {"code": value.code, "text": value.text}
    if isinstance(value, Mapping):
        return {str(name): plain_value(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | np.ndarray):
        return [plain_value(item) for item in (sorted(value) if isinstance(value, set) else value)]
    return plain_value(value.item()) if isinstance(value, np.generic) else str(value)


def csv_cell(value: Any) -> Any:
    """Return a cell as people read it in a spreadsheet: reasons as sentences, thresholds as the config has them."""
    if isinstance(value, Mapping):
        return thresholds_text(value)
    if isinstance(value, tuple) and all(isinstance(item, Reason) for item in value):
        return joined_reasons(value)
    return value
