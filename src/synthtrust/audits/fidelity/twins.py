"""Twins of labels that the generator never saw, each beside its real case: described, never judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name by which everybody knows it

from synthtrust.audits.fidelity.measures import Draws, Row, row
from synthtrust.audits.sets import SyntheticSet
from synthtrust.audits.spaces import load, standardised
from synthtrust.cases import Case
from synthtrust.metrics.functional.twin_likeness import KERNEL, region_distances, twin_ssim

AIR = 0.1
"""Air is what lies below this share of the way from the 1st to the 90th percentile."""
LARGEST = 2**21
"""Voxels of an image beyond which SSIM is taken of averaged blocks: 128 along each axis."""
NOTE = "Not higher is better: a perfect copy has SSIM 1 and every distance 0."


@dataclass(frozen=True)
class Compared:
    """The numbers of one pair."""

    patient: str
    values: Mapping[tuple[str, str], float]
    """(place, measure) -> value."""


def twin_rows(painted: SyntheticSet, ranges: NDArray[np.float64], draws: Draws, most: int) -> list[Row]:
    """Compare twins of holdout labels with their real cases.

    Args:
        painted: A set of label maps; one of classes has no pairs, since any image of a class is as good as another.
        ranges: Range of each modality in real training images [standard deviations of the image]; every difference of
            intensities is a share of it, between images that are standardised each by itself.
        draws: For the intervals, over patients.
        most: Pairs to look at.
    """
    if painted.task != "segmentation":
        return []
    twin_of = {twin.id: twin for twin in painted.twins_of_holdout}
    pairs = [(case, twin_of[case.id]) for case in painted.holdout if case.id in twin_of]
    order = np.random.default_rng(draws.seed).permutation(len(pairs))[:most]
    watched = track([pairs[i] for i in order], "Fidelity: twins", console=Console(stderr=True), transient=True)
    found = [_compare(real, twin, painted, ranges) for real, twin in watched]
    return [
        _mean_row(painted.name, place, measure, found, draws)
        for place, measure in dict.fromkeys(key for one in found for key in one.values)
    ]


def _compare(real: Case, twin: Case, painted: SyntheticSet, ranges: NDArray[np.float64]) -> Compared:
    scale = torch.from_numpy(ranges).float().reshape(-1, *[1] * 3)
    raw, label, _ = load(real, painted.modalities)
    other, its_label, _ = load(twin, painted.modalities)
    if label is None or its_label is None or raw.shape != other.shape:
        return Compared(real.patient, {})
    body, x, y = _body(raw), standardised(raw) / scale, standardised(other) / scale
    values = _whole(x, y, body)
    if torch.equal(label, its_label):
        values |= _regions(x, y, body, label, painted)
    return Compared(real.patient, values)


def _whole(x: Tensor, y: Tensor, body: Tensor) -> dict[tuple[str, str], float]:
    """Return what is said of the whole image, means over modalities."""
    values: dict[tuple[str, str], float] = {}
    small, its_small = _smaller(x), _smaller(y)
    if min(small.shape[1:]) >= KERNEL:
        values["whole image", "SSIM"] = twin_ssim(small, its_small, data_range=1.0)
    differences = [(y[c] - x[c])[body[c]].double() for c in range(len(x))]
    values["body", "MAE [range]"] = float(np.mean([float(d.abs().mean()) for d in differences]))
    squares = [max(float((d**2).mean()), 1e-12) for d in differences]
    values["body", "PSNR [dB]"] = float(np.mean(-10 * np.log10(squares)))
    return values


def _regions(x: Tensor, y: Tensor, body: Tensor, label: Tensor, painted: SyntheticSet) -> dict[tuple[str, str], float]:
    """Return what is said of each region and modality."""
    values = {}
    found = region_distances(x, y, label, list(painted.labels.values()))
    for k, (name, value) in enumerate(painted.labels.items()):
        inside = label == value
        for c, modality in enumerate(painted.modalities):
            place = f"{name}, {modality}"
            contrast = _contrast(y[c], inside, body[c]) - _contrast(x[c], inside, body[c])
            values[place, "mean, twin − real [range]"] = float(found.mean_difference[c, k])
            values[place, "spread, twin − real [range]"] = float(found.sd_difference[c, k])
            values[place, "KS distance"] = float(found.ks[c, k])
            values[place, "Wasserstein-1 [range]"] = float(found.wasserstein[c, k])
            values[place, "contrast to body, twin − real [range]"] = contrast
    return values


def _mean_row(name: str, place: str, measure: str, found: Sequence[Compared], draws: Draws) -> Row:
    """Return the mean over patients with a percentile interval; cases of one patient are averaged first."""
    of: dict[str, list[float]] = {}
    for one in found:
        value = one.values.get((place, measure), float("nan"))
        if np.isfinite(value):
            of.setdefault(one.patient, []).append(value)
    means = np.array([np.mean(values) for values in of.values()])
    if len(means) < 2:
        return row(name, place, measure, float(means.mean()) if len(means) else float("nan"),
                   n_real=len(means), n_synthetic=len(means), note="Too few pairs for an interval.")  # fmt: skip
    index = np.random.default_rng(draws.seed).integers(0, len(means), (draws.n_boot, len(means)))
    low, high = np.quantile(means[index].mean(axis=1), [0.025, 0.975])
    return row(name, place, measure, float(means.mean()), ci_low=float(low), ci_high=float(high),
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
