"""Files that are whole or not there: everything is written aside and renamed."""

import hashlib
import json
import logging
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from synthtrust.refusals import Refusal

log = logging.getLogger(__name__)

ASIDE = ".aside-"
"""How the names begin of what is being written; what a killed process left is called so, too."""

SETTLED = 2.0
"""Seconds since its last change from which a file is trusted to change its times when it changes again: clocks of file
systems tick, some once in two seconds."""

DETACHED = (".mhd", ".nhdr")
"""Endings of headers whose voxels lie in another file."""

DAY = 24 * 60 * 60.0  # [s]
LONGEST_JSON = 256 * 2**20  # [byte] of a file of JSON that somebody else wrote; a manifest of 100,000 cases has 50 MB


@contextmanager
def aside(path: str | Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; it takes the place of ``path`` when the block ends without an error.

    The temporary name keeps the suffixes (``.nii.gz``), since some writers choose the format by them, and lies in the
    same folder, since a rename across file systems is a copy that can be cut short.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "note.txt"
    >>> with aside(target) as temporary:
    ...     _ = temporary.write_text("whole")
    ...     target.exists()
    False
    >>> target.read_text()
    'whole'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def folder_aside(path: str | Path) -> Iterator[Path]:
    """Give an empty folder beside ``path`` to fill; it becomes ``path`` when the block ends without an error."""
    path = Path(path)
    temporary = _beside(path)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_leftovers(folder: str | Path, name: str = "*", older_than: float = 0) -> None:
    """Remove what killed processes left aside in a folder.

    Args:
        folder: Where it was written.
        name: The name of what was being written; anything when not given.
        older_than: How long ago it was last changed at least [s]. Whoever holds the lock under which it is written can
            do without; for everybody else it may be another process's work.
    """
    for left in Path(folder).glob(f"{ASIDE}*.{name}"):
        with suppress(FileNotFoundError):  # another process was faster
            if time.time() - left.stat().st_mtime >= older_than:
                shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink()


def writable(folder: str | Path | None) -> Path | None:
    """Return a folder, made if it is not there; None if nothing can be written in it, or there is none."""
    if folder is None:
        return None
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        log.warning("Nothing can be kept in %s: %s", folder, error)
        return None
    return Path(folder) if os.access(folder, os.W_OK) else None


def _beside(path: Path) -> Path:
    """Return a name that no other process has, be it dead: in a container every process may have the same number."""
    return path.with_name(f"{ASIDE}{uuid.uuid4().hex[:12]}.{path.name}")


def write_text(path: str | Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with aside(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, facts: Any) -> None:
    """Write facts as indented JSON, whole or not at all; NaN is refused, since it is not JSON."""
    write_text(path, json.dumps(facts, indent=2, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a file of JSON that somebody else may have written, in bounded memory.

    Raises:
        OSError: If the file cannot be read.
        Refusal: If it is no JSON, larger than ``LONGEST_JSON``, nested without end, or names one thing twice.
    """
    path = Path(path)
    if (size := path.stat().st_size) > LONGEST_JSON:
        raise Refusal(f"Expected at most {LONGEST_JSON / 2**20:.0f} MB of JSON, but got {size / 2**20:.0f}")
    try:
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_each_once)
    except RecursionError:
        raise Refusal("Expected JSON with an end, but got levels without end") from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return what an object of JSON says, unless it says something twice, of which one would be lost."""
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Refusal(f"Expected each name once, but got {twice!r} twice")
    return values


def sha256_of(path: str | Path) -> str:
    """Return the sha256 of a file's bytes, as hex.

    Where the content lies in several files, the hashes of all are hashed: those in a folder (DICOM slices), or those
    beside a header that share its name (``.mhd`` and ``.nhdr``, whose voxels are in ``.raw``).
    """
    path = Path(path)
    if path.is_dir():
        parts = sorted(part for part in path.iterdir() if part.is_file())
    elif path.suffix.lower() in DETACHED and path.is_file():
        parts = sorted(part for part in path.parent.iterdir() if part.name.startswith(f"{path.stem}."))
    else:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for part in parts:
        with part.open("rb") as file:
            digest.update(f"{part.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


class Hashes:
    """The sha256 of files, each hashed once for as long as it stays as it is.

    A file is taken for the same while its path, its number in the file system, its size and the times of its last
    changes are. Whoever wants to know whether a file is what was written asks ``sha256_of``.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "note.txt"
    >>> _ = file.write_text("one")
    >>> hashes = Hashes()
    >>> hashes.of(file) == sha256_of(file)
    True
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, path: str | Path) -> str:
        """Return the sha256 of a file's bytes, as hex."""
        path = Path(path)
        if path.is_dir() or path.suffix.lower() in DETACHED:  # whose times say nothing of the files that it consists of
            return sha256_of(path)
        stamp, changed = self._stamp(path)
        if (known := self._known.get(stamp)) is not None:
            return known
        settled = time.time() - changed > SETTLED
        value = sha256_of(path)
        if settled and self._stamp(path)[0] == stamp:
            self._known[stamp] = value
        return value

    def learn(self, known: Mapping[str, str]) -> None:
        """Take over what another process knew."""
        self._known.update(known)

    def known(self, paths: Iterable[str | Path]) -> dict[str, str]:
        """Return what another process can ``learn`` of these files."""
        stamps = (self._stamp(Path(path))[0] for path in paths)
        return {stamp: self._known[stamp] for stamp in stamps if stamp in self._known}

    @staticmethod
    def _stamp(path: Path) -> tuple[str, float]:
        """Return what tells a file from its earlier self, and when it last changed [s]."""
        stat = path.stat()
        stamp = f"{path.absolute()}|{stat.st_ino}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ctime_ns}"
        return stamp, max(stat.st_mtime, stat.st_ctime)


hashes = Hashes()
"""The hashes that this process has computed."""


def fingerprint(facts: Any) -> str:
    """Return the first 12 hex digits of the sha256 of facts as JSON: the name of a recipe.

    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]
