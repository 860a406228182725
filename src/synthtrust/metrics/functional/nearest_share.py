"""P3, the nearest-real share: how many synthetic images are nearer to a training image than to any unseen one."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthtrust.metrics.functional.membership import require_patients
from synthtrust.metrics.functional.patients import patient_numbers
from synthtrust.refusals import Refusal


@dataclass(frozen=True)
class NearestShare:
    """The share of synthetic images whose nearest real image is a training image."""

    value: float
    low: float
    """Lower limit over other real patients, by bootstrap within training and holdout."""
    high: float
    """Upper limit over other real patients."""
    expected: float
    """Expected value under the null hypothesis, the share of training patients among the real ones."""
    p: float
    """One-sided p, by permutation of which real patients are training patients."""
    n_synthetic: int
    n_train: int
    """Number of training patients."""
    n_holdout: int
    """Number of unseen patients."""
    level: float = 0.95


def nearest_real_share(
    nearest: ArrayLike,
    is_train: ArrayLike,
    patients: Sequence[Hashable] | None = None,
    *,
    n_permutations: int = 999,
    n_boot: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> NearestShare:
    """Test whether synthetic images are nearer to training images than to unseen ones.

    The p is exact if patients are exchangeable: how often each real image is the nearest is kept, and only the roles of
    training and unseen are permuted. A binomial test is not exact: a few "hub" images are nearest to many synthetic
    ones, and it rejected an honest but blurred generator in 20 to 30 % of runs. Use as many training as unseen
    patients, so that .5 is expected.

    Args:
        nearest: Index of the nearest real image of each synthetic image, ``(n,)``.
        is_train: Whether each real image was trained on, ``(R,)``.
        patients: The patient of each real image, for patients with several. They should have equally many on both
            sides, since a side with more images of each patient is nearest more often. The audit draws one of each.
        n_permutations: Number of permutations.
        n_boot: Number of resamples of the patients for the interval.
        seed: Seed of both.
        level: Coverage of the interval.

    Raises:
        Refusal: If a side has fewer than 10 patients, there is no synthetic image, an index is out of range, or a
            patient is on both sides.

    >>> train = np.repeat([True, False], 10)
    >>> share = nearest_real_share([0, 1, 2, 3, 4, 5, 6, 7, 18, 19], train)
    >>> share.value, share.expected, share.p < 0.02
    (0.8, 0.5, True)
    """
    index, train = np.asarray(nearest), np.asarray(is_train, dtype=bool)
    if train.ndim != 1 or index.ndim != 1 or not len(index) or index.min() < 0 or index.max() >= len(train):
        raise Refusal(
            f"Expected at least one index from 0 to {train.size - 1} into a list of real images, but got shapes "
            f"{index.shape} and {train.shape}."
        )
    hits, in_train = _by_patient(np.bincount(index, minlength=len(train)), train, patients)
    n_train, n_holdout = int(in_train.sum()), int((~in_train).sum())
    require_patients("the nearest-real share", n_train, n_holdout)
    rng = np.random.default_rng(seed)
    share = float(hits[in_train].sum() / len(index))
    shuffled = rng.permuted(np.broadcast_to(hits, (n_permutations, len(hits))), axis=1)[:, :n_train]
    p = (1 + int((shuffled.sum(axis=1) >= hits[in_train].sum()).sum())) / (n_permutations + 1)
    of_train, of_holdout = (
        rng.choice(side, (n_boot, len(side))).sum(axis=1) for side in (hits[in_train], hits[~in_train])
    )
    total = of_train + of_holdout
    draws = of_train[total > 0] / total[total > 0]
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    expected = n_train / (n_train + n_holdout)
    return NearestShare(share, float(low), float(high), expected, p, len(index), n_train, n_holdout, level)


def _by_patient(
    hits: NDArray[np.int64], train: NDArray[np.bool_], patients: Sequence[Hashable] | None
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return how often each patient is the nearest one, and whether the patient was trained on."""
    patient = patient_numbers(patients, len(train))
    share = np.bincount(patient, train) / np.bincount(patient)
    if ((share > 0) & (share < 1)).any():
        on_both_sides = [str(name) for name, part in zip(dict.fromkeys(patients or ()), share) if 0 < part < 1]
        raise Refusal(f"Expected every patient on one side only, but got {on_both_sides[:8]} in training and holdout.")
    return np.bincount(patient, hits).astype(np.int64), share > 0
