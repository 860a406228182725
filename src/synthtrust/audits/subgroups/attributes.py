"""What is known of patients: attributes from a table, and those that follow from their cases."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from synthtrust.refusals import MissingFileRefusal, Refusal

KEYS = ("case", "patient")
VOLUME = "volume of the regions [voxels]"
THIRDS = ("smallest third", "middle third", "largest third")
MOST_GROUPS = 12
"""Values of an attribute, beyond which it is cut into thirds if they are numbers, and refused if they are not."""


def attributes_from(file: str | Path, columns: Sequence[str] | None, scores: pd.DataFrame) -> pd.DataFrame:
    """Read the attributes of test cases from a CSV file with a column ``case`` or ``patient``.

    Args:
        file: The table; blank cells say that nothing is known.
        columns: Those that are wanted; None for all.
        scores: The scores of real test cases, with the columns case and patient.

    Returns:
        A row for each test case: ``case``, ``patient``, and the group of each attribute, None where it is not known.

    Raises:
        MissingFileRefusal: If there is no such file.
        Refusal: If it has no column ``case`` or ``patient``, a column is missing, an id stands twice with two values,
            no test case is in it, or an attribute has one value, or one for each patient.
    """
    file = Path(file)
    if not file.is_file():
        raise MissingFileRefusal(f"Expected a CSV file of attributes, but {file} is not there.")
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    key = next((name for name in KEYS if name in table), None)
    if key is None:
        raise Refusal(f"Expected a column 'case' or 'patient' in {file}, but got {list(table.columns)}.")
    wanted = [name for name in table.columns if name not in KEYS] if columns is None else list(columns)
    if missing := [name for name in wanted if name not in table]:
        raise Refusal(f"Expected columns {missing} in {file}, but it has {list(table.columns)}.")
    if not wanted:
        raise Refusal(f"Expected a column of an attribute in {file}, but it has {list(table.columns)} alone.")
    known = table[[key, *wanted]].drop_duplicates()
    if (twice := known[key].duplicated()).any():
        raise Refusal(f"Expected one row for each {key} in {file}, but {known.loc[twice, key].iloc[0]!r} has several.")
    cases = scores[["case", "patient"]].drop_duplicates()
    joined = cases.merge(known, on=key, how="left")
    if joined[wanted].isna().all(axis=None):
        raise Refusal(
            f"Expected test cases in {file}, but it has none of {cases[key].head(3).tolist()}: it names "
            f"{known[key].head(3).tolist()}."
        )
    return joined.assign(**{name: grouped(joined, name, file) for name in wanted})


def grouped(cases: pd.DataFrame, name: str, file: Path) -> pd.Series:
    """Return the groups of one attribute: its values, or thirds of many numbers.

    Raises:
        Refusal: If it tells nobody apart, or everybody.
    """
    values = cases[name].where(cases[name].fillna("") != "")
    n_values, n_patients = values.nunique(), cases.loc[values.notna(), "patient"].nunique()
    if n_values < 2:
        raise Refusal(f"Expected two or more values of {name!r} among test patients, but {file} has {n_values}.")
    if n_values <= min(MOST_GROUPS, n_patients / 2):
        return values
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.notna().sum() < values.notna().sum():
        raise Refusal(
            f"Expected {name!r} in {file} to have at most {MOST_GROUPS} values that patients share, but it has "
            f"{n_values} for {n_patients} patients: it identifies them. Leave it out with audit.subgroups.columns."
        )
    return thirds(numbers)


def thirds(numbers: pd.Series) -> pd.Series:
    """Return in which third of them numbers lie, with its limits.

    >>> thirds(pd.Series([1.0, 2.0, 30.0])).tolist()
    ['smallest third, up to 1.67', 'middle third', 'largest third, from 11.3']
    """
    low, high = np.nanquantile(numbers, [1 / 3, 2 / 3])
    least, most = (f"{limit:,.0f}" if abs(limit) >= 1000 else f"{limit:.3g}" for limit in (low, high))
    names = (f"{THIRDS[0]}, up to {least}", THIRDS[1], f"{THIRDS[2]}, from {most}")
    places = np.where(numbers <= low, 0, np.where(numbers < high, 1, 2))
    told = [None if np.isnan(n) else names[i] for n, i in zip(numbers, places, strict=True)]
    return pd.Series(pd.Categorical(told, categories=names), numbers.index)


def volume_thirds(scores: pd.DataFrame) -> pd.DataFrame:
    """Return in which third the labelled volume of each test case lies [voxels of all regions that are scored]."""
    by_case = scores.drop_duplicates(["case", "region"]).groupby(["case", "patient"], sort=False)["n_reference"].sum()
    cases = by_case.reset_index()
    return cases[["case", "patient"]].assign(**{VOLUME: thirds(cases["n_reference"].astype(float))})


def sites(scores: pd.DataFrame) -> pd.DataFrame | None:
    """Return the site that names of BraTS 2018 tell, such as ``TCIA`` or ``2013``; None where they tell none."""
    cases = scores[["case", "patient"]].drop_duplicates()
    names = cases["case"].str.extract(r"^Brats1[78]_([A-Za-z0-9]+?)(?=_)", expand=False)
    told = names.str.replace(r"\d+$", "", regex=True).where(~names.str.fullmatch(r"\d+", na=False), names)
    return None if told.isna().any() or told.nunique() < 2 else cases.assign(site=told)


def joined_attributes(tables: Sequence[pd.DataFrame]) -> Mapping[str, pd.Series]:
    """Return the group of each case by attribute: name -> case -> group, a category whose order is that of the page."""
    by_name: dict[str, pd.Series] = {}
    for table in tables:
        for name in table.columns.difference(list(KEYS), sort=False):
            by_name[str(name)] = table.set_index("case")[name].astype("category")
    return by_name
