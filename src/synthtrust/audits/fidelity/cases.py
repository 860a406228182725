"""The cases that fidelity compares, and the features kept of each: a few hundred numbers, one image read at a time."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from synthtrust.audits.sets import SyntheticSet
from synthtrust.audits.spaces import Space, check_grids, common_size, features_in, load, size_of, standardised
from synthtrust.cases import Case
from synthtrust.cases.formats.rasters import is_raster, raster_kind
from synthtrust.cases.formats.volumes import describe_header
from synthtrust.cases.resizing import resize
from synthtrust.machine import readers
from synthtrust.progress import track

Array = NDArray[np.float64]

QUANTILES = (0.01, 0.25, 0.5, 0.75, 0.99)


@dataclass(frozen=True)
class Comparison:
    """The cases that are compared: one of each patient, and no patient both real and synthetic."""

    real: tuple[Case, ...]
    """Holdout: the reference of every number."""
    synthetic: tuple[Case, ...]
    """Twins of other patients than those in ``real``, or cases with ids of their own."""
    fitted: tuple[Case, ...]
    """Real training cases, from which coordinates and ranges are learned, and which are compared with nothing."""
    note: str
    """Which cases these are, in whole sentences for the page."""
    size: tuple[int, ...] | None = None
    """Size that images with a class are brought to where they come in several sizes; None if they stay as they are."""


@dataclass(frozen=True)
class CaseFeatures:
    """The features of one case, which are all that is kept of it in memory."""

    spaces: Mapping[str, Tensor]
    """Feature space -> ``(d,)``."""
    format: Array
    """How the file is written: type, whole numbers, size, voxel size."""
    intensity: Array
    """Level, spread, quantiles and extremes of the whole image, per modality."""
    ranges: Array
    """Distance from the 0.1st to the 99.9th percentile, per modality [standard deviations of the image]."""
    attributes: Mapping[str, float]
    """Size of attributes: volume of each region and its mean intensity [standard deviations of the image]; NaN if the
    case lacks it. For an image with a class, its darkest and brightest twentieth."""


class FeatureTask(NamedTuple):
    """A case whose features are wanted, and how its images are changed beforehand."""

    case: Case
    size: tuple[int, ...] | None = None
    blur: float = 0.0
    """Standard deviation of the Gaussian that blurs them [voxels]; 0 for none."""

    @property
    def key(self) -> "FeatureKey":
        """Return what the features are kept under."""
        return next(iter(self.case.images.values())), self.size, self.blur


FeatureKey = tuple[Path, tuple[int, ...] | None, float]
"""The first file of a case, the size, and the Gaussian."""


def choose_comparison(synthetic_set: SyntheticSet, max_patients: int, seed: int) -> Comparison:
    """Choose the patients: twins of training labels against real holdout patients.

    These share no patient, so that patients can be exchanged in a permutation test. Where the generator learned from
    (almost) none of the study's cases, the holdout is halved at random: real images of one half, twins of the other.
    Cases with ids of their own are compared with the holdout, but for those that were made from a holdout patient.
    """
    rng = np.random.default_rng(seed)
    unseen = {case.patient for case in synthetic_set.holdout}
    own_cases = [case for case in synthetic_set.own_cases if not case.parent or case.patient not in unseen]
    holdout = _one_case_each(synthetic_set.holdout, rng)
    twins = _one_case_each(own_cases or synthetic_set.twins_of_train, rng)
    fitted = _one_case_each(synthetic_set.train, rng)
    note = "Twins of training labels against real cases that the generator never saw."
    if synthetic_set.own_cases:
        kind = "without labels" if synthetic_set.task == "unlabelled" else "with labels of their own"
        note = f"Synthetic cases {kind} against real cases that the generator never saw."
    elif len(twins) < len(holdout) // 2:
        half = len(holdout) // 2
        apart = {case.patient for case in holdout[half:]}
        twins = [case for case in _one_case_each(synthetic_set.twins_of_holdout, rng) if case.patient in apart]
        holdout = holdout[:half]
        note = "Real cases of one half of the holdout against twins of the other half: the generator saw too few."
    extra = len(synthetic_set.holdout) - len({case.patient for case in synthetic_set.holdout})
    if extra:
        note += f" One case of each patient; {extra} more holdout cases left out."
    real, synthetic, training = (tuple(cases[:max_patients]) for cases in (holdout, twins, fitted))
    size = _common_size(synthetic_set, (*real, *training), synthetic)
    if size is not None:
        note += f" All images brought to {' x '.join(map(str, size))}, the smallest size among them."
    return Comparison(real, synthetic, training, note, size)


def _common_size(
    synthetic_set: SyntheticSet, real: Sequence[Case], synthetic: Sequence[Case]
) -> tuple[int, ...] | None:
    """Return the size to bring images to, None if all have one size or lie on label maps.

    Raises:
        CaseError: If a twin on a label map lies on a grid that no real case has.
    """
    synthetic_sizes, real_sizes = (
        {size_of(case.images[synthetic_set.modalities[0]]) for case in cases} for cases in (synthetic, real)
    )
    if not synthetic_set.differs_in_size:
        return common_size(synthetic_sizes | real_sizes)
    if real and synthetic_set.on_label_maps:
        known_sizes = real_sizes | {size_of(case.require_label_map()) for case in synthetic_set.holdout}
        check_grids(synthetic_set.folder, synthetic_sizes, known_sizes)
    return None


def extract_features(
    tasks: Iterable[FeatureTask],
    spaces: Mapping[str, Space],
    modalities: Sequence[str],
    labels: Mapping[str, int],
    threads: int = 0,
    known: Collection[FeatureKey] = (),
) -> dict[FeatureKey, CaseFeatures]:
    """Extract the features of every case that is not yet among the known ones; a progress bar counts them."""
    unique = {task.key: task for task in tasks if task.key not in known}
    with ThreadPoolExecutor(threads or readers()) as pool:
        features = pool.map(lambda task: extract_case_features(task, spaces, modalities, labels), unique.values())
        watched = track(features, "Fidelity: features", total=len(unique))
        return dict(zip(unique, watched))


def select(
    features: Mapping[FeatureKey, CaseFeatures], cases: Sequence[Case], size: tuple[int, ...] | None, blur: float = 0.0
) -> list[CaseFeatures]:
    """Return the features of some cases, in the order of the cases."""
    return [features[FeatureTask(case, size, blur).key] for case in cases]


def extract_case_features(
    task: FeatureTask, spaces: Mapping[str, Space], modalities: Sequence[str], labels: Mapping[str, int]
) -> CaseFeatures:
    """Read one case and extract its features.

    Raises:
        CaseError: If an image cannot be read, is constant, or holds NaN or infinity.
    """
    image, label, spacing = load(task.case, modalities)
    format_numbers = _format(task.case, modalities, image, spacing)
    if task.size is not None:
        image = resize(image, task.size)
    if task.blur:
        image = torch.from_numpy(ndimage.gaussian_filter(image.numpy(), (0, *[task.blur] * (image.ndim - 1))))
    values, normalised = list(labels.values()), standardised(image)
    label = label if labels else None  # real cases may have label maps where the synthetic ones have none
    return CaseFeatures(
        spaces={name: features_in(space, image, label, values, spacing) for name, space in spaces.items()},
        format=format_numbers,
        intensity=np.concatenate([_intensity(channel.numpy()) for channel in image]),
        ranges=np.array([np.subtract(*np.quantile(channel.numpy(), [0.999, 0.001])) for channel in normalised]),
        attributes=_attributes(normalised, label, labels, modalities, float(np.prod(spacing))),
    )


def _one_case_each(cases: Sequence[Case], rng: np.random.Generator) -> list[Case]:
    """Return one case of each patient, in random order."""
    by_patient = {cases[i].patient: cases[i] for i in rng.permutation(len(cases))}
    patients = sorted(by_patient)
    return [by_patient[patients[i]] for i in rng.permutation(len(patients))]


def _format(case: Case, modalities: Sequence[str], image: Tensor, spacing: Sequence[float]) -> Array:
    whole = [float((channel == channel.round()).float().mean()) for channel in image]
    levels = [np.log(len(np.unique(channel.numpy()))) for channel in image]
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
        bright = {f"brightest twentieth of {m} [sd]": _quantile(channel, 0.95) for m, channel in zip(modalities, image)}
        return bright | {
            f"darkest twentieth of {m} [sd]": _quantile(channel, 0.05) for m, channel in zip(modalities, image)
        }
    attributes = {}
    for name, value in labels.items():
        mask = label == value
        is_present = bool(mask.any())
        attributes[f"volume of {name} [ml]"] = float(mask.sum()) * voxel / 1000 if is_present else float("nan")
        for modality, channel in zip(modalities, image):
            attributes[f"mean of {modality} in {name} [sd]"] = (
                float(channel[mask].mean()) if is_present else float("nan")
            )
    return attributes


def _quantile(image: Tensor, q: float) -> float:
    return float(np.quantile(image.numpy(), q))
