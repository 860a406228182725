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


def attributes_from(file: str | Path, columns: Sequence[str] | None, cases: pd.DataFrame) -> pd.DataFrame:
    """Read the attributes of cases from a CSV file with a column ``case`` or ``patient``.

    Args:
        file: The table; blank cells say that nothing is known.
        columns: Those that are wanted; None for all.
        cases: A row for each case of the study, see `study_cases`.

    Returns:
        A row for each case: ``case``, and the group of each attribute, missing where it is not known.

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
    joined = cases.merge(known, on=key, how="left")
    if joined.loc[joined["is_tested"], wanted].isna().all(axis=None):
        raise Refusal(
            f"Expected test cases in {file}, but it has none of {cases.loc[cases['is_tested'], key].head(3).tolist()}: "
            f"it names {known[key].head(3).tolist()}."
        )
    return joined[["case"]].assign(**{name: grouped(joined, name, str(file)) for name in wanted})


def attributes_of_cohort(
    known: Mapping[str, Mapping[str, str]], columns: Sequence[str] | None, cases: pd.DataFrame
) -> pd.DataFrame | None:
    """Return the groups by attributes that the table of the real cases has (``cases.attributes``), None without any.

    Args:
        known: Case -> column -> value.
        columns: Those that are wanted; None for all.
        cases: A row for each case of the study, see `study_cases`.

    Raises:
        Refusal: If an attribute has one value among test cases, or one for each patient.
    """
    names = dict.fromkeys(name for values in known.values() for name in values)
    wanted = [name for name in names if columns is None or name in columns]
    if not wanted:
        return None
    values = pd.DataFrame({name: [known.get(case, {}).get(name) for case in cases["case"]] for name in wanted})
    rows = pd.concat([cases, values], axis=1)
    return rows[["case"]].assign(**{name: grouped(rows, name, "the table of cases") for name in wanted})


def grouped(cases: pd.DataFrame, name: str, place: str) -> pd.Series:
    """Return the groups of one attribute: its values, or thirds of many numbers, whose limits are those of test cases.

    Args:
        cases: A row for each case, with the columns patient, is_tested, and the attribute.
        name: The attribute.
        place: Where it was read, for messages.

    Raises:
        Refusal: If it tells no test patient apart, or everybody.
    """
    values = cases[name].where(cases[name].fillna("") != "")
    tested = values[cases["is_tested"]]
    n_values, n_patients = tested.nunique(), cases.loc[tested.index[tested.notna()], "patient"].nunique()
    if n_values < 2:
        raise Refusal(f"Expected two or more values of {name!r} among test patients, but {place} has {n_values}.")
    if n_values <= min(MOST_GROUPS, n_patients / 2):
        return values
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.notna().sum() < values.notna().sum():
        raise Refusal(
            f"Expected {name!r} in {place} to have at most {MOST_GROUPS} values that patients share, but it has "
            f"{n_values} for {n_patients} patients: it identifies them. Leave it out with audit.subgroups.columns."
        )
    return thirds(numbers, numbers[cases["is_tested"]])


def thirds(numbers: pd.Series, among: pd.Series | None = None) -> pd.Series:
    """Return in which third of them numbers lie, or in which third of those ``among`` which they are, with its limits.

    >>> thirds(pd.Series([1.0, 2.0, 30.0])).tolist()
    ['smallest third, up to 1.67', 'middle third', 'largest third, from 11.3']
    """
    low, high = np.nanquantile(numbers if among is None else among, [1 / 3, 2 / 3])
    least, most = (f"{limit:,.0f}" if abs(limit) >= 1000 else f"{limit:.3g}" for limit in (low, high))
    names = (f"{THIRDS[0]}, up to {least}", THIRDS[1], f"{THIRDS[2]}, from {most}")
    places = np.where(numbers <= low, 0, np.where(numbers < high, 1, 2))
    told = [None if np.isnan(n) else names[i] for n, i in zip(numbers, places, strict=True)]
    return pd.Series(pd.Categorical(told, categories=names), numbers.index)


def volume_thirds(scores: pd.DataFrame, volumes: pd.DataFrame | None, cases: pd.DataFrame) -> pd.DataFrame:
    """Return in which third the labelled volume of each case lies [voxels]; the limits are those of test cases.

    Args:
        scores: The scores of real test cases of a segmenter, from which the volume is taken where no table has it.
        volumes: The labelled voxels of every real case, region by region, as a run keeps them; None if it does not.
        cases: A row for each case of the study, see `study_cases`.
    """
    if volumes is None:
        by_case = scores.drop_duplicates(["case", "region"]).groupby("case")["n_reference"].sum()
    else:
        by_case = volumes[volumes["source"] == "real"].groupby("case")["n_voxels"].sum()
    numbers = cases["case"].map(by_case).astype(float)
    return cases[["case"]].assign(**{VOLUME: thirds(numbers, numbers[cases["is_tested"]])})


def sites(cases: pd.DataFrame) -> pd.DataFrame | None:
    """Return the site that names of BraTS 2018 tell, such as ``TCIA`` or ``2013``; None where they tell none."""
    names = cases["case"].str.extract(r"^Brats1[78]_([A-Za-z0-9]+?)(?=_)", expand=False)
    told = names.str.replace(r"\d+$", "", regex=True).where(~names.str.fullmatch(r"\d+", na=False), names)
    tested = told[cases["is_tested"]]
    return None if tested.isna().any() or tested.nunique() < 2 else cases[["case"]].assign(site=told)


def study_cases(scores: pd.DataFrame, *others: pd.DataFrame | None) -> pd.DataFrame:
    """Return a row for each case of a study: case, patient, and ``is_tested``, whether real networks were scored on it.

    Args:
        scores: The scores of real test cases.
        others: Tables of more cases, with the columns case and patient, one or several rows each.
    """
    tables = [scores[["case", "patient"]].drop_duplicates().assign(is_tested=True)]
    tables += [table[["case", "patient"]].assign(is_tested=False) for table in others if table is not None]
    return pd.concat(tables, ignore_index=True).drop_duplicates("case", ignore_index=True)


def joined_attributes(tables: Sequence[pd.DataFrame]) -> Mapping[str, pd.Series]:
    """Return the group of each case by attribute: name -> case -> group, a category whose order is that of the page."""
    by_name: dict[str, pd.Series] = {}
    for table in tables:
        for name in table.columns.difference(["case"], sort=False):
            by_name.setdefault(str(name), table.set_index("case")[name].astype("category"))
    return by_name
