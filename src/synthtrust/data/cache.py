"""The cache: every case preprocessed once, then read by patch from memory-mapped arrays by all runs of a sweep."""

import json
import logging
import math
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray

from synthtrust.cases import Case, CaseError
from synthtrust.cases.formats.volumes import read_header
from synthtrust.cases.volumes import check_contrast, foreground_box, z_score
from synthtrust.data.entries import damaged_in, declare, remove_damaged
from synthtrust.data.mapped import Head, head_of, mapped
from synthtrust.files import fingerprint, folder_aside, hashes, remove_leftovers
from synthtrust.machine import readers
from synthtrust.progress import track

log = logging.getLogger(__name__)

VERSION = 2  # of the preprocessing below; a new one makes a new cache
POINTS = 1000  # voxel positions kept per label, to centre patches on
FACTS = "facts.json"


@dataclass(frozen=True)
class Prepared:
    """One case in the cache: cropped to its foreground, each channel z-scored inside the brain."""

    case: Case
    folder: Path

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What was measured on the way: origin of the crop, shape and spacing of the grid, voxels per label, ..."""
        facts: dict[str, Any] = json.loads((self.folder / FACTS).read_text())
        return facts

    def image(self) -> NDArray[np.float16]:
        """Map the channels, shape ``(C, H, W, D)``, in standard deviations of the brain.

        What is written to them stays in memory and never reaches the file; so torch can share it.
        """
        return mapped(self.folder / "image.npy", self._head_of_image)

    def label(self) -> NDArray[np.uint8]:
        """Map the label map, shape ``(H, W, D)``."""
        return mapped(self.folder / "label.npy", self._head_of_label)

    @cached_property
    def _head_of_image(self) -> Head:
        return head_of(self.folder / "image.npy")

    @cached_property
    def _head_of_label(self) -> Head:
        return head_of(self.folder / "label.npy")

    @cached_property
    def points(self) -> NDArray[np.int16]:
        """Up to POINTS labelled voxels of each label, rows ``(label, h, w, d)``."""
        array: NDArray[np.int16] = np.load(self.folder / "points.npy", allow_pickle=False)
        return array

    @cached_property
    def points_by_label(self) -> list[NDArray[np.int16]]:
        """The same voxels, rows ``(h, w, d)``, as one view for each label that the case has, in order of label."""
        labels = self.points[:, 0]  # in order, as they were written
        return np.split(self.points[:, 1:], np.flatnonzero(np.diff(labels)) + 1) if len(labels) else []

    @property
    def extent_mm(self) -> float:
        """Diagonal of the whole volume, of which the crop is a part [mm]."""
        return float(np.linalg.norm(np.multiply(self.facts["shape"], self.facts["spacing"])))

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel [ml]."""
        return float(np.prod(self.facts["spacing"])) / 1000


def prepare(cases: Sequence[Case], modalities: Sequence[str], folder: str | Path) -> list[Prepared]:
    """Preprocess cases, or find them as another run left them.

    One preprocessing for real and synthetic cases: crop to the voxels that are not zero in every modality, then
    subtract the mean and divide by the standard deviation of each channel's own non-zero voxels; zeros stay zero.
    Images are kept as float16 (three significant digits of a z-score), label maps as uint8. So many cases are in memory
    at once as `synthtrust.machine.readers` allows.

    Args:
        cases: Real or synthetic.
        modalities: Which images become channels, in this order.
        folder: Root of the cache; cases are keyed by the content of their files and by this recipe.

    Raises:
        CaseError: If a file of a case cannot be used; the message names it. Cases prepared before stay.
    """
    recipe = {"version": VERSION, "modalities": list(modalities)}
    home = Path(folder) / fingerprint(recipe)
    home.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(readers(_room(cases, modalities))) as pool:
        prepared = [
            Prepared(case, home / key) for case, key in zip(cases, pool.map(lambda c: _key(c, modalities), cases))
        ]
        each = {p.folder: p for p in prepared}.values()
        if not all(pool.map(_is_there, each)):
            with FileLock(home / ".lock"):  # a second run of the sweep waits, and finds
                remove_leftovers(home)
                left = [p for p, there in zip(each, list(pool.map(_is_there, each))) if not there]
                for p in left:
                    remove_damaged(p.folder)
                _say_disk_use(pool.map(lambda p: _most_bytes(p.case, modalities), left), home)
                done = pool.map(lambda p: _prepare(p, modalities), left)
                for _ in track(done, total=len(left), title="Preparing cases"):
                    pass
    return prepared


def _is_there(prepared: Prepared) -> bool:
    return not damaged_in(prepared.folder, FACTS)


