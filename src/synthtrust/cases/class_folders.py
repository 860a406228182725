"""Class folders: a folder of images per class, perhaps under train, val and test."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from synthtrust.cases.cohort import Cohort
from synthtrust.cases.errors import CaseError
from synthtrust.cases.labelled import PART_WORDS, VOLUMES, LabelledImage, classified_cohort, part_of
from synthtrust.cases.rasters import RASTERS


def read_class_folders(
    root: str | Path,
    classes: Sequence[str] | None = None,
    modalities: Sequence[str] | None = None,
    licence: str = "unknown",
) -> Cohort:
    """Read ``root/<class>/image.png`` or ``root/<part>/<class>/image.png``, and check that each image is whole.

    Each image has one class: several findings of an image are said by a table, see ``read_table``.

    The names know no patients: each image counts as one of its own, and images of one person may come to lie in train
    and test. An id is the path of its image: ``train_glioma_0001``.

    Args:
        root: Holds a folder per class; or only folders called train, val, test (training, valid, validation, testing),
            which then hold one per class. Images may lie deeper. What is no image, and what begins with a dot, is
            passed over.
        classes: Class names, in the order of their values; in alphabetical order when not given.
        modalities: ``[grey]`` or ``[red, green, blue]``; what most images show when not given.
        licence: Under which the images may be used.

    Returns:
        The cases; one whose image is damaged is in ``refused``.

    Raises:
        CaseError: If there is no folder, it mixes classes and parts, a folder has no image, or a class is missing in a
            part; and as ``classified_cohort``.
    """
    root = Path(root)
    images = [
        LabelledImage(_id(path, root), path, folder.name, part)
        for folder, part in _class_folders(root)
        for path in _images(folder)
    ]
    if classes is not None:  # a folder more than was asked for is left out, as one class of many may be
        images = [image for image in images if image.category in classes]
    _check_parts(images, root)
    return replace(classified_cohort(root.absolute().name, root, images, classes, modalities), licence=licence)


def _class_folders(root: Path) -> list[tuple[Path, str]]:
    """Return every folder of a class and the part it lies in."""
    folders = _folders(root)
    parts = [folder for folder in folders if folder.name.lower() in PART_WORDS]
    if not parts:
        return [(folder, "") for folder in folders]
    if others := [folder.name for folder in folders if folder not in parts]:
        raise CaseError(
            f"Expected folders of classes, or train, val and test alone, but {root} has "
            f"{[part.name for part in parts]} beside {others[:8]}. Move one kind elsewhere."
        )
    return [(folder, part_of(part.name, root)) for part in parts for folder in _folders(part)]


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        raise CaseError(f"Expected a folder at {root}, but there is none. Set cases.root.")
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not folders:
        raise CaseError(f"Expected a folder for each class in {root}, but found none.")
    return folders


def _images(folder: Path) -> list[Path]:
    images = sorted(
        path
        for path in folder.rglob("*")
        if path.name.lower().endswith((*RASTERS, *VOLUMES)) and not path.name.startswith(".") and path.is_file()
    )
    if not images:
        raise CaseError(f"Expected images ({', '.join((*RASTERS, *VOLUMES))}) in {folder}, but found none.")
    return images


def _id(path: Path, root: Path) -> str:
    name = path.name
    for ending in (path.suffix, ".nii"):
        name = name.removesuffix(ending)
    return "_".join((*path.relative_to(root).parts[:-1], name))


def _check_parts(images: Sequence[LabelledImage], root: Path) -> None:
    """Refuse a class that a part has not: a folder spelt in two ways, more often than not."""
    every = {image.category for image in images}
    for part in sorted({image.part for image in images}):
        if missing := sorted(every - {image.category for image in images if image.part == part}):
            raise CaseError(f"Expected every class in each part, but got none of {missing} in {part} of {root}.")
