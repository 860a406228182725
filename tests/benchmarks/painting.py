"""Station: painting twins by a stochastic solver of second order, against all timesteps of DDPM, same weights."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Comparison
from synthtrust.cases import Case
from synthtrust.cases.phantom.volumes import phantom
from synthtrust.generators import BrainDiffusion

SHAPE, N_TRAINING, TRAINING_STEPS = (40, 48, 40), 16, 2000
MODALITIES = ("flair", "t1ce")
STEPS = 20
MOST = 1.5
"""How much farther from the peer than two seeds of the peer are from each other, and still the same result."""

Twins = list[dict[str, NDArray[np.floating]]]


def trained(cases: Sequence[Case], steps: int) -> BrainDiffusion:
    """Return the painter after a short training."""
    painter = BrainDiffusion(width=48, patch_size=(24, 24, 24), flip=False, max_steps=steps, sample_every=0)
    return painter.fit(cases)


def regions(cases: Sequence[Case], twins: Twins) -> NDArray[np.float64]:
    """Return mean and spread of each label and modality, averaged over cases, shape ``(2, labels, modalities)``.

    In standard deviations of the brain, above its mean.
    """
    measured = []
    for case, images in zip(cases, twins, strict=True):
        label = case.load_label()
        for image in images.values():
            brain = image[image != 0]
            unit = (image - brain.mean()) / brain.std()
            inside = [unit[(label == value) & (image != 0)] for value in np.unique(label)]
            measured.append([(voxels.mean(), voxels.std()) for voxels in inside])
    values = np.array(measured).reshape(len(cases), len(twins[0]), -1, 2)
    return values.mean(0).transpose(2, 1, 0)


def apart(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[float, float]:
    """Return the largest difference of a mean, and of a spread as a share of it."""
    return float(np.abs(first[0] - second[0]).max()), float(np.abs(first[1] / second[1] - 1).max())


def comparisons(folder: Path, is_quick: bool) -> Iterator[Comparison]:
    """Return one painting of a batch of label maps by each sampler."""
    n_painted = 2 if is_quick else 6
    cases = phantom(folder, N_TRAINING + n_painted, SHAPE, modalities=MODALITIES).cases
    painter = trained(cases[:N_TRAINING], 300 if is_quick else TRAINING_STEPS)
    painted = cases[N_TRAINING:]
    labels = [case.load_label() for case in painted]

    def paint(sampler: str, steps: int | None, seed: int) -> Twins:
        painter.sampler, painter.sampling_steps = sampler, steps  # type: ignore[assignment]
        return painter.sample_many(labels, [np.random.default_rng((seed, n)) for n in range(len(labels))])

    seeds = apart(*(regions(painted, paint("ddpm", None, seed)) for seed in (1, 2)))

    def agree(product: Twins, peer: Twins) -> str:
        mean, spread = apart(regions(painted, product), regions(painted, peer))
        if not is_quick and (mean > MOST * seeds[0] or spread > MOST * seeds[1]):
            raise AssertionError(f"Expected regions apart by {seeds} as two seeds are, but got {mean} and {spread}.")
        return (
            f"a region's mean apart by at most {mean:.2f} SD and its spread by {spread:.0%}; two seeds of the peer by "
            f"{seeds[0]:.2f} SD and {seeds[1]:.0%}"
        )

    yield Comparison(
        "Painting twins",
        f"{n_painted} twins of {len(MODALITIES)} x {' x '.join(map(str, SHAPE))}, {STEPS} steps of second order",
        lambda: paint("sde_dpm_solver", STEPS, 0),
        "10 x, with the statistics of each region",
        lambda: paint("ddpm", None, 0),
        f"all {painter.timesteps} timesteps of DDPM",
        agree,
        rounds=1 if is_quick else 2,
    )
