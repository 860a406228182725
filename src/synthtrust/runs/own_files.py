"""The files of a run's folder, read so that a damaged one is refused by its name, and what to do is said."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

import pandas as pd
from pandas.api.types import is_numeric_dtype

from synthtrust.conventions import FACTS, LESIONS, SCORES, TRIVIAL, VALIDATION
from synthtrust.files import crc_of, read_json, write_json
from synthtrust.refusals import Refusal
from synthtrust.seals import SEAL, is_whole, sealed
from synthtrust.tables import read_back

DATA = "data.json"
TABLES = (SCORES, "volumes.csv", "classes.csv", TRIVIAL, LESIONS)
"""Tables of which ``run.json`` has the checksum."""

FREE: Mapping[str, tuple[str, ...]] = {DATA: ("twins",)}
"""File -> values that may be changed by hand, such as the path of a set that was moved."""

NEEDED: Mapping[str, Mapping[str, tuple[type, ...]]] = {
    FACTS: {"alpha": (int, float), "seed": (int,), "mode": (str,)},
    DATA: {"splits": (dict,), "twins": (str,)},
    VALIDATION: {"best_val_score": (int, float, type(None))},
}
"""File -> values that it has in every version, and their types."""

NUMBERS = ("dice", "trivial_dice", "probability", "n_reference", "n_prediction", "volume_ml", "n_voxels")
"""Columns of tables that hold numbers."""


def write_facts(path: Path, facts: Mapping[str, Any]) -> None:
    """Write ``run.json``, ``data.json`` or ``validation.json`` with a seal, completely or not at all."""
    write_json(path, sealed(facts, FREE.get(path.name, ())))


def checksums_in(folder: Path) -> dict[str, int]:
    """Return the CRC32 of each table in the folder of a run, for ``run.json``."""
    return {name: crc_of(folder / name) for name in TABLES if (folder / name).is_file()}


def read_facts(path: Path) -> dict[str, Any]:
    """Read ``run.json``, ``data.json`` or ``validation.json``.

    Raises:
        OSError: If it cannot be read.
        Refusal: If it is not what a run has left.
    """
    try:
        facts = read_json(path)
    except ValueError as error:
        raise _refusal(path, str(error)) from error
    if not isinstance(facts, dict):
        raise _refusal(path, "it holds no keys and values")
    if not is_whole(facts, FREE.get(path.name, ())):
        raise _refusal(path, "its values have changed since")
    for name, types in NEEDED.get(path.name, {}).items():
        if not isinstance(facts.get(name), types):
            raise _refusal(path, f"its {name} is {facts.get(name)!r:.80}")
    facts.pop(SEAL, None)
    return facts


def read_table(path: Path, checksum: int | None) -> pd.DataFrame:
    """Read a table of a run, to the last bit of its numbers.

    Args:
        path: The CSV file.
        checksum: The CRC32 that ``run.json`` has of it; None where it has none, as in older versions.

    Raises:
        OSError: If it cannot be read.
        Refusal: If it is not what a run has left.
    """
    names = ("case", "patient", "target", "class")  # a class called 0 is a name, too
    if checksum is not None and crc32(path.read_bytes()) != checksum:
        raise _refusal(path, "its content has changed since")
    try:
        table = pd.read_csv(
            path, dtype=dict.fromkeys(names, str), keep_default_na=False, na_values=[""], float_precision="round_trip"
        )
    except ValueError as error:  # no text, no table, or an empty one
        raise _refusal(path, str(error)) from error
    if "case" not in table:
        raise _refusal(path, "it has no column case")
    if len(table) and (words := [name for name in NUMBERS if name in table and not is_numeric_dtype(table[name])]):
        raise _refusal(path, f"not every {words[0]} in it is a number")
    return read_back(table)


def _refusal(path: Path, problem: str) -> Refusal:
    return Refusal(
        f"Expected {path} as a run leaves it, but {' '.join(problem.split())}. Get it from a copy; or remove it, and "
        f"{FACTS} beside it, and give the command that made the run again: it goes on from its checkpoint."
    )
