"""Names of a cohort: what may stand in a file name, a table and a page without harm."""

import unicodedata
from collections.abc import Iterable, Mapping

from synthtrust.refusals import CaseError

LONGEST = 200
"""Bytes of a name in UTF-8: file systems take 255, of which endings and what is written aside need some."""

BREAKS = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories that are no text within a line: control characters (NUL, newline, escape), halves of a character
(what Python makes of a file name that is no UTF-8), and separators of lines and paragraphs."""


def check_file_name(name: str, role: str) -> None:
    """Check that a name can be part of a file name, since files are called by it: ids and modalities.

    Args:
        name: To be checked.
        role: Whose name it is, for the message.

    Raises:
        CaseError: If it fails ``check_text`` or ``check_part``, or begins with a dot.
    """
    check_text(name, role)
    check_part(name, role)
    if name.startswith("."):
        raise CaseError(f"Expected {role} without a dot at its beginning, but got {name!r}. Rename it.")


def check_part(name: str, role: str) -> None:
    """Check that a name leads to no other folder when a file name is made with it, such as that of a cohort.

    Raises:
        CaseError: If it is empty, or has ``/``, a backslash or what is no text.
    """
    if not name or "/" in name or "\\" in name or not _is_a_line(name):
        raise CaseError(f"Expected {role} that can be in a file name, without / and \\, but got {name!r}. Rename it.")


def check_text(name: str, role: str) -> None:
    """Check that a name is one line of text: patients, labels and classes.

    Args:
        name: To be checked.
        role: Whose name it is, for the message.

    Raises:
        CaseError: If it is empty, ``.`` or ``..``, longer than ``LONGEST`` bytes, has blanks at its ends, or a
            character that is no text.
    """
    if not isinstance(name, str):
        raise CaseError(f"Expected {role} as text, but got {name!r}. Write it in quotes.")
    if name in ("", ".", "..") or name != name.strip():
        raise CaseError(f"Expected {role} with letters, and no blanks at its ends, but got {name!r}. Rename it.")
    if not _is_a_line(name):
        raise CaseError(f"Expected {role} as one line of text, but got {name!r}. Rename it.")
    if (n := len(name.encode())) > LONGEST:
        raise CaseError(
            f"Expected {role} of at most {LONGEST} bytes, but got {n} in {name[:40]!r} and so on. Shorten it."
        )


def _is_a_line(name: str) -> bool:
    return name.isprintable() or not any(unicodedata.category(letter) in BREAKS for letter in name)


def check_different(names: Iterable[str], role: str) -> None:
    """Check that names differ by more than capital letters, or how an accent is written: some file systems mix them up.

    Raises:
        CaseError: If two do not.

    >>> check_different(["Liver", "liver tumour"], "labels")
    """
    seen: dict[str, str] = {}
    for name in names:
        if (other := seen.get(alike(name))) is not None:
            raise CaseError(
                f"Expected {role} that differ by more than capital letters, but got {other!r} and {name!r}. Rename one."
            )
        seen[alike(name)] = name


def alike(name: str) -> str:
    """Return what two names share that some file systems, and the eye, take for one.

    >>> alike("Café") == alike("cafe" + chr(0x301))
    True
    """
    return unicodedata.normalize("NFC", name).casefold()


def check_values(labels: Mapping[str, int], *, of_images: bool | None) -> None:
    """Check the names and values of labels.

    Args:
        labels: Name -> value.
        of_images: Whether they are classes (or findings) of whole images, rather than in label maps; None when nobody
            knows.

    Raises:
        CaseError: If two share a name or a value, or a value is not one that such labels have: 1 to 255 of label maps,
            where 0 is background, or 0, 1, 2, ... of whole images.
    """
    for name in labels:
        check_text(name, "the name of a label or class")
    check_different(labels, "labels")
    values = list(labels.values())
    if wrong := [value for value in values if not isinstance(value, int) or isinstance(value, bool)]:
        raise CaseError(f"Expected whole numbers as values of labels, but got {wrong[:8]} in {dict(labels)}.")
    if len(set(values)) < len(values):
        raise CaseError(f"Expected one label for each value, but got {dict(labels)}. Number them anew.")
    if of_images and sorted(values) != list(range(len(values))):
        raise CaseError(f"Expected classes numbered from 0 on, without gaps, but got {dict(labels)}.")
    if of_images is False and not all(1 <= value <= 255 for value in values):
        raise CaseError(
            f"Expected values of labels in 1..255, background (0) without a name, but got {dict(labels)}. Number them "
            "anew."
        )
