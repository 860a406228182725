"""Labelled images: what every reader of a classified cohort checks, and how it names modalities and classes."""

import gzip
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthtrust.cases.case import Case, Findings
from synthtrust.cases.checks.agreement import other_depths, two_labels
from synthtrust.cases.cohort import Cohort, RefusedCase
from synthtrust.cases.formats.raster_kind import RasterKind
from synthtrust.cases.formats.rasters import check_raster, is_raster, read_pixels
from synthtrust.cases.formats.volumes import VOLUME_ENDINGS, patient_of, read_header
from synthtrust.progress import track
from synthtrust.refusals import CaseError

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
TINT = 16 / 255  # [range] between the channels of a pixel: grey saved in colours has up to some steps of rounding
MANY = 3000  # images, whose check takes so long that a bar is shown


@dataclass(frozen=True)
class LabelledImage:
    """One row of a table, or one file of a class folder."""

    id: str
    path: Path
    class_name: str = ""
    """Class of the image; empty where it has findings instead."""
    split: str = ""
    patient: str = ""
    findings: Findings | None = None
    """Findings of the image, in the order of the cohort's labels."""
    parent: str = ""
    """Id of the real case that a synthetic image was made from; empty if there is none."""

    @property
    def target(self) -> str | Findings:
        """The class name, or the findings."""
        return self.class_name if self.findings is None else self.findings


def classified_cohort(
    name: str,
    where: Path,
    images: Sequence[LabelledImage],
    classes: Sequence[str] | None = None,
    modalities: Sequence[str] | None = None,
    refused: Sequence[RefusedCase] = (),
) -> Cohort:
    """Make a cohort of labelled images; every header is read, and no pixel but a few that tell colours from grey.

    Args:
        name: The name of the cohort.
        where: The file or folder that errors name.
        images: In any order, one per id.
        classes: Class names, in the order of their values; in alphabetical order when not given.
        modalities: ``[grey]``, or ``[red, green, blue]``; what most images show when not given. Colours are read as
            brightness where grey is asked for, and grey as three equal channels where colours are.
        refused: What was refused on the way here.

    Returns:
        The cases; one whose file is missing or no image, has another depth than most, or is there once more with
        another class is in ``refused``.

    Raises:
        CaseError: If there are fewer than two classes or a class without a case, a class is not among those given, an
            id repeats or cannot name a file, there are plane images and volumes, or images of several depths in equal
            parts.
    """
    classes = sorted({image.class_name for image in images}) if classes is None else list(classes)
    _check_classes(classes, images, where)
    return image_cohort(name, where, images, classes, modalities, refused)


def image_cohort(
    name: str,
    where: Path,
    images: Sequence[LabelledImage],
    names: Sequence[str],
    modalities: Sequence[str] | None = None,
    refused: Sequence[RefusedCase] = (),
) -> Cohort:
    """Make a cohort of images whose classes, or findings, are settled.

    Args:
        name: The name of the cohort.
        where: The file or folder that errors name.
        images: In any order, one per id.
        names: Names of the classes or findings, in the order of their values.
        modalities: ``[grey]``, or ``[red, green, blue]``; what most images show when not given.
        refused: What was refused on the way here.

    Returns:
        The cases; what cannot be used is in ``refused``, as ``classified_cohort`` says.

    Raises:
        CaseError: If an id repeats or cannot name a file, there are plane images and volumes, or images of several
            depths in equal parts.
    """
    _check_ids(images, where)
    kinds, damaged = checked_images(name, [image.path for image in images])
    usable = [image for image in images if image.path in kinds]
    flat = {kinds[image.path] is not None for image in usable}
    if len(flat) > 1:
        raise CaseError(f"Expected plane images or volumes, but got both in {where}. Read them apart.")
    rasters = {path: kind for path, kind in kinds.items() if kind is not None}
    odd = [*other_depths(rasters, where), *two_labels([(image.path, image.target) for image in usable])]
    refused = [*refused, *damaged, *odd]
    exceptions = {refusal.where for refusal in odd}
    usable = [image for image in usable if image.path not in exceptions]
    patients = _patients(kinds)
    if modalities is None:
        modalities = COLOURS if flat == {True} and _in_colours([image.path for image in usable]) else GREY
    if tuple(modalities) not in (GREY, COLOURS) or (tuple(modalities) == COLOURS and flat == {False}):
        raise CaseError(
            f"Expected modalities {list(GREY)}, or of plane images {list(COLOURS)}, but got {list(modalities)}."
        )
    values = {name: value for value, name in enumerate(names)}
    cases = (
        case_of(
            image.id,
            image.path,
            modalities,
            class_index=None if image.findings is not None else values[image.class_name],
            findings=image.findings,
            split=image.split,
            patient=image.patient or patients.get(image.path, ""),
            parent=image.parent,
        )
        for image in usable
    )
    return Cohort(name, tuple(cases), tuple(modalities), values, refused=tuple(refused))


