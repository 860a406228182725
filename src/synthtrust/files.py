"""Files that are either complete or absent: everything is written under a temporary name and then renamed."""

import errno
import hashlib
import json
import logging
import os
import shutil
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

from synthtrust.refusals import Refusal

log = logging.getLogger(__name__)

Value = TypeVar("Value")

ASIDE = ".aside-"
"""Prefix of temporary names: of what is being written, and of what a killed process left behind."""

SETTLED = 2.0
"""Age of a file [s] from which a further change is sure to change its times, since the clocks of some file systems
tick only once in two seconds."""

DETACHED = (".mhd", ".nhdr")
"""Endings of headers whose voxels lie in another file."""

DAY = 24 * 60 * 60.0  # [s]
LONGEST_JSON = 256 * 2**20  # [bytes] that a JSON file may have; the manifest of 100,000 cases has 50 MB


@contextmanager
def aside(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` to write to; it is renamed to ``path`` if the block ends without an error.

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
        with errors_named(path):
            yield temporary
            to_disk(temporary)
            temporary.replace(path)
    finally:
        with suppress(OSError):  # whatever is in the way there is said already
            temporary.unlink(missing_ok=True)


@contextmanager
def folder_aside(path: str | Path, *, flush: bool = True) -> Iterator[Path]:
    """Yield an empty temporary folder beside ``path``; it is renamed to ``path`` if the block ends without an error.

    Args:
        path: The folder that is made.
        flush: Whether its bytes are to reach the disk first, see `to_disk`; not needed where a checksum is asked.
    """
    path = Path(path)
    temporary = _beside(path)
    temporary.mkdir(parents=True)
    try:
        with errors_named(path):
            yield temporary
            if flush:
                to_disk(temporary)
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def errors_named(path: Path) -> Iterator[None]:
    """Have errors of the operating system within the block name a path, where they name none.

    A full disk is found when bytes are written, by whoever has an open file and no longer its name.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None and "requested and" in str(error):  # NumPy's word for it
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        if error.errno is not None:
            error.filename = error.filename or str(path)
        raise


def to_disk(path: Path) -> None:
    """Wait until a file, or every file of a folder, is on the disk and not in the memory of the machine alone.

    A rename may reach the disk before the bytes do: after a power failure a finished thing would be empty.
    """
    for file in (file for file in path.rglob("*") if file.is_file()) if path.is_dir() else (path,):
        with file.open("rb") as opened, suppress(OSError):  # some network file systems have no such wish
            os.fsync(opened.fileno())


def remove_leftovers(folder: str | Path, name: str = "*", older_than: float = 0) -> None:
    """Remove the temporary files and folders that killed processes left in a folder.

    Args:
        folder: The folder in which they were writing.
        name: The final name of the file or folder that was being written; any by default.
        older_than: The least age of their last change [s]. Give 0 only under the lock that guards the writing:
            otherwise another process may still be at work on them.
    """
    for left in Path(folder).glob(f"{ASIDE}*.{name}"):
        with suppress(OSError):  # another process was faster, or the folder may only be read
            if time.time() - left.stat().st_mtime >= older_than:
                shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink()


def writable(folder: str | Path | None) -> Path | None:
    """Return a folder, made if it does not exist; None for None, or if nothing can be written in it."""
    if folder is None:
        return None
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        log.warning("Nothing can be stored in %s: %s", folder, error)
        return None
    return Path(folder) if os.access(folder, os.W_OK) else None


def _beside(path: Path) -> Path:
    """Return a random temporary name; process ids would not do, since in containers several processes share them."""
    return path.with_name(f"{ASIDE}{uuid.uuid4().hex[:12]}.{path.name}")


def write_text(path: str | Path, text: str) -> None:
    """Write a text file completely or not at all."""
    with aside(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, facts: Any) -> None:
    """Write facts as indented JSON, completely or not at all; NaN is an error, since JSON has none."""
    write_text(path, json.dumps(facts, indent=2, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON file of unknown origin in bounded memory.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no JSON.
        Refusal: If it is larger than ``LONGEST_JSON``, nested too deeply, or has one name twice in an object.
    """
    path = Path(path)
    if (size := path.stat().st_size) > LONGEST_JSON:
        raise Refusal(f"Expected at most {LONGEST_JSON / 2**20:.0f} MB of JSON, but got {size / 2**20:.0f}")
    try:
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_each_once)
    except RecursionError:
        raise Refusal("Expected JSON of a few levels, but got too many") from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object as a dictionary; a name that comes twice is refused, since one value would be lost."""
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Refusal(f"Expected each name once, but got {twice!r} twice")
    return values


def sha256_of(path: str | Path) -> str:
    """Return the sha256 of a file's bytes, as hex.

    Where several files make up the content, their names and hashes are hashed: all files in a folder (DICOM slices), or
    all files beside a header with the header's name (``.mhd`` and ``.nhdr``, whose voxels are in ``.raw``).
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


def crc_of(path: str | Path) -> int:
    """Return the CRC32 of a file's bytes, in bounded memory; five times as fast as its sha256, against accidents."""
    checksum, block = 0, bytearray(2**20)
    with Path(path).open("rb", buffering=0) as file:
        while n := file.readinto(block):
            checksum = zlib.crc32(memoryview(block)[:n], checksum)
    return checksum


class RememberedFiles(Generic[Value]):
    """A cache of what was read of files; a file is read again only if it has changed.

    A file counts as unchanged while its path, inode, size and times of change are the same.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "note.txt"
    >>> _ = file.write_text("one")
    >>> RememberedFiles(Path.read_text).of(file)
    'one'
    """

    def __init__(self, read: Callable[[Path], Value]) -> None:
        self._read = read
        self._known: dict[str, Value] = {}

    def of(self, path: str | Path) -> Value:
        """Return what is read of a file, or was read of it before; an error of the reading is not remembered."""
        path = Path(path)
        if path.is_dir() or path.suffix.lower() in DETACHED:  # their own times do not change with their parts
            return self._read(path)
        stamp, changed = self._stamp(path)
        if (known := self._known.get(stamp)) is not None:
            return known
        settled = time.time() - changed > SETTLED
        value = self._read(path)
        if settled and self._stamp(path)[0] == stamp:
            self._known[stamp] = value
        return value

    def learn(self, known: Mapping[str, Value]) -> None:
        """Add what another process read, as its ``known`` returned it."""
        self._known.update(known)

    def known(self, paths: Iterable[str | Path]) -> dict[str, Value]:
        """Return what is remembered of these files, for another process to ``learn``."""
        stamps = (self._stamp(Path(path))[0] for path in paths)
        return {stamp: self._known[stamp] for stamp in stamps if stamp in self._known}

    @staticmethod
    def _stamp(path: Path) -> tuple[str, float]:
        """Return a text that changes whenever a file changes, and the time of the last change [s]."""
        stat = path.stat()
        stamp = f"{path.absolute()}|{stat.st_ino}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ctime_ns}"
        return stamp, max(stat.st_mtime, stat.st_ctime)


hashes = RememberedFiles(sha256_of)
"""The sha256 of files, as this process remembers them; ``sha256_of`` verifies that a file has what was written."""

checksums = RememberedFiles(crc_of)
"""The CRC32 of files, as this process remembers them: each file of the cache is read once, and not by each run."""


def fingerprint(facts: Any) -> str:
    """Return the first 12 hex digits of the sha256 of facts as JSON.

    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]