def _room(cases: Sequence[Case], modalities: Sequence[str]) -> float:
    """Return the memory that preparing the first case takes [bytes]: three copies of its channels in float32."""
    return 3.0 * 4 * len(modalities) * math.prod(read_header(cases[0].require_label_map())[0][:3]) if cases else 0


def _most_bytes(case: Case, modalities: Sequence[str]) -> int:
    """Return what a case takes on disk if nothing of it is cropped away [bytes]: float16 channels and uint8 labels."""
    return (2 * len(modalities) + 1) * math.prod(read_header(case.require_label_map())[0][:3])


def _say_disk_use(sizes: Iterable[int], home: Path) -> None:
    """Log how much disk the cases will take at most, and warn if there is less."""
    each = list(sizes)
    most, free = sum(each), shutil.disk_usage(home).free
    message = "Preparing %d cases: at most %.2f GB in %s, where %.2f GB are free"
    log.log(logging.WARNING if most > free else logging.INFO, message, len(each), most / 1e9, home, free / 1e9)


def _key(case: Case, modalities: Sequence[str]) -> str:
    files = [*(case.images[modality] for modality in modalities), case.require_label_map()]
    contents = [hashes.of(path) for path in files]
    channels = [case.channels.get(modality) for modality in modalities]
    relabel = None if case.relabel is None else sorted(case.relabel.items())
    return fingerprint([contents, channels, relabel])


def preprocess(
    image: NDArray[np.float32], label: NDArray[np.uint8] | None, names: Sequence[str]
) -> tuple[NDArray[np.float32], tuple[slice, ...]]:
    """Bring a volume to what a segmentation network is trained on.

    Args:
        image: ``(C, H, W, D)`` [intensity units]; it is changed in place.
        label: Label map ``(H, W, D)``, where there is one; what it labels is kept.
        names: What each channel is called in a message.

    Returns:
        The image, cropped to its foreground and z-scored there, channel by channel; and the box of the crop.

    Raises:
        CaseError: If the foreground of a channel has no contrast.
    """
    box = foreground_box(image, label)
    image = image[:, *box]
    for channel, name in zip(image, names, strict=True):
        _standardise(channel, name)
    return image, box


def _standardise(channel: NDArray[np.float32], name: str) -> None:
    """Z-score the foreground of a channel, in place; zeros stay zero."""
    inside = channel != 0
    check_contrast(channel[inside], f"{name}, but for zeros")
    z_score(channel, inside)


def _prepare(prepared: Prepared, modalities: Sequence[str]) -> None:
    case = prepared.case
    label = case.load_label()
    channels = [_on_grid(case, modality, label.shape) for modality in modalities]
    counts = np.bincount(label.ravel("K"), minlength=256)
    box = foreground_box(channels, label)
    label = np.ascontiguousarray(label[box])
    image = np.empty((len(channels), *label.shape), dtype=np.float16)
    for half, channel, modality in zip(image, channels, modalities, strict=True):
        # Voxels lie in files with the first axis fastest, and in patches with the last: turned once, here.
        crop = np.ascontiguousarray(channel[box])
        _standardise(crop, f"{modality} of case {case.id} at {case.images[modality]}")
        torch.from_numpy(half).copy_(torch.from_numpy(crop))  # ten times as fast as NumPy, and the same numbers
    shape, affine = read_header(case.require_label_map())
    facts = {
        "case": case.id,
        "origin": [edge.start for edge in box],
        "shape": list(shape[:3]),
        "spacing": np.sqrt((affine[:3, :3] ** 2).sum(0)).round(6).tolist(),
        "voxels": {str(value): int(n) for value, n in enumerate(counts) if n},
    }
    with folder_aside(prepared.folder, flush=False) as aside:
        np.save(aside / "image.npy", image)
        np.save(aside / "label.npy", label)
        np.save(aside / "points.npy", _points(label))
        declare(aside, FACTS, facts)


def _on_grid(case: Case, modality: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    image = case.load_image(modality)
    if image.shape != shape:
        raise CaseError(
            f"Expected {case.images[modality]} on the grid {shape} of label {case.label_map}, but got {image.shape}."
        )
    return image


def _points(label: NDArray[np.uint8]) -> NDArray[np.int16]:
    rng = np.random.default_rng(0)  # which voxels stand for a label is part of the recipe
    rows = []
    for value in np.unique(label[label > 0]):
        positions = np.argwhere(label == value)
        chosen = rng.permutation(len(positions))[:POINTS]
        rows.append(np.column_stack([np.full(len(chosen), value), positions[chosen]]))
    return np.concatenate(rows).astype(np.int16) if rows else np.zeros((0, 4), dtype=np.int16)