def case_of(
    name: str,
    path: Path,
    modalities: Sequence[str],
    *,
    class_index: int | None = None,
    findings: Findings | None = None,
    split: str = "",
    patient: str = "",
    parent: str = "",
) -> Case:
    """Return the case of one labelled image; each colour is a channel of its file."""
    channels = {colour: channel for channel, colour in enumerate(modalities)} if len(modalities) > 1 else {}
    return Case(
        name,
        dict.fromkeys(modalities, path),
        patient=patient,
        channels=channels,
        split=split,
        class_index=class_index,
        findings=findings,
        parent=parent,
    )


def check_image(path: Path) -> RasterKind | None:
    """Check, as cheaply as its format allows, that a file is a whole plane image or a volume.

    Returns:
        What the header of a plane image says; None for a volume.

    Raises:
        CaseError: If it is missing, cut short or damaged, or is a stack of several images.
    """
    if is_raster(path):
        return check_raster(path)
    shape, _ = read_header(path)
    if len(shape) < 3 or any(side != 1 for side in shape[3:]):
        raise CaseError(f"Expected a volume (H, W, D), but got shape {shape} in {path}.")
    _check_whole(path)
    return None


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


def part_of(word: str, where: Path | str) -> str:
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
    counts = Counter(image.target for image in images)
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


def checked_images(name: str, paths: Sequence[Path]) -> tuple[dict[Path, RasterKind | None], list[RefusedCase]]:
    """Check many files at once; return what those are that can be used, and why the others cannot."""
    kinds: dict[Path, RasterKind | None] = {}
    refused = []
    paths = list(dict.fromkeys(paths))
    with ThreadPoolExecutor() as pool:
        results = track(pool.map(_try, paths), f"Checking {name}", total=len(paths), disable=len(paths) < MANY)
        for path, result in zip(paths, results):
            if isinstance(result, CaseError):
                refused.append(RefusedCase(path, str(result)))
            else:
                kinds[path] = result
    return kinds, refused


def _try(path: Path) -> RasterKind | CaseError | None:
    try:
        return check_image(path)
    except CaseError as error:
        return error


def _patients(kinds: Mapping[Path, RasterKind | None]) -> dict[Path, str]:
    """Return the patient of each file that names one; none if all name the same, such as "anonymous"."""
    named = {path: patient_of(path) if kind is None else kind.patient for path, kind in kinds.items()}
    patients = {path: patient for path, patient in named.items() if patient}
    return patients if len(set(patients.values())) > 1 else {}


def _in_colours(paths: Sequence[Path]) -> bool:
    """Whether most of some images, spread over the cohort, show colours, however they are saved."""
    spread = np.unique(np.linspace(0, len(paths) - 1, min(SAMPLED, len(paths))).round().astype(int))
    return float(np.mean([_has_colours(paths[i]) for i in spread])) > 0.5


def _has_colours(path: Path) -> bool:
    pixels = read_pixels(path)
    if pixels.ndim == 2:
        return False
    few = pixels[:: 1 + len(pixels) // 256, :: 1 + pixels.shape[1] // 256].astype(np.float64)  # (H, W, 3)
    whole = np.iinfo(pixels.dtype).max if pixels.dtype.kind in "ui" else few.max()
    return bool(np.quantile(np.ptp(few, axis=-1), 0.99) > TINT * whole)
