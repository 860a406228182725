"""The cache of images: a set of cases as one memory-mapped array, made once, read by all runs of a sweep."""

import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray

from synthtrust.cases import Case, CaseError
from synthtrust.cases.readers.labelled import COLOURS
from synthtrust.cases.resizing import resize
from synthtrust.cases.volumes import check_contrast, z_score
from synthtrust.data.entries import damaged_in, declare, remove_damaged
from synthtrust.files import fingerprint, folder_aside, hashes, remove_leftovers
from synthtrust.machine import readers
from synthtrust.progress import track

log = logging.getLogger(__name__)

VERSION = 3  # of the preprocessing below; a new one makes a new table
IMAGES, INDEX = "images.npy", "index.json"


@dataclass(frozen=True)
class ImageTable:
    """The images of a set of cases, one row each."""

    folder: Path

    @cached_property
    def row(self) -> dict[str, int]:
        """Case id -> its row."""
        return {case_id: n for n, case_id in enumerate(json.loads((self.folder / INDEX).read_text())["cases"])}

    @cached_property
    def images(self) -> NDArray[np.float16]:
        """All images, memory-mapped, shape ``(N, C, *size)``, in standard deviations of each image."""
        array: NDArray[np.float16] = np.load(self.folder / IMAGES, mmap_mode="r", allow_pickle=False)
        return array

    @property
    def size(self) -> tuple[int, ...]:
        """Side lengths of every image [pixels, voxels]: ``(H, W)`` or ``(H, W, D)``."""
        return tuple(self.images.shape[2:])


def image_table(
    cases: Sequence[Case], modalities: Sequence[str], folder: str | Path, size: int | Sequence[int] | None = None
) -> ImageTable:
    """Preprocess the images of some cases, or find them as another run left them.

    One preprocessing for real and synthetic cases, in which no case lends anything to another: resample to ``size``,
    then subtract the mean and divide by the standard deviation of the image's own pixels. A scale learned from real
    training cases would hand them to a network that is said to know synthetic ones alone, and would not bear the free
    scales of MRI. Red, green and blue are scaled together, so that hues stay. Images are kept as float16, three
    significant digits of a z-score.

    Args:
        cases: Real or synthetic; their ids differ.
        modalities: Which images become channels, in this order.
        folder: Root of the cache; tables are named by the content of the cases' files and by this recipe.
        size: Side lengths [pixels, voxels] to which images are resized, one for all or one per axis. None: as they
            are.

    Raises:
        CaseError: If a file cannot be used, an image has no contrast, or sizes differ and none was asked for.
    """
    cases = sorted(cases, key=lambda case: case.id)
    with ThreadPoolExecutor(readers()) as pool:
        contents = dict(zip([case.id for case in cases], pool.map(lambda case: _content(case, modalities), cases)))
        wanted = list(size) if isinstance(size, Sequence) else size
        recipe = {"version": VERSION, "modalities": list(modalities), "size": wanted, "cases": contents}
        table = ImageTable(Path(folder) / f"images-{fingerprint(recipe)}")
        if damaged_in(table.folder, INDEX):
            table.folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(table.folder.with_name(f".{table.folder.name}.lock")):  # a second run waits, and finds
                if damaged_in(table.folder, INDEX):
                    remove_leftovers(table.folder.parent, table.folder.name)
                    remove_damaged(table.folder)
                    _write(table.folder, cases, modalities, wanted, pool)
    return table


def _content(case: Case, modalities: Sequence[str]) -> str:
    contents = {path: hashes.of(path) for path in {case.images[modality] for modality in modalities}}
    return fingerprint([(contents[case.images[modality]], case.channels.get(modality)) for modality in modalities])


def _write(
    folder: Path, cases: Sequence[Case], modalities: Sequence[str], size: int | list[int] | None,
    pool: ThreadPoolExecutor,
) -> None:  # fmt: skip
    first = _load(cases[0], modalities, size)
    with folder_aside(folder, flush=False) as aside:
        array = np.lib.format.open_memmap(aside / IMAGES, "w+", np.float16, (len(cases), *first.shape))
        images = pool.map(lambda case: _load(case, modalities, size), cases)
        title = "Preparing images"
        for n, (case, image) in enumerate(zip(cases, track(images, title, total=len(cases)))):
            if image.shape != first.shape:
                raise CaseError(
                    f"Expected images of one size, but got {image.shape[1:]} in case {case.id} against "
                    f"{first.shape[1:]} in case {cases[0].id}. Set data.size, such as data.size=64."
                )
            array[n] = image
        array.flush()
        declare(aside, INDEX, {"cases": [case.id for case in cases], "modalities": list(modalities)})


def _load(case: Case, modalities: Sequence[str], size: int | list[int] | None) -> NDArray[np.float32]:
    channels = [case.load_image(modality) for modality in modalities]
    if len(shapes := {channel.shape for channel in channels}) > 1:
        raise CaseError(f"Expected every modality of case {case.id} on one grid, but got {sorted(shapes)}.")
    image = np.stack(channels)  # (C, *sides)
    sides = [size] * (image.ndim - 1) if isinstance(size, int) else size
    if sides is not None and len(sides) != image.ndim - 1:
        raise CaseError(f"Expected data.size with {image.ndim - 1} sides for case {case.id}, but got {sides}.")
    return preprocess(image, modalities, sides, f"case {case.id} at {case.images[modalities[0]]}")


def preprocess(
    image: NDArray[np.float32], modalities: Sequence[str], size: Sequence[int] | None, name: str
) -> NDArray[np.float32]:
    """Bring an image to what a classification network is trained on.

    Args:
        image: ``(C, *sides)`` [intensity units]; it may be changed in place.
        modalities: Name of each channel; colours share one mean and one standard deviation.
        size: Side lengths to resize to [pixels, voxels]; None leaves the image as large as it is.
        name: What the image is called in a message.

    Raises:
        CaseError: If a channel has no contrast.
    """
    if size is not None:
        image = resize(torch.from_numpy(image), size).numpy()
    scales = np.array(["colours" if modality in COLOURS else modality for modality in modalities])
    for scale in np.unique(scales):
        check_contrast(image[scales == scale], f"{scale} of {name}")
        z_score(image, scales == scale)
    return image
