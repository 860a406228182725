"""The trust factors as one table: factors down, alphas across, each number above its interval."""

from collections.abc import Mapping

import pandas as pd

from synthtrust.report.formatting import interval, number, short
from synthtrust.report.layout import Table

DIGITS = {"T3": 4, "T3_null": 4}

SUMMARY = {
    "T1": "T1 overall performance",
    "T2": "T2 consistency across cases",
    "T2_regions": "T2 consistency across regions",
    "T3": "T3 alignment",
    "T3_null": "T3 if unrelated (null)",
    "T4": "T4 performance gap",
    "T4_floor": "T4 between two seeds (floor)",
    "T4_excess": "T4 less its floor",
    "T5": "T5 variability",
}
COMPANIONS = {
    "correlation": "Pearson correlation",
    "concordance": "Lin's concordance",
    "signed_gap": "signed gap, real − synthetic",
}


def summary_table(factors: pd.DataFrame, names: Mapping[str, str], title: str) -> Table:
    """Return factors down, alphas across; the value above its interval."""
    alphas = sorted(factors["alpha"].unique())
    rows = []
    for factor, name in names.items():
        of_factor = factors[factors["factor"] == factor]
        for (source, region), cells in of_factor.groupby(["source", "region"], sort=False):
            by_alpha = {row["alpha"]: row for row in cells.to_dict("records")}
            rows.append(
                {"Factor": f"{name}\n{_where(factor, str(source), str(region))}"}
                | {f"α = {short(a)}": _cell(by_alpha.get(a), factor) for a in alphas}
            )
    return Table(title, pd.DataFrame(rows), coverage(factors), "intervals")


def _where(factor: str, source: str, region: str) -> str:
    if source == "both" or factor == "T4_floor":
        return region
    return f"{source} test cases" if region == "all" else f"{region}, {source} test cases"


def _cell(row: Mapping | None, factor: str) -> str:
    if row is None:
        return "n/a"
    digits = DIGITS.get(factor, 3)
    sign = factor in ("signed_gap", "T4_excess")
    value = number(row["value"], digits, sign=sign)
    return f"{value}\n{interval(row['ci_low'], row['ci_high'], digits, sign=sign)}".rstrip()


def coverage(rows: pd.DataFrame) -> str:
    """Say what the intervals cover, and from how many cases, patients and seeds the rows are told."""
    seeds = f"{_range(rows['n_seeds'])} {'seed' if rows['n_seeds'].max() == 1 else 'seeds'}"
    cases, patients = (
        f"{_range(rows[column])} {noun}{'' if rows[column].max() == 1 else 's'}"
        for column, noun in (("n_cases", "test case"), ("n_patients", "patient"))
    )
    by_region = "" if rows["n_patients"].nunique() == 1 else ", depending on the region"
    n = f"{cases} of {patients}{by_region}"
    intervals = f"Intervals: pointwise {percent(rows)}"
    if rows["n_seeds"].max() == 1:
        return f"{intervals}, over patients, for these trained weights (seeds not assessed). {n}; {seeds}."
    return f"{intervals}, over patients and training seeds, cut at the ends of the range. {n}; {seeds} at each α."


def _range(counts: pd.Series) -> str:
    """Write the smallest and the largest of some counts, or the one number that they all are.

    >>> _range(pd.Series([5, 40, 40])), _range(pd.Series([3, 3]))
    ('5 to 40', '3')
    """
    smallest, largest = int(counts.min()), int(counts.max())
    return str(smallest) if smallest == largest else f"{smallest} to {largest}"


def percent(rows: pd.DataFrame) -> str:
    """Return the coverage that the intervals of a table were made for."""
    return f"{100 * rows['confidence'].iloc[0]:g} %"
