"""What disks, rights and folders refuse, in one line: the path, what the system says of it, and what to do."""

import errno
import re
from collections.abc import Mapping
from typing import Any

from synthtrust.files import ASIDE

ROOM = "Make room there, then give the same command again: it goes on."
RIGHT = "Give yourself the right to it, or choose another folder (name=..., paths.runs=..., paths.cache=...)."
GONE = "Nothing may be removed while a command works. Give the same command again: it makes what is missing."
PLACE = "Move away what is in its place."
MOUNT = "The disk or its server does not answer. Mount it again, then give the same command again: it goes on."

REMEDIES: Mapping[int, str] = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), ROOM),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), RIGHT),
    errno.ENOENT: GONE,
    **dict.fromkeys((errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY), PLACE),
    **dict.fromkeys(
        (errno.ESTALE, errno.EIO, errno.ENXIO, errno.ENODEV, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN,
         errno.EREMOTEIO, errno.EBUSY),
        MOUNT,
    ),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "Allow more open files, such as by `ulimit -n 4096`."),
    errno.ENAMETOOLONG: "Choose a shorter name, or a folder whose path is shorter.",
    errno.ELOOP: "Remove the link that leads back to itself.",
    **dict.fromkeys((errno.ENOLCK, errno.ENOSYS), "Choose a folder on a file system that has locks."),
}  # fmt: skip
"""Number of an error of the operating system -> what a user can do; any other error keeps its traceback."""

DURING_WORK = re.compile(rf"{re.escape(ASIDE)}[0-9a-f]+\.")


def disk_line(error: BaseException) -> str | None:
    """Return the line about an error of the operating system, None for one that is no fault of disk, right or folder.

    >>> disk_line(OSError(errno.ENOSPC, "No space left on device", "runs/a/.aside-0123.scores.csv"))
    'Error: No space left on device: runs/a/scores.csv. Make room there, then give the same command again: it goes on.'
    >>> disk_line(OSError("something else"))
    """
    error = _first_cause(error)
    if not isinstance(error, OSError) or isinstance(error, ConnectionError):
        return None
    if error.errno is None or error.errno not in REMEDIES:
        return None
    paths = [_path(name) for name in dict.fromkeys((error.filename, error.filename2)) if name is not None]
    place = f": {' and '.join(dict.fromkeys(paths))}" if paths else ""
    return f"Error: {error.strerror}{place}. {REMEDIES[error.errno]}"


def _first_cause(error: BaseException) -> BaseException:
    """Return the error that logging hides behind its own, or the error itself."""
    is_logging = isinstance(error, ValueError) and str(error).startswith("Unable to configure handler")
    return error.__cause__ if is_logging and error.__cause__ else error


def _path(name: Any) -> str:
    """Return the path that a user knows, of a file that is written under a temporary name as well."""
    return DURING_WORK.sub("", name.decode(errors="replace") if isinstance(name, bytes) else str(name))
