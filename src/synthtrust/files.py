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


DETACHED = (".mhd", ".nhdr")
"""Endings of headers whose voxels lie in another file."""


def sha256_of(path: str | Path) -> str:
    """Return the sha256 of a file's bytes, as hex.

    Where the content lies in several files, the hashes of all are hashed: those in a folder (DICOM slices), or those
    beside a header that share its name (``.mhd`` and ``.nhdr``, whose voxels are in ``.raw``).
    """
    path = Path(path)
    if path.is_dir():
        parts = sorted(part for part in path.iterdir() if part.is_file())
    elif path.suffix.lower() in DETACHED and path.is_file():
        parts = sorted(part for part in path.parent.iterdir() if part.name.startswith(f"{path.stem}."))
    else:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for part in parts:
        with part.open("rb") as file:
            digest.update(f"{part.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def fingerprint(facts: Any) -> str:
    """Return the first 12 hex digits of the sha256 of facts as JSON: the name of a recipe.

    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]
