"""Confusion matrices: which class TSTR and TRTR call the test cases of each class."""

from collections.abc import Iterator

import pandas as pd

from synthtrust.report.formatting import MISSING, count, percent
from synthtrust.report.layout import Table

ARMS = {0.0: "TSTR", 1.0: "TRTR"}


def confusion_tables(confusion: pd.DataFrame, suffix: str) -> Iterator[Table]:
    """Yield one matrix for each of TSTR and TRTR, true classes down and predicted ones across.

    Args:
        confusion: Rows of one mode: alpha, true, predicted, count, share, n_cases, n_seeds.
        suffix: What tells the mix from others on the page.
    """
    for alpha, rows in confusion.groupby("alpha", sort=True) if len(confusion) else ():
        shown = [
            {"True class": str(true)}
            | {f"called {row['predicted']}": _cell(row) for row in of_class.to_dict("records")}
            | {"Test cases": int(of_class["n_cases"].iloc[0])}
            for true, of_class in rows.groupby("true", sort=False)
        ]
        seeds = int(rows["n_seeds"].iloc[0])
        mean = f"Mean counts over {count(seeds, 'seed')}" if seeds > 1 else "Counts of one seed"
        yield Table(
            f"Confusion matrix of {ARMS[float(str(alpha))]}{suffix}",
            pd.DataFrame(shown),
            f"{mean}, on real test cases; below, the share of the true class. A case is called the class of its "
            "highest probability.",
        )


def _cell(row: dict) -> str:
    r"""Write a count above its share of the true class.

    >>> _cell({"count": 28.333, "share": 0.8333}).split("\n"), _cell({"count": 0.0, "share": float("nan")})
    (['28.3', '83 %'], 'n/a')
    """
    return f"{row['count']:.1f}\n{percent(row['share'])}" if row["share"] == row["share"] else MISSING
