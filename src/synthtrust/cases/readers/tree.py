"""The volumes under a folder: which there are, and which no reader ever takes."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from synthtrust.cases.cohort import PassedOver
from synthtrust.cases.formats.volumes import VOLUME_ENDINGS
from synthtrust.cases.readers.walk import LINKED, passed_over, walk

ENDINGS = sorted(VOLUME_ENDINGS, key=len, reverse=True)  # .nii.gz before .gz, or half of an ending would stay
VOLUME = re.compile(rf"({'|'.join(map(re.escape, ENDINGS))})$", re.IGNORECASE)
"""Endings of volumes that readers look at by name, in any case."""

IMAGE = re.compile(rf"{VOLUME.pattern}|\.(mgz|mgh|img|hdr|dcm|ima|mnc)$", re.IGNORECASE)
"""Endings of all that looks like a medical image."""

NOWHERE = "they are links that lead nowhere"
FORMAT = "they are images in a format that this reader does not take"
OTHER = "they are other images than those asked for"


@dataclass(frozen=True)
class Tree:
    """Files under a folder."""

    volumes: tuple[Path, ...]
    """Volumes that a reader may take, in order of path."""
    left: tuple[tuple[Path, str], ...]
    """What looks like an image and no reader takes, each with the reason."""

    def but(self, used: Collection[Path], why: Callable[[Path], str] = lambda _: OTHER) -> tuple[PassedOver, ...]:
        """Return what is passed over when a reader took some of the volumes, and why it left the others."""
        return passed_over([*((path, why(path)) for path in self.volumes if path not in used), *self.left])


def find_volumes(root: Path) -> Tree:
    """List the volumes under a folder, in linked folders too; each folder is entered once, so that loops end.

    Raises:
        CaseError: If a folder cannot be listed.
    """
    volumes: list[Path] = []
    left: list[tuple[Path, str]] = []
    for path, reason in walk(root):
        if reason != LINKED and not IMAGE.search(path.name):
            continue
        if reason := reason or _reason_to_skip(path):
            left.append((path, reason))
        else:
            volumes.append(path)
    return Tree(tuple(sorted(volumes)), tuple(left))


def _reason_to_skip(path: Path) -> str:
    if not path.is_file():
        return NOWHERE
    return "" if VOLUME.search(path.name) else FORMAT
