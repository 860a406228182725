"""Lists of training ids as users have them: in the config, in text files, or in tables."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from synthtrust.cases import CaseError
from synthtrust.cases.patients import ENDING
from synthtrust.tables import as_it_was

ID_COLUMNS = ("id", "case", "case_id", "subject", "subject_id", "patient", "patient_id", "name", "brats21id", "ids")
"""Names, in lower case, of a table column that holds ids."""

_ROLE = re.compile(r"[_-](t1|t1n|t1ce|t1c|t2|t2w|t2f|flair|seg)(?=\.nii(\.gz)?$)", re.IGNORECASE)


def read_ids(source: str | Path | Sequence[str] | None, whose: str = "training cases") -> tuple[str, ...] | None:
    """Read ids from a list or a file.

    Args:
        source: The ids; or a text file with one id per line, or with all ids in one line; or a CSV or TSV table with
            a column of ``ID_COLUMNS``. A file name stands for its case: ``x/BraTS2021_00000_t1.nii.gz`` is
            ``BraTS2021_00000``, and ``x/p1.png`` is ``p1``. None if the ids are unknown.
        whose: The role of the cases with these ids, for messages.

    Returns:
        The ids, each once and sorted; None for None.

    Raises:
        CaseError: If the file is missing or no text, holds no id, or it is unclear which of its words are ids.

    >>> read_ids(["b", "a", "b", "x/BraTS2021_00000_t1.nii.gz"])
    ('BraTS2021_00000', 'a', 'b')
    """
    if source is None:
        return None
    words = words_of(Path(source), whose) if isinstance(source, str | Path) else [str(word) for word in source]
    names = (word.strip().replace("\\", "/").rstrip("/").rpartition("/")[2] for word in words)
    ids = {ENDING.sub("", _ROLE.sub("", name)) for name in names} - {""}
    if not ids:
        raise CaseError(f"Expected ids of {whose}, but got none in {source}. Write null if they are unknown.")
    return tuple(sorted(ids))


def words_of(path: Path, whose: str = "training cases") -> list[str]:
    """Return the ids in a file; none may be lost, since its patient would count as one that was never seen.

    Args:
        path: The path of a text file, or of a table with a column of ``ID_COLUMNS``.
        whose: The role of the cases with these ids, for messages.

    Raises:
        CaseError: If the file is missing or no text, or it is unclear which of its words are ids.
    """
    lines = [line for line in _lines_of(path, whose) if line.strip() and not line.lstrip().startswith("#")]
    signs = [sign for line in lines for sign in "\t;," if sign in line]
    try:
        read = csv.reader(lines, delimiter=signs[0] if signs else ",", skipinitialspace=True, strict=True)
        rows = [[cell.strip() for cell in row] for row in read]
    except csv.Error as error:
        raise CaseError(f"Expected a table of ids of {whose}, but {path} cannot be read as one: {error}.") from error
    if not rows:
        return []
    named = [index for index, name in enumerate(rows[0]) if name.lower() in ID_COLUMNS]
    if named:
        column, width = named[0], len(rows[0])
        unclear = [row for row in rows[1:] if len(row) <= column or any(row[width:])]
        words = [as_it_was(row[column]) for row in rows[1:] if row not in unclear]
    else:
        unclear = [row for row in rows if len(rows) > 1 and len([cell for cell in row if cell]) > 1]
        words = [cell for row in rows for cell in row if cell]
        unclear += [[word] for word in words if re.search(r"[\s,;]", word)]
    if unclear:
        raise CaseError(
            f"Expected one id a line of {whose}, or a table whose ids are in a column called one of "
            f"{', '.join(ID_COLUMNS)}, but {path} has {' | '.join(unclear[0])!r}. Name the column in its first line."
        )
    return words


def _lines_of(path: Path, whose: str) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        raise CaseError(f"Expected a text or CSV file with ids of {whose} at {path}, but there is none.") from None
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise CaseError(f"Expected ids of {whose} as text, but {path} is not in UTF-8. Save it as CSV in UTF-8.")
    return text.splitlines()
