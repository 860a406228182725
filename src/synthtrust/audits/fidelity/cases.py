"""Which cases fidelity compares, and what is kept of each: a few hundred numbers, read one image at a time."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from scipy import ndimage
from torch import Tensor

from synthtrust.audits.sets import SyntheticSet
from synthtrust.audits.spaces import Space, check_grids, common_size, features_in, load, size_of, standardised
from synthtrust.cases import Case
from synthtrust.cases.formats.rasters import is_raster, raster_kind
from synthtrust.cases.formats.volumes import describe_header
from synthtrust.cases.resizing import resize
from synthtrust.machine import readers

Array = NDArray[np.float64]

QUANTILES = (0.01, 0.25, 0.5, 0.75, 0.99)


@dataclass(frozen=True)
class Sides:
    """The cases that are compared, one of each patient, no patient on both sides."""

    real: tuple[Case, ...]
    """Holdout: the reference of every number."""
    synthetic: tuple[Case, ...]
    fitted: tuple[Case, ...]
    """Real training cases, from which coordinates and ranges are learned, and which are compared with nothing."""
    note: str
    size: tuple[int, ...] | None = None
    """What images with a class are brought to where they come in several sizes; None for as they are."""


@dataclass(frozen=True)
class Reduced:
    """What is kept of one case."""

    spaces: Mapping[str, Tensor]
    """Feature space -> ``(d,)``."""
    format: Array
    """How the file is written: type, whole numbers, size, voxel size."""
    intensity: Array
    """Level, spread, quantiles and extremes of the whole image, per modality."""
    ranges: Array
    """From the 0.1st to the 99.9th percentile, per modality [standard deviations of the image]."""
    attributes: Mapping[str, float]
    """Size of attributes: volume of each region and its mean intensity [standard deviations of the image]; NaN if the
    case lacks it. Of an image with a class, its dark and bright ends."""


class Job(NamedTuple):
    """A case, and how it is changed before it is looked at."""

    case: Case
    size: tuple[int, ...] | None = None
    blur: float = 0.0
    """Gaussian [voxels]; 0 for as it is."""

    @property
    def key(self) -> "Key":
        """Name what comes out."""
        return next(iter(self.case.images.values())), self.size, self.blur


Key = tuple[Path, tuple[int, ...] | None, float]
"""The first file of a case, the size, and the Gaussian."""


def sides_of(painted: SyntheticSet, most: int, seed: int) -> Sides:
    """Choose the patients: twins of training labels against real holdout patients.

    These share no patient, so that patients can be exchanged in a permutation test. Where the generator learned from
    (almost) none of the study's cases, the holdout is halved at random: real images of one half, twins of the other.
    """
    rng = np.random.default_rng(seed)
    holdout, twins = _one_each(painted.holdout, rng), _one_each(painted.twins_of_train, rng)
    fitted = _one_each(painted.train, rng)
    note = "Twins of training labels against real cases that the generator never saw."
    if len(twins) < len(holdout) // 2:
        half = len(holdout) // 2
        apart = {case.patient for case in holdout[half:]}
        twins = [case for case in _one_each(painted.twins_of_holdout, rng) if case.patient in apart]
        holdout = holdout[:half]
        note = "Real cases of one half of the holdout against twins of the other half: the generator saw too few."
    extra = len(painted.holdout) - len({case.patient for case in painted.holdout})
    if extra:
        note += f" One case of each patient; {extra} more holdout cases left out."
    sides = tuple(holdout[:most]), tuple(twins[:most]), tuple(fitted[:most])
    size = _common_size(painted, (*sides[0], *sides[2]), sides[1])
    if size is not None:
        note += f" All images brought to {' x '.join(map(str, size))}, the smallest size among them."
    return Sides(*sides, note, size)


def _common_size(painted: SyntheticSet, real: Sequence[Case], synthetic: Sequence[Case]) -> tuple[int, ...] | None:
    """Return the size to bring images to, None if all have one size or lie on label maps.

    Raises:
        CaseError: If a twin on a label map lies on a grid that no real case has.
    """
    mine, theirs = ({size_of(case.images[painted.modalities[0]]) for case in side} for side in (synthetic, real))
    if painted.task != "segmentation":
        return common_size(mine | theirs)
    if real:
        check_grids(painted.folder, mine, theirs | {size_of(case.require_label_map()) for case in painted.holdout})
    return None


def reduce_all(
    jobs: Iterable[Job],
    spaces: Mapping[str, Space],
    modalities: Sequence[str],
    labels: Mapping[str, int],
    threads: int = 0,
    known: Collection[Key] = (),
) -> dict[Key, Reduced]:
    """Reduce every case once, but those known already; a progress bar counts them."""
    unique = {job.key: job for job in jobs if job.key not in known}
    with ThreadPoolExecutor(threads or readers()) as pool:
        found = pool.map(lambda job: reduce_case(job, spaces, modalities, labels), unique.values())
        watched = track(found, "Fidelity: features", total=len(unique), console=Console(stderr=True), transient=True)
        return dict(zip(unique, watched))


def taken(
    reduced: Mapping[Key, Reduced], cases: Sequence[Case], size: tuple[int, ...] | None, blur: float = 0.0
) -> list[Reduced]:
    """Return what was kept of some cases, in their order."""
    return [reduced[Job(case, size, blur).key] for case in cases]


def reduce_case(job: Job, spaces: Mapping[str, Space], modalities: Sequence[str], labels: Mapping[str, int]) -> Reduced:
    """Read one case and reduce it.

    Raises:
        CaseError: If an image cannot be read, is constant, or holds NaN or infinity.
    """
    image, label, spacing = load(job.case, modalities)
    written = _format(job.case, modalities, image, spacing)
    if job.size is not None:
        image = resize(image, job.size)
    if job.blur:
        image = torch.from_numpy(ndimage.gaussian_filter(image.numpy(), (0, *[job.blur] * (image.ndim - 1))))
    values, seen = list(labels.values()), standardised(image)
    return Reduced(
        spaces={name: features_in(space, image, label, values, spacing) for name, space in spaces.items()},
        format=written,
        intensity=np.concatenate([_intensity(one.numpy()) for one in image]),
        ranges=np.array([np.subtract(*np.quantile(one.numpy(), [0.999, 0.001])) for one in seen]),
        attributes=_attributes(seen, label, labels, modalities, float(np.prod(spacing))),
    )


def _one_each(cases: Sequence[Case], rng: np.random.Generator) -> list[Case]:
    """Return one case of each patient, in random order."""
    of = {cases[i].patient: cases[i] for i in rng.permutation(len(cases))}
    patients = sorted(of)
    return [of[patients[i]] for i in rng.permutation(len(patients))]


def _format(case: Case, modalities: Sequence[str], image: Tensor, spacing: Sequence[float]) -> Array:
    whole = [float((one == one.round()).float().mean()) for one in image]
    levels = [np.log(len(np.unique(one.numpy()))) for one in image]
    kinds = [_kind(case.images[modality]) for modality in modalities]
    return np.array([*whole, *levels, *kinds, *image.shape[1:], *spacing], dtype=np.float64)


def _kind(path: Path) -> float:
    """Return the type that numbers have in a file as one number: bits, negative for whole numbers."""
    if is_raster(path):
        kind = raster_kind(path)
        return float(kind.bits * (1 if kind.number == "f" else -1))
    dtype = describe_header(path).dtype
    return 8.0 * dtype.itemsize * (1 if dtype.kind == "f" else -1)


def _intensity(image: NDArray[np.float32]) -> Array:
    x = image.astype(np.float64).ravel()
    edge = (x == x.min()).mean()
    return np.array([x.mean(), x.std(), x.min(), x.max(), edge, *np.quantile(x, QUANTILES)])


def _attributes(
    image: Tensor, label: Tensor | None, labels: Mapping[str, int], modalities: Sequence[str], voxel: float
) -> dict[str, float]:
    if label is None:
        bright = {f"brightest twentieth of {m} [sd]": _quantile(one, 0.95) for m, one in zip(modalities, image)}
        return bright | {f"darkest twentieth of {m} [sd]": _quantile(one, 0.05) for m, one in zip(modalities, image)}
    found = {}
    for name, value in labels.items():
        mask = label == value
        there = bool(mask.any())
        found[f"volume of {name} [ml]"] = float(mask.sum()) * voxel / 1000 if there else float("nan")
        for modality, one in zip(modalities, image):
            found[f"mean of {modality} in {name} [sd]"] = float(one[mask].mean()) if there else float("nan")
    return found


def _quantile(image: Tensor, q: float) -> float:
    return float(np.quantile(image.numpy(), q))
