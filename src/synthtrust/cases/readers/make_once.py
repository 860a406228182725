"""Case sets that are made once, in a folder named by their recipe, and found there later."""

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from synthtrust.cases.cohort import Cohort
from synthtrust.cases.manifest import read_manifest
from synthtrust.refusals import CaseError


def make_once(folder: Path, make: Callable[[Path], Cohort]) -> Cohort:
    """Return the cohort in a folder; make it if the folder is missing or unfinished.

    If several processes call this at once, one makes the cohort, and the others wait.

    Args:
        folder: The folder of the cohort, named by its recipe, so that it can hold no other cohort.
        make: Fills the folder, writes its manifest last, and returns the cohort.
    """
    if (cohort := _read_complete(folder)) is not None:  # without the lock: a shared folder may be read-only
        return cohort
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        return _read_complete(folder) or make(folder)


def _read_complete(folder: Path) -> Cohort | None:
    try:
        return read_manifest(folder, follow_links=True)  # of one's own
    except CaseError:
        return None  # missing or unfinished
