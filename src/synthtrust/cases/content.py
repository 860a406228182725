"""What a case holds, in a few letters: its files by their bytes, and how they are read."""

from synthtrust.cases.case import Case
from synthtrust.files import fingerprint, hashes


def content_of(case: Case) -> str:
    """Name what a case holds: its files by their bytes, how they are read, and its class if it has one.

    Raises:
        OSError: If a file cannot be read.
    """
    contents = {role: hashes.of(path) for role, path in case.files.items()}
    relabel = None if case.relabel is None else sorted(case.relabel.items())
    category = [case.label] if isinstance(case.label, int) else []  # a label map is among the files
    return fingerprint([contents, dict(case.channels), relabel, *category])
