"""Case sets that are made once, in a folder named by their recipe, and found again."""

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from synthtrust.cases.cohort import Cohort
from synthtrust.cases.manifest import read_manifest
from synthtrust.refusals import CaseError


def made_once(folder: Path, make: Callable[[Path], Cohort]) -> Cohort:
    """Return the cohort that a folder declares; where there is none, or not to its end, make it.

    Two processes may ask at once: one makes, the other waits.

    Args:
        folder: Named by the recipe, so that what lies in it is what would be made.
        make: Fills the folder, writes its manifest last, and returns the cohort.
    """
    if (cohort := _read_complete(folder)) is not None:  # without the lock: a shared folder may be read-only
        return cohort
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        return _read_complete(folder) or make(folder)


def _read_complete(folder: Path) -> Cohort | None:
    try:
        return read_manifest(folder)
    except CaseError:
        return None  # not made, or not to its end
