"""Entries of the cache: a folder of arrays and a file that declares them, with checksums, so that damage is found."""

import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthtrust.files import checksums, crc_of, read_json
from synthtrust.seals import is_whole, sealed

log = logging.getLogger(__name__)

FILES = "files"
"""Name in the declaration of the checksums of the files beside it."""


def declare(folder: Path, name: str, facts: Mapping[str, Any]) -> None:
    """Write the file that declares an entry, once all its other files are there.

    Args:
        folder: The entry, under its temporary name.
        name: The name of the file.
        facts: What it is to say, as JSON values.
    """
    files = {path.name: crc_of(path) for path in sorted(folder.iterdir())}
    (folder / name).write_text(json.dumps(sealed({**facts, FILES: files})))


def damaged_in(folder: Path, name: str) -> str:
    """Return the name of a file of an entry that is damaged or not there; empty if there is none.

    All bytes are read, once by each process. Entries of older versions have no checksums, and are taken as they are.

    Args:
        folder: The entry.
        name: The file that declares it.
    """
    try:
        facts = read_json(folder / name)
        if not is_whole(facts):
            return name
        files = dict(facts.get(FILES, {}))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, AttributeError):
        return name
    for file, checksum in files.items():
        try:
            if checksums.of(folder / file) != checksum:
                return str(file)
        except FileNotFoundError:
            return str(file)
    return ""


def remove_damaged(folder: Path) -> None:
    """Remove an entry that is damaged, so that it can be made anew; to be called under the lock that guards it."""
    if folder.exists():
        log.warning("Damaged, and made anew: %s", folder)
        shutil.rmtree(folder)
