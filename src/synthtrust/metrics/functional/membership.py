"""P2, membership inference: whether training images are nearer to the synthetic set than unseen images are."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from synthtrust.metrics.functional.roc import Auc, separation_test, tpr_at_fpr
from synthtrust.refusals import Refusal

FEWEST = 10
"""Fewest patients on each side for the attack; with fewer, its 95 % interval would be at least .4 long."""


@dataclass(frozen=True)
class Membership:
    """How well training patients can be distinguished from unseen ones."""

    auc: Auc
    """Area under the ROC curve, with interval and one-sided p; .5 for an honest generator."""
    tpr: dict[float, float]
    """False-positive rate -> share of members found at it; NaN if the rate rests on fewer than two unseen images."""
    null: Auc
    """The control, the same between two random halves of the members; an interval without .5 invalidates the attack."""


def membership_auc(
    members: ArrayLike,
    others: ArrayLike,
    member_patients: Sequence[Hashable] | None = None,
    other_patients: Sequence[Hashable] | None = None,
    *,
    fprs: Sequence[float] = (0.01, 0.05),
    n_permutations: int = 999,
    seed: int = 0,
    level: float = 0.95,
) -> Membership:
    """Attack the training set by the similarity of each real image to the nearest synthetic one.

    A replay of every training patient gives an area of 1, and a replay of as many images drawn with replacement .82. A
    leak of 10 % gives .55, which 100 patients on each side reveal in only half of the tries: P1 is the test for few
    leaks. The attacker sees images, not the generator, so the result is a lower bound. For the calibrated attack,
    subtract from each score the similarity to the nearest other real image.

    Source: the black-box attack of Chen et al., "GAN-Leaks" (2020), with a similarity in place of a distance.

    Args:
        members: Scores ``(m,)`` of the training images; higher is nearer.
        others: Scores ``(h,)`` of real images that the generator never saw, searched among equally many candidates.
        member_patients: The patient of each member, for patients with several images.
        other_patients: The patient of each other image.
        fprs: False-positive rates at which the true-positive rate is reported.
        n_permutations: Number of permutations of the patients for p.
        seed: Seed of the permutations and of the halves of the control.
        level: Coverage of the attack's interval; the control's is 99 %, since several controls are run.

    Raises:
        Refusal: If a side has fewer than 10 patients, a score is NaN, or a patient is on both sides.

    >>> attack = membership_auc(np.arange(20) + 10.0, np.arange(20))
    >>> attack.auc.value, attack.auc.p, attack.null.low < 0.5 < attack.null.high
    (0.875, 0.001, True)
    """
    x, y = np.asarray(members, dtype=np.float64), np.asarray(others, dtype=np.float64)
    of_x = list(member_patients) if member_patients is not None else [("member", i) for i in range(len(x))]
    of_y = list(other_patients) if other_patients is not None else [("other", i) for i in range(len(y))]
    patients = list(dict.fromkeys(of_x))
    require_patients("membership inference", len(patients), len(set(of_y)))
    auc = separation_test(x, y, of_x, of_y, n_permutations=n_permutations, seed=seed, level=level)
    drawn = np.random.default_rng([seed, 1]).permutation(len(patients))[: len(patients) // 2]
    half = {patients[i] for i in drawn}
    first = np.array([patient in half for patient in of_x])
    sides = [[p for p, inside in zip(of_x, first) if inside == side] for side in (True, False)]
    null = separation_test(x[first], x[~first], *sides, n_permutations=n_permutations, seed=seed, level=0.99)
    return Membership(auc, {fpr: tpr_at_fpr(x, y, fpr) for fpr in fprs}, null)


def require_patients(measure: str, n_train: int, n_holdout: int, fewest: int = FEWEST) -> None:
    """Refuse a measure if one of its two sides has too few patients."""
    if min(n_train, n_holdout) < fewest:
        raise Refusal(
            f"Expected at least {fewest} patients on each side for {measure}, but got {n_train} and {n_holdout}."
        )
