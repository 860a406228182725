"""Files that are whole or not there: everything is written aside and renamed."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def aside(path: str | Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; it takes the place of ``path`` when the block ends without an error.

    The temporary name keeps the suffixes (``.nii.gz``), since some writers choose the format by them, and lies in the
    same folder, since a rename across file systems is a copy that can be cut short.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "note.txt"
    >>> with aside(target) as temporary:
    ...     _ = temporary.write_text("whole")
    ...     target.exists()
    False
    >>> target.read_text()
    'whole'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with aside(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, facts: Any) -> None:
    """Write facts as indented JSON, whole or not at all; NaN is refused, since it is not JSON."""
    write_text(path, json.dumps(facts, indent=2, allow_nan=False) + "\n")


def sha256_of(path: str | Path) -> str:
    """Return the sha256 of a file's bytes, as hex."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(facts: Any) -> str:
    """Return the first 12 hex digits of the sha256 of facts as JSON: the name of a recipe.

    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]
