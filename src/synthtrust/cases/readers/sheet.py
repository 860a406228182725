"""The rows of a table on disk: CSV as spreadsheets and pandas write it, in any encoding and with any separator."""

import codecs
import csv
import io
import logging
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from synthtrust.refusals import CaseError

log = logging.getLogger(__name__)

SEPARATORS = (",", ";", "\t", "|")

BOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # first bytes of .xlsx and .ods, and of .xls

BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def columns_of(roles: Mapping[str, str], columns: Any) -> dict[str, str]:
    """Return the column of each role, where ``columns`` calls some otherwise.

    >>> columns_of({"image": "image", "label": "label"}, {"label": "diagnosis"})
    {'image': 'image', 'label': 'diagnosis'}

    Raises:
        CaseError: If ``columns`` names a role that there is not.
    """
    if columns is not None and not isinstance(columns, Mapping):
        raise CaseError(f"Expected cases.columns such as {{label: diagnosis}}, but got {columns!r}.")
    columns = {str(role): str(column) for role, column in (columns or {}).items()}
    for role in columns.keys() - roles.keys():
        near = get_close_matches(role, roles, 1)
        raise CaseError(
            f"Expected roles among {list(roles)} in cases.columns, but got {role!r}. "
            + (f"Did you mean {near[0]!r}?" if near else f"Write the role first: {{{next(iter(roles))}: {role}}}.")
        )
    return {**roles, **columns}


def read_rows(
    file: Path, columns: Mapping[str, str], needed: Sequence[str], filled: Sequence[str] = ("case_id", "image")
) -> Iterator[tuple[str, dict[str, str]]]:
    """Give where each row of a table stands, and what it says about each role.

    The table may be UTF-8, UTF-16 or Windows-1252, separated by commas, semicolons, tabs or bars: by what finds the
    most columns that are read. Other columns and empty rows are ignored.

    Args:
        file: CSV or TSV with a header.
        columns: Role -> column.
        needed: Roles that must have a column; others are empty when they have none.
        filled: Roles that must have a value in every row.

    Raises:
        CaseError: If there is no such file, it is no table, a column is missing or there twice, a row has more cells
            than the header, or lacks a value that must be there.
    """
    lines = _lines(file)
    reader = csv.reader(lines, delimiter=_separator(lines, set(columns.values())))
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header, columns, needed, file)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            where = f"line {reader.line_num} of {file}"
            if any(cell.strip() for cell in cells[len(header) :]):
                raise CaseError(
                    f"Expected {len(header)} cells, but got {len(cells)} in {where}. Put a cell that holds the "
                    "separator in quotes."
                )
            row = dict(zip(header, (cell.strip() for cell in cells)))
            roles = {role: row.get(column, "") for role, column in columns.items()}
            if not all(roles[role] for role in filled):
                words = {"case_id": "an id", "image": "an image"}
                raise CaseError(f"Expected {' and '.join(words[role] for role in filled)} in {where}, but got none.")
            yield where, roles
    except csv.Error as error:
        raise CaseError(f"Expected a CSV table, but could not read {file}: {error}.") from error


def path_in(root: Path, image: str) -> Path:
    """Return the path of an image; a path that Windows wrote has backslashes."""
    path = root / image
    return root / image.replace("\\", "/") if "\\" in image and not path.exists() else path


def _lines(file: Path) -> list[str]:
    """Return the lines of a text, whatever its encoding; without the ``sep=;`` that spreadsheets may begin with."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise CaseError(f"Expected a table at {file}, but there is none. Set cases.file.") from None
    except OSError as error:
        raise CaseError(f"Expected a CSV table, but could not read {file}: {error}.") from error
    if content.startswith(BOOKS):
        raise CaseError(f"Expected a CSV table, but {file} is a workbook of a spreadsheet. Save it as CSV (UTF-8).")
    lines = list(io.StringIO(_decoded(content, file), newline=""))
    return lines[1:] if lines and re.fullmatch(r"sep=.\s*", lines[0]) else lines


def _decoded(content: bytes, file: Path) -> str:
    encoding = next((name for bom, name in BOMS.items() if content.startswith(bom)), None)
    try:
        if encoding is not None:
            return content.decode(encoding)
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            text = content.decode("cp1252")
            log.warning("%s is no UTF-8; it was read as Windows-1252. Save it as UTF-8 if names come out wrong.", file)
    except UnicodeDecodeError as error:
        raise CaseError(f"Expected a CSV table, but could not read {file}: {error}. Save it as UTF-8.") from error
    if "\0" in text:
        raise CaseError(f"Expected a CSV table, but could not read {file}: it holds bytes of 0. Save it as UTF-8.")
    return text


def _separator(lines: Sequence[str], wanted: Collection[str]) -> str:
    """Return the separator by which the header has most of the columns that are wanted; of equals, most columns."""

    def columns(separator: str) -> tuple[int, int]:
        header = [name.strip() for name in next(csv.reader(lines, delimiter=separator), [])]
        return len(set(header) & set(wanted)), len(header)

    return max(SEPARATORS, key=columns)


def _check_header(header: Sequence[str], columns: Mapping[str, str], needed: Sequence[str], file: Path) -> None:
    if missing := [columns[role] for role in needed if columns[role] not in header]:
        raise CaseError(
            f"Expected columns {missing} in {file}, but got {list(header)}. Rename them, or say how they are called in "
            "cases.columns."
        )
    if twice := sorted({column for column in columns.values() if header.count(column) > 1}):
        raise CaseError(f"Expected each column once in {file}, but got {twice} several times. Rename or remove one.")
