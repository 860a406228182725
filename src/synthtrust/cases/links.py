"""Links in a set that somebody else made: whether one leads out of its folder, to files that are no part of the set."""

from collections.abc import Iterable
from pathlib import Path

from synthtrust.files import DETACHED
from synthtrust.refusals import CaseError


def leads_out(path: Path, folder: Path) -> Path | None:
    """Return where a path below a folder leads if that is outside of the folder, None if it stays there.

    The folder itself may be a link. Only what is below it is asked, so that two calls of the system do for most files.

    Args:
        path: A path that begins with that of the folder; any other is what its owner has written out, and no link.
        folder: The folder of a set.
    """
    part = path
    while part != folder and part != part.parent and path.is_relative_to(folder):
        if part.name == ".." or part.is_symlink():
            target = path.resolve()
            return None if target.is_relative_to(folder.resolve()) else target
        part = part.parent
    return None


def refuse_links_out(files: Iterable[Path], folder: Path, remedy: str) -> None:
    """Refuse a file of a set, or a slice in a folder of slices, that lies elsewhere.

    Args:
        files: Files and folders of the set.
        folder: The folder of the set.
        remedy: What a user does whose own links these are.

    Raises:
        CaseError: If there is one. The message names the link and its target, which was not read.
    """
    for file in files:
        for path in (file, *_parts(file)):
            if (target := leads_out(path, folder)) is not None:
                raise CaseError(
                    f"Expected the files of the set in {folder}, but {path} leads to {target}, outside of it, "
                    f"which was not followed. {remedy}"
                )


def _parts(file: Path) -> list[Path]:
    """Return what else makes up the content of a file: the slices of a folder, or the voxels beside a header."""
    if file.is_dir():
        return sorted(file.iterdir())
    if file.suffix.lower() in DETACHED:
        return sorted(part for part in file.parent.iterdir() if part.name.startswith(f"{file.stem}."))
    return []
