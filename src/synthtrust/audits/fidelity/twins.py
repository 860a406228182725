"""Twins of labels that the generator never saw, each beside its real case: described, never judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name by which everybody knows it

from synthtrust.audits.fidelity.measures import Resampling, Row, row
from synthtrust.audits.sets import SyntheticSet
from synthtrust.audits.spaces import load, standardised
from synthtrust.cases import Case
from synthtrust.metrics.functional.twin_likeness import KERNEL, region_distances, twin_ssim
from synthtrust.progress import track

AIR = 0.1
"""Air is what lies below this share of the way from the 1st to the 90th percentile."""
LARGEST = 2**21
"""Voxels of an image beyond which SSIM is taken of averaged blocks: 128 along each axis."""
NOTE = "Not higher is better: a perfect copy has SSIM 1 and every distance 0."


@dataclass(frozen=True)
class ComparedPair:
    """The measures of one twin beside its real case."""

    patient: str
    values: Mapping[tuple[str, str], float]
    """(region, or region and modality; measure) -> value."""


def twin_rows(
    synthetic_set: SyntheticSet, ranges: NDArray[np.float64], resampling: Resampling, max_pairs: int
) -> list[Row]:
    """Compare twins of holdout labels with their real cases.

    Args:
        synthetic_set: A set on label maps. One of classes has no pairs, since any image of a class is as good as
            another.
        ranges: Range of each modality in real training images [standard deviations of the image]; every difference of
            intensities is a share of it, between images that are standardised each by itself.
        resampling: For the intervals, over patients.
        max_pairs: Number of pairs to look at, at most.
    """
    if synthetic_set.task != "segmentation":
        return []
    twin_of = {twin.id: twin for twin in synthetic_set.twins_of_holdout}
    pairs = [(case, twin_of[case.id]) for case in synthetic_set.holdout if case.id in twin_of]
    order = np.random.default_rng(resampling.seed).permutation(len(pairs))[:max_pairs]
    watched = track([pairs[i] for i in order], "Fidelity: twins")
    compared = [_compare(real, twin, synthetic_set, ranges) for real, twin in watched]
    return [
        _mean_row(synthetic_set.name, region, measure, compared, resampling)
        for region, measure in dict.fromkeys(key for pair in compared for key in pair.values)
    ]


def _compare(real: Case, twin: Case, synthetic_set: SyntheticSet, ranges: NDArray[np.float64]) -> ComparedPair:
    scale = torch.from_numpy(ranges).float().reshape(-1, *[1] * 3)
    real_image, real_label, _ = load(real, synthetic_set.modalities)
    twin_image, twin_label, _ = load(twin, synthetic_set.modalities)
    if real_label is None or twin_label is None or real_image.shape != twin_image.shape:
        return ComparedPair(real.patient, {})
    body, x, y = _body(real_image), standardised(real_image) / scale, standardised(twin_image) / scale
    values = _whole(x, y, body)
    if torch.equal(real_label, twin_label):
        values |= _regions(x, y, body, real_label, synthetic_set)
    return ComparedPair(real.patient, values)


def _whole(x: Tensor, y: Tensor, body: Tensor) -> dict[tuple[str, str], float]:
    """Return the measures of the whole image, means over modalities."""
    values: dict[tuple[str, str], float] = {}
    small_real, small_twin = _smaller(x), _smaller(y)
    if min(small_real.shape[1:]) >= KERNEL:
        values["whole image", "SSIM"] = twin_ssim(small_real, small_twin, data_range=1.0)
    differences = [(y[c] - x[c])[body[c]].double() for c in range(len(x))]
    values["body", "MAE [range]"] = float(np.mean([float(d.abs().mean()) for d in differences]))
    squares = [max(float((d**2).mean()), 1e-12) for d in differences]
    values["body", "PSNR [dB]"] = float(np.mean(-10 * np.log10(squares)))
    return values


def _regions(
    x: Tensor, y: Tensor, body: Tensor, label: Tensor, synthetic_set: SyntheticSet
) -> dict[tuple[str, str], float]:
    """Return the measures of each region and modality."""
    values = {}
    distances = region_distances(x, y, label, list(synthetic_set.labels.values()))
    for k, (name, value) in enumerate(synthetic_set.labels.items()):
        inside = label == value
        for c, modality in enumerate(synthetic_set.modalities):
            region = f"{name}, {modality}"
            contrast = _contrast(y[c], inside, body[c]) - _contrast(x[c], inside, body[c])
            values[region, "mean, twin − real [range]"] = float(distances.mean_difference[c, k])
            values[region, "spread, twin − real [range]"] = float(distances.sd_difference[c, k])
            values[region, "KS distance"] = float(distances.ks[c, k])
            values[region, "Wasserstein-1 [range]"] = float(distances.wasserstein[c, k])
            values[region, "contrast to body, twin − real [range]"] = contrast
    return values


def _mean_row(name: str, region: str, measure: str, pairs: Sequence[ComparedPair], resampling: Resampling) -> Row:
    """Return the mean over patients with a percentile interval; cases of one patient are averaged first."""
    by_patient: dict[str, list[float]] = {}
    for pair in pairs:
        value = pair.values.get((region, measure), float("nan"))
        if np.isfinite(value):
            by_patient.setdefault(pair.patient, []).append(value)
    means = np.array([np.mean(values) for values in by_patient.values()])
    if len(means) < 2:
        return row(name, region, measure, float(means.mean()) if len(means) else float("nan"),
                   n_real=len(means), n_synthetic=len(means), note="Too few pairs for an interval.")  # fmt: skip
    index = np.random.default_rng(resampling.seed).integers(0, len(means), (resampling.n_boot, len(means)))
    low, high = np.quantile(means[index].mean(axis=1), [0.025, 0.975])
    return row(name, region, measure, float(means.mean()), ci_low=float(low), ci_high=float(high),
               n_real=len(means), n_synthetic=len(means), note=NOTE if measure == "SSIM" else "")  # fmt: skip


def _smaller(image: Tensor) -> Tensor:
    factor = 1
    while image[0].numel() / factor ** (image.ndim - 1) > LARGEST:
        factor += 1
    return F.avg_pool3d(image[None], factor)[0] if factor > 1 else image


def _body(image: Tensor) -> Tensor:
    """Return where each modality is not air, ``(C, *spatial)``."""
    flat = image.flatten(1).numpy()
    low, high = np.quantile(flat, [0.01, 0.9], axis=1)
    limit = torch.from_numpy(low + AIR * (high - low)).reshape(-1, *[1] * (image.ndim - 1))
    inside = image > limit
    return inside if inside.flatten(1).any(dim=1).all() else torch.ones_like(inside)


def _contrast(image: Tensor, inside: Tensor, body: Tensor) -> float:
    return float(image[inside].mean() - image[body].mean()) if bool(inside.any()) else float("nan")
