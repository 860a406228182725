"""Seals: a checksum within a JSON file of its own values, so that a flipped bit does not pass for another number."""

import json
from collections.abc import Collection, Mapping
from typing import Any
from zlib import crc32

SEAL = "crc32"
"""Name of the checksum among the values."""


def seal_of(values: Any) -> int:
    """Return the checksum of values as JSON has them; it is one against accidents, and not against forgers."""
    return _checksum(json.loads(json.dumps(values)))


def sealed(values: Mapping[str, Any], free: Collection[str] = ()) -> dict[str, Any]:
    """Return values with their seal.

    Args:
        values: What a file is going to hold.
        free: Names whose values may be changed by hand.

    >>> is_whole(sealed({"a": 1})), is_whole({**sealed({"a": 1}), "a": 3}), is_whole({"a": 3})
    (True, False, True)
    """
    return {**values, SEAL: seal_of({name: value for name, value in values.items() if name not in free})}


def is_whole(values: Mapping[str, Any], free: Collection[str] = ()) -> bool:
    """Return whether values that were read as JSON are those that were sealed; those of older versions have no seal."""
    if SEAL not in values:
        return True
    kept = {name: value for name, value in values.items() if name not in (*free, SEAL)}
    return bool(values[SEAL] == _checksum(kept))


def _checksum(values: Any) -> int:
    return crc32(json.dumps(values, sort_keys=True).encode())
