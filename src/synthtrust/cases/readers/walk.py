"""The files below a folder: every one is named, with the reason why a reader leaves it alone if it does."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from synthtrust.cases.cohort import PassedOver
from synthtrust.refusals import CaseError

HIDDEN = "they are hidden, or a system keeps them for itself"
LINKED = "they are links to folders that are read already"

SYSTEM = (
    "__macosx", "@eadir", "thumbs.db", "desktop.ini", "$recycle.bin", "system volume information", "lost+found",
    "__pycache__", "dicomdir",
)  # fmt: skip
"""Names, in small letters, of what systems and viewers leave among the files of others."""


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden, or a system's own.

    >>> is_hidden(".ipynb_checkpoints"), is_hidden("Thumbs.db"), is_hidden("scan.png")
    (True, True, False)
    """
    return name.startswith(".") or name.lower() in SYSTEM


def walk(folder: Path, seen: set[str] | None = None) -> Iterator[tuple[Path, str]]:
    """Give every file below a folder in order of its path, and why it is left alone: nothing where it is not.

    Links to folders are followed, each folder once, so that loops of links end.

    Args:
        folder: Where to begin.
        seen: Real paths of folders that were walked before, to which this adds.

    Raises:
        CaseError: If a folder cannot be listed.
    """
    seen = set() if seen is None else seen
    real = os.path.realpath(folder)
    if real in seen:
        yield folder, LINKED
        return
    seen.add(real)
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise CaseError(f"Expected a folder that can be listed, but got {error}. Let it be read.") from error
    for entry in entries:
        path = Path(entry.path)
        below = walk(path, seen) if entry.is_dir() else iter([(path, "")])
        for file, why in below:
            yield file, HIDDEN if is_hidden(entry.name) else why


def passed_over(files: Iterable[tuple[Path, str]]) -> tuple[PassedOver, ...]:
    """Gather files by the reason why they were left alone, in order of the reasons."""
    by_reason: dict[str, list[Path]] = {}
    for path, why in files:
        by_reason.setdefault(why, []).append(path)
    return tuple(PassedOver(why, tuple(paths)) for why, paths in sorted(by_reason.items()))
