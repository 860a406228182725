"""What disks, rights and folders refuse, in one line: the path, what the system says of it, and what to do."""

import errno
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthtrust.files import ASIDE


@dataclass(frozen=True)
class Kind:
    """A kind of error of the operating system that a user can mend."""

    expected: str
    """What was expected of the path, which stands at its {}."""
    remedy: str
    """What to do."""


ROOM = Kind("room on the disk of {}", "Make room there, then give the same command again: it goes on.")
RIGHT = Kind(
    "the right to {}",
    "Give yourself that right, or choose another folder (name=..., paths.runs=..., paths.cache=...).",
)
THERE = Kind(
    "{} to stay there",
    "Remove nothing while a command works. Give the same command again: it makes what is missing.",
)
FREE = Kind("a free place at {}", "Move away what is there.")
ANSWER = Kind("a disk that answers at {}", "Mount it again, then give the same command again: it goes on.")
FILES = Kind("to open {}", "Allow more open files, such as by `ulimit -n 4096`.")
SHORT = Kind("a name that the disk takes at {}", "Choose a shorter name, or a folder whose path is shorter.")
ENDLESS = Kind("a link with an end at {}", "Remove the link that leads back to itself.")
LOCKS = Kind("a disk with locks at {}", "Choose a folder on another one.")

KINDS: Mapping[int, Kind] = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), ROOM),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), RIGHT),
    errno.ENOENT: THERE,
    **dict.fromkeys((errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY), FREE),
    **dict.fromkeys((errno.ESTALE, errno.EIO, errno.ENXIO, errno.ENODEV, errno.ENOTCONN, errno.ETIMEDOUT), ANSWER),
    **dict.fromkeys((errno.EHOSTDOWN, errno.EREMOTEIO, errno.EBUSY), ANSWER),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), FILES),
    errno.ENAMETOOLONG: SHORT,
    errno.ELOOP: ENDLESS,
    **dict.fromkeys((errno.ENOLCK, errno.ENOSYS), LOCKS),
}
"""Number of an error of the operating system -> its kind; any other error keeps its traceback."""

DURING_WORK = re.compile(rf"{re.escape(ASIDE)}[0-9a-f]+\.")


def disk_line(error: BaseException) -> str | None:
    """Return the line about an error of the operating system, None for one that is no fault of disk, right or folder.

    >>> disk_line(OSError(errno.ESTALE, "Stale file handle", "runs/a/.aside-0123.scores.csv")).partition(" Mount")[0]
    'Error: Expected a disk that answers at runs/a/scores.csv, but got: Stale file handle.'
    >>> disk_line(OSError("something else"))
    """
    error = _first_cause(error)
    if not isinstance(error, OSError) or error.errno is None or error.errno not in KINDS:
        return None
    kind = KINDS[error.errno]
    paths = [_path(name) for name in (error.filename, error.filename2) if name is not None]
    place = " and ".join(dict.fromkeys(paths)) or "a file or folder"
    return f"Error: Expected {kind.expected.format(place)}, but got: {error.strerror}. {kind.remedy}"


def _first_cause(error: BaseException) -> BaseException:
    """Return the error that logging hides behind its own, or the error itself."""
    is_logging = isinstance(error, ValueError) and str(error).startswith("Unable to configure handler")
    return error.__cause__ if is_logging and error.__cause__ else error


def _path(name: Any) -> str:
    """Return the path that a user knows, of a file that is written under a temporary name as well."""
    return DURING_WORK.sub("", name.decode(errors="replace") if isinstance(name, bytes) else str(name))
