"""The numbers of a curve over alpha as a table, which folds below its figure."""

import pandas as pd

from synthtrust.report.formatting import interval, number, short
from synthtrust.report.layout import Table


def curve_table(curve: pd.DataFrame, title: str) -> Table:
    """Return a row for each test set and share: value with its interval, band, and whether it is excluded as the best.

    Args:
        curve: Rows of one mode, as the audit of utility has them.
        title: That of the table.
    """
    shown = pd.DataFrame(
        [
            {
                "α": short(row["alpha"]),
                "Test cases": row["source"],
                "Value": f"{number(row['value'])}\n{interval(row['ci_low'], row['ci_high'])}".rstrip(),
                "Simultaneous band": interval(row["band_low"], row["band_high"]) or "n/a",
                "As the best": "not excluded" if row["not_excluded"] else "excluded",
                "Cases": int(row["n_cases"]),
                "Patients": int(row["n_patients"]),
                "Seeds": int(row["n_seeds"]),
            }
            for row in curve.sort_values(["source", "alpha"]).to_dict("records")
        ]
    )
    return Table(title, shown, "The numbers of the figure above.", "intervals")
