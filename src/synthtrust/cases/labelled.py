"""Labelled images: what every reader of a classified cohort checks, and how it names modalities and classes."""

import gzip
import zlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from synthtrust.cases.case import Case
from synthtrust.cases.cohort import Cohort, Refusal
from synthtrust.cases.errors import CaseError
from synthtrust.cases.rasters import RASTERS
from synthtrust.cases.volumes import VOLUME_ENDINGS, patient_of, read_header

GREY = ("grey",)
COLOURS = ("red", "green", "blue")
VOLUMES = VOLUME_ENDINGS

PART_WORDS = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
"""How publishers call the parts of a split -> how they are called here."""

SAMPLED = 32  # images, spread over the cohort, that decide whether it has colours
TINT = 16  # [of 255] between the channels of a pixel: a grey image saved in colours has up to some steps of rounding


@dataclass(frozen=True)
class LabelledImage:
    """One row of a table, or one file of a class folder."""

    id: str
    path: Path
    category: str
    """Class name."""
    part: str = ""
    patient: str = ""


def classified_cohort(
    name: str,
    where: Path,
    images: Sequence[LabelledImage],
    classes: Sequence[str] | None = None,
    modalities: Sequence[str] | None = None,
    refused: Sequence[Refusal] = (),
) -> Cohort:
    """Make a cohort of labelled images; every header is read, and no pixel but a few that tell colours from grey.

    Args:
        name: Of the cohort.
        where: The file or folder that errors name.
        images: In any order, one per id.
        classes: Class names, in the order of their values; in alphabetical order when not given.
        modalities: ``[grey]``, or ``[red, green, blue]``; what most images show when not given. Colours are read as
            brightness where grey is asked for, and grey as three equal channels where colours are.
        refused: What was refused on the way here.

    Returns:
        The cases; one whose file is missing or no image is in ``refused``.

    Raises:
        CaseError: If there are fewer than two classes or a class without a case, a class is not among those given, an
            id repeats or cannot name a file, or there are plane images and volumes.
    """
    classes = sorted({image.category for image in images}) if classes is None else list(classes)
    _check_classes(classes, images, where)
    _check_ids(images, where)
    with ThreadPoolExecutor() as pool:
        whys = list(pool.map(_why_not, [image.path for image in images]))
    usable = [image for image, why in zip(images, whys) if not why]
    refused = [*refused, *(Refusal(image.path, why) for image, why in zip(images, whys) if why)]
    flat = {image.path.suffix.lower() in RASTERS for image in usable}
    if len(flat) > 1:
        raise CaseError(f"Expected plane images or volumes, but got both in {where}. Read them apart.")
    if modalities is None:
        modalities = COLOURS if flat == {True} and _in_colours([image.path for image in usable]) else GREY
    if tuple(modalities) not in (GREY, COLOURS) or (tuple(modalities) == COLOURS and flat == {False}):
        raise CaseError(
            f"Expected modalities {list(GREY)}, or of plane images {list(COLOURS)}, but got {list(modalities)}."
        )
    values = {category: value for value, category in enumerate(classes)}
    cases = (case_of(i.id, i.path, values[i.category], modalities, i.part, _patient(i)) for i in usable)
    return Cohort(name, tuple(cases), tuple(modalities), values, refused=tuple(refused))


def case_of(name: str, path: Path, category: int, modalities: Sequence[str], part: str = "", patient: str = "") -> Case:
    """Return the case of one labelled image; each colour is a channel of its file."""
    channels = {colour: channel for channel, colour in enumerate(modalities)} if len(modalities) > 1 else {}
    return Case(name, dict.fromkeys(modalities, path), category, patient=patient, channels=channels, part=part)


