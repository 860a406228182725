"""Class folders: a folder of images per class, perhaps under train, val and test."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from synthtrust.cases.cohort import Cohort
from synthtrust.cases.formats.rasters import RASTERS, is_raster
from synthtrust.cases.names import alike
from synthtrust.cases.readers.labelled import PART_WORDS, VOLUMES, LabelledImage, classified_cohort, part_of
from synthtrust.cases.readers.masks import check_no_masks, looks_like_a_mask
from synthtrust.cases.readers.walk import HIDDEN, is_hidden, passed_over, walk
from synthtrust.refusals import CaseError

NOT_ASKED = "they are of classes that were not asked for"
NOT_CHOSEN = "`files` or `exclude_files` leaves them out"
BESIDE = "they lie beside the folders of the classes"

Patterns = str | Sequence[str] | None


def read_class_folders(
    root: str | Path,
    classes: Sequence[str] | None = None,
    modalities: Sequence[str] | None = None,
    licence: str = "unknown",
    files: Patterns = None,
    exclude_files: Patterns = None,
) -> Cohort:
    """Read ``root/<class>/image.png`` or ``root/<part>/<class>/image.png``, and check that each image is whole.

    Each image has one class; for images with several findings use a table, see ``read_table``.

    Paths tell no patients: each image counts as a patient, so that images of one person may be in train and test. DICOM
    files do tell them, and images of a patient stay together, unless all files have the same patient. The id of an
    image is its path, ``train_glioma_0001``; if two paths differ in their ending alone, it is part of the ids,
    ``yes_Y12_jpg`` and ``yes_Y12_png``.

    Args:
        root: Holds a folder per class; or only folders called train, val, test (training, valid, validation, testing),
            which then hold one per class. Images may lie deeper, and behind links. What is hidden, and what is no
            image, is in ``passed_over``.
        classes: Class names, in the order of their values; in alphabetical order when not given.
        modalities: ``[grey]`` or ``[red, green, blue]``; what most images show when not given.
        licence: Under which the images may be used.
        files: Pattern, or several, that an image has to match, such as ``images/*``: its path below the folder of its
            class, or without a ``/`` its name alone; capital and small letters are the same.
        exclude_files: Pattern, or several, of what is no image, such as ``*_mask*``.

    Returns:
        The cases; one whose image is damaged is in ``refused``.

    Raises:
        CaseError: If there is no folder, it mixes classes and parts, a folder has no image, a class is missing in a
            part, or some files look like masks of the others and it is not given which are images; and as
            ``classified_cohort``.
    """
    root = Path(root)
    folders, left = _class_folders(root, classes)
    images: list[tuple[Path, Path, str]] = []
    for folder, part in folders:
        chosen, others = _images(folder, files, exclude_files)
        images += [(path, folder, part) for path in chosen]
        left += others
    if files is None:
        check_no_masks({path: path.relative_to(folder) for path, folder, _ in images}, root)
    ids = _ids([path for path, _, _ in images], root)
    labelled = [LabelledImage(ids[path], path, folder.name, part) for path, folder, part in images]
    _check_parts(labelled, root)
    cohort = classified_cohort(root.absolute().name, root, labelled, classes, modalities)
    return replace(cohort, licence=licence, passed_over=passed_over(left))


def _class_folders(root: Path, classes: Sequence[str] | None) -> tuple[list[tuple[Path, str]], list[tuple[Path, str]]]:
    """Return every folder of a class with the part it lies in, and what lies beside them with the reason."""
    folders, left = _folders(root)
    if parts := [folder for folder in folders if folder.name.lower() in PART_WORDS]:
        if others := [folder.name for folder in folders if folder not in parts]:
            raise CaseError(
                f"Expected folders of classes, or train, val and test alone, but {root} has "
                f"{[part.name for part in parts]} beside {others[:8]}. Move one kind elsewhere."
            )
        of_part = [(part, *_folders(part)) for part in parts]
        class_folders = [(folder, part_of(part.name, root)) for part, inner, _ in of_part for folder in inner]
        left += [file for _, _, beside in of_part for file in beside]
    else:
        class_folders = [(folder, "") for folder in folders]
    if classes is None:
        _check_names(class_folders, root)
        return class_folders, left
    left += [
        (path, why or NOT_ASKED)
        for folder, _ in class_folders
        if folder.name not in classes
        for path, why in walk(folder)
    ]
    return [(folder, part) for folder, part in class_folders if folder.name in classes], left


def _folders(root: Path) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Return the folders in a folder, and all else that lies there with the reason why it is left alone."""
    if not root.is_dir():
        raise CaseError(f"Expected a folder at {root}, but there is none. Set cases.root.")
    above = {os.path.realpath(folder) for folder in (root, *root.absolute().parents)}
    folders: list[Path] = []
    left: list[tuple[Path, str]] = []
    for path in sorted(root.iterdir()):
        if path.is_dir() and not is_hidden(path.name) and os.path.realpath(path) not in above:
            folders.append(path)
        else:
            left += _beside(path, above)
    if not folders:
        raise CaseError(f"Expected a folder for each class in {root}, but found none.")
    return folders, left


def _beside(path: Path, above: set[str]) -> Iterator[tuple[Path, str]]:
    for file, why in walk(path, set(above)) if path.is_dir() else [(path, "")]:
        yield file, HIDDEN if is_hidden(path.name) else why or BESIDE


def _check_names(folders: Sequence[tuple[Path, str]], root: Path) -> None:
    """Refuse ``images/`` beside ``masks/``: those are no two classes."""
    named = sorted({folder.name for folder, _ in folders if looks_like_a_mask(folder.name)})
    if named and len(named) < len({folder.name for folder, _ in folders}):
        raise CaseError(
            f"Expected a folder for each class in {root}, but {named} are called as masks are. Say which are classes "
            "with cases.classes=[...]."
        )


def _images(folder: Path, files: Patterns, exclude: Patterns) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Return the images of a class, and what else lies there with the reason why it is left alone."""
    images: list[Path] = []
    left: list[tuple[Path, str]] = []
    for path, why in walk(folder):
        if not why and not _is_chosen(path.relative_to(folder), files, exclude):
            why = NOT_CHOSEN
        if not why and not (path.name.lower().endswith(VOLUMES) or is_raster(path)):
            why = f"they are no images that are read ({path.suffix.lower() or 'no ending'})"
        if why:
            left.append((path, why))
        else:
            images.append(path)
    if not images:
        raise CaseError(
            f"Expected images ({', '.join((*RASTERS, *VOLUMES))}) in {folder}, but found none"
            + (f" that cases.files={files} and cases.exclude_files={exclude} choose." if files or exclude else ".")
        )
    return images, left


def _is_chosen(path: Path, files: Patterns, exclude: Patterns) -> bool:
    return (files is None or _matches(path, files)) and (exclude is None or not _matches(path, exclude))


def _matches(path: Path, patterns: str | Sequence[str]) -> bool:
    """Whether a path below the folder of its class matches a pattern; one without a / means the name alone.

    >>> [_matches(Path("images/A_1.PNG"), pattern) for pattern in ("images/*", "a_*", "masks/*")]
    [True, True, False]
    """
    return any(
        fnmatchcase((path.as_posix() if "/" in pattern else path.name).lower(), pattern.lower())
        for pattern in ([patterns] if isinstance(patterns, str) else patterns)
    )


def _ids(images: Sequence[Path], root: Path) -> dict[Path, str]:
    """Return an id for each image: its path, with the ending only where another image has the same without it.

    Ids that would differ by capital letters alone are numbered, in order of path.
    """
    stems = {path: _stem(path, root) for path in images}
    counts = Counter(alike(stem) for stem, _ in stems.values())
    ids: dict[Path, str] = {}
    taken: Counter[str] = Counter()
    for path, (stem, ending) in stems.items():
        name = stem + ending.replace(".", "_") if counts[alike(stem)] > 1 else stem
        taken[alike(name)] += 1
        ids[path] = name if taken[alike(name)] == 1 else f"{name}_{taken[alike(name)]}"
    return ids


def _stem(path: Path, root: Path) -> tuple[str, str]:
    """Return the path of an image below the root in one word, and its ending; a dot in another name is no ending."""
    known = (ending for ending in (".nii.gz", *VOLUMES, *RASTERS) if path.name.lower().endswith(ending))
    length = len(next(known, ""))
    name = path.name[: len(path.name) - length]
    return "_".join((*path.relative_to(root).parts[:-1], name)), path.name[len(name) :]


def _check_parts(images: Sequence[LabelledImage], root: Path) -> None:
    """Refuse a class that a part has not: a folder spelt in two ways, more often than not."""
    every = {image.class_name for image in images}
    for part in sorted({image.split for image in images}):
        if missing := sorted(every - {image.class_name for image in images if image.split == part}):
            raise CaseError(f"Expected every class in each part, but got none of {missing} in {part} of {root}.")
