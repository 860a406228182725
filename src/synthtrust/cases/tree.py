"""The volumes under a folder: which there are, and which no reader ever takes."""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from synthtrust.cases.cohort import PassedOver
from synthtrust.cases.errors import CaseError

VOLUME = re.compile(r"\.(nii|nii\.gz|mha|mhd|nrrd|nhdr)$", re.IGNORECASE)
"""Endings of volumes that readers look at by name, in any case."""

IMAGE = re.compile(rf"{VOLUME.pattern[:-1]}|\.(mgz|mgh|img|hdr|dcm|ima|mnc)$", re.IGNORECASE)
"""Endings of all that looks like a medical image."""

HIDDEN = "hidden, since a name in their path begins with a dot"
NOWHERE = "links that lead nowhere"
AGAIN = "a link to a folder that is read under another name, or holds the link itself"
FORMAT = "images in a format that is not read here"
OTHER = "another image than those asked for"


@dataclass(frozen=True)
class Tree:
    """Files under a folder."""

    volumes: tuple[Path, ...]
    """Volumes that a reader may take, in order of path."""
    passed_over: tuple[PassedOver, ...]
    """What looks like an image and no reader takes, by reason."""

    def but(self, used: Collection[Path], why: Callable[[Path], str] = lambda _: OTHER) -> tuple[PassedOver, ...]:
        """Return what is passed over when a reader took some of the volumes, and why it left the others."""
        return (*_by_reason((why(path), path) for path in self.volumes if path not in used), *self.passed_over)


def find_volumes(root: Path) -> Tree:
    """List the volumes under a folder, in linked folders too; each folder is entered once, so that loops end.

    Raises:
        CaseError: If a folder cannot be opened.
    """
    volumes: list[Path] = []
    left: list[tuple[str, Path]] = []
    for path, again in _walk(root):
        if why := AGAIN if again else _why_not(path, root):
            left.append((why, path))
        else:
            volumes.append(path)
    return Tree(tuple(sorted(volumes)), _by_reason(left))


def _by_reason(left: Iterable[tuple[str, Path]]) -> tuple[PassedOver, ...]:
    paths: dict[str, list[Path]] = {}
    for why, path in left:
        paths.setdefault(why, []).append(path)
    return tuple(PassedOver(why, tuple(sorted(paths[why]))) for why in paths)


def _walk(root: Path) -> Iterator[tuple[Path, bool]]:
    """Give every file that looks like an image, and every linked folder that is not entered a second time."""
    entered = {_identity(root)}
    for folder, folders, names in os.walk(root, onerror=_refuse, followlinks=True):
        fresh = []
        for name in sorted(folders):
            path = Path(folder, name)
            if (identity := _identity(path)) in entered:
                yield path, True
            else:
                entered.add(identity)
                fresh.append(name)
        folders[:] = fresh
        yield from ((Path(folder, name), False) for name in names if IMAGE.search(name))


def _refuse(error: OSError) -> None:
    raise CaseError(f"Expected a folder that can be opened, but got {error.filename}: {error.strerror}.") from error


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _why_not(path: Path, root: Path) -> str:
    if any(part.startswith(".") for part in path.relative_to(root).parts):
        return HIDDEN
    if not path.is_file():
        return NOWHERE
    return "" if VOLUME.search(path.name) else FORMAT