def check_image(path: Path) -> None:
    """Check, as cheaply as its format allows, that a file is a whole plane image or a volume.

    Raises:
        CaseError: If it is missing, cut short or damaged, or is a stack of several images.
    """
    if path.suffix.lower() not in RASTERS:
        shape, _ = read_header(path)
        if len(shape) < 3 or any(side != 1 for side in shape[3:]):
            raise CaseError(f"Expected a volume (H, W, D), but got shape {shape} in {path}.")
        _check_whole(path)
        return
    try:
        with Image.open(path) as image:
            frames = getattr(image, "n_frames", 1)
            if image.format == "PNG":  # has checksums
                image.verify()
            else:  # is read to its end, a JPEG at an eighth of its size
                image.draft(image.mode, (1, 1))
                image.load()
    except FileNotFoundError:
        raise CaseError(f"Expected an image at {path}, but there is none.") from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise CaseError(f"Expected an image, but {path} is cut short or damaged: {error}. Copy it again.") from error
    if frames > 1:
        raise CaseError(f"Expected one plane image, but got {frames} in {path}. Save each in a file of its own.")


def _check_whole(path: Path) -> None:
    """Read a compressed volume to its end, where its checksum is; an uncompressed one has none."""
    if path.suffix.lower() != ".gz":
        return
    try:
        with gzip.open(path) as file:
            while file.read(2**20):
                pass
    except (OSError, EOFError, zlib.error) as error:
        raise CaseError(f"Expected a volume, but {path} is cut short or damaged: {error}. Copy it again.") from error


def part_of(word: str, where: Path) -> str:
    """Return ``train``, ``val`` or ``test`` for a publisher's word; nothing for nothing.

    >>> part_of("Training", Path("cases.csv"))
    'train'

    Raises:
        CaseError: If the word is none of the known ones.
    """
    word = word.strip().lower()
    if word and word not in PART_WORDS:
        raise CaseError(f"Expected a split among {list(PART_WORDS)}, but got {word!r} in {where}.")
    return PART_WORDS.get(word, "")


def _check_classes(classes: Sequence[str], images: Sequence[LabelledImage], where: Path) -> None:
    counts = Counter(image.category for image in images)
    if unknown := sorted(counts.keys() - set(classes)):
        raise CaseError(f"Expected classes among {list(classes)}, but got {unknown[:8]} in {where}.")
    if empty := [category for category in classes if not counts[category]]:
        raise CaseError(f"Expected a case of every class, but got none of {empty} in {where}.")
    if len(set(classes)) < 2:
        raise CaseError(f"Expected at least two classes, but got {len(counts) or 'none'} {list(counts)} in {where}.")


def _check_ids(images: Sequence[LabelledImage], where: Path) -> None:
    for image in images:
        if image.id.startswith(".") or Path(image.id).name != image.id or "\\" in image.id:
            raise CaseError(f"Expected an id that can name a file, but got {image.id!r} in {where}. Rename it.")
    if repeated := [name for name, count in Counter(image.id for image in images).items() if count > 1]:
        raise CaseError(f"Expected one case per id, but {repeated[:8]} repeat in {where}. Remove or rename them.")


def _patient(image: LabelledImage) -> str:
    """Return the patient that a table names, or else the one in the headers of DICOM slices."""
    return image.patient or ("" if image.path.suffix.lower() in RASTERS else patient_of(image.path))


def _why_not(path: Path) -> str:
    try:
        check_image(path)
    except CaseError as error:
        return str(error)
    return ""


def _in_colours(paths: Sequence[Path]) -> bool:
    """Whether most of some images, spread over the cohort, show colours, however they are saved."""
    spread = np.unique(np.linspace(0, len(paths) - 1, min(SAMPLED, len(paths))).round().astype(int))
    return float(np.mean([_has_colours(paths[i]) for i in spread])) > 0.5


def _has_colours(path: Path) -> bool:
    with Image.open(path) as image:  # it was read before
        image.draft("RGB", (64, 64))
        pixels = np.asarray(image.convert("RGB"), dtype=np.int16)  # (H, W, 3)
    return bool(np.quantile(np.ptp(pixels, axis=-1), 0.99) > TINT)
