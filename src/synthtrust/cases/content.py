"""What a case holds, in a few letters: its files by their bytes, and how they are read."""

from pathlib import Path

from synthtrust.cases.case import Case
from synthtrust.cases.formats.rasters import is_raster
from synthtrust.cases.formats.volumes import stored_orientation
from synthtrust.cases.geometry import CANONICAL
from synthtrust.files import fingerprint, hashes


def content_of(case: Case) -> str:
    """Name what a case holds: its files by their bytes, how they are read, and its class or findings if it has them.

    Raises:
        OSError: If a file cannot be read.
    """
    contents = {role: hashes.of(path) for role, path in case.files.items()}
    relabel = None if case.relabel is None else sorted(case.relabel.items())
    whole = [] if case.has_label_map else [case.target]  # a label map is among the files
    # what was learned before arrays were brought to one orientation is something else where files have another
    turned = {role: stored for role, path in case.files.items() if (stored := _stored(path)) != CANONICAL}
    return fingerprint([contents, dict(case.channels), relabel, *whole, *([turned] if turned else [])])


def _stored(path: Path) -> str:
    return CANONICAL if is_raster(path) else stored_orientation(path)
