"""The settings of the privacy audit: its thresholds, all set before looking, and how precisely it asks."""

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthtrust.metrics.functional import CopySearch, copy_search, most_suspicious
from synthtrust.refusals import Refusal

MIN_COMPUTED = 10
"""Cases or patients on each side below which no measure of privacy is computed."""
MIN_TRAIN_COMPUTED = 8
"""A search compares the nearest training case with five others, and leaves out a twin's own source."""

NEIGHBOURS = 6
"""The nearest training case and the five others that it is compared with."""

MOST_DEGREES, SMALLEST_SCALE = 45, 0.5
"""Largest rotation and size that may be asked for."""
N_TESTS = 3
"""Tests of a whole set that can each call a leak: membership, nearest-real share, twin leak."""

DECIDING = (
    "copy_threshold", "suspect_threshold", "significance", "auc_bound", "min_holdout_patients", "min_synthetic_images",
    "ample_holdout_patients", "min_control_recall",
)  # fmt: skip


@dataclass
class PrivacySettings:
    """What decides, and how precisely it is asked; what decides is printed with the verdict it led to."""

    copy_threshold: float = 9.0
    """Strength beyond which an item is a copy, see `copy_search`. It is doubled with fewer unseen cases than
    ``min_holdout_patients``, whose median and spread are rough (at 9, one of 900 honest hippocampi was called with 10
    or 15)."""
    suspect_threshold: float = 7.0
    """Strength beyond which an item is suspect, likewise: no verdict of "no leak" with one of them."""
    significance: float = 0.01
    """One-sided p, after Holm's correction, below which membership inference, nearest-real share or twin leak count as
    a leak: an honest set is accused with this probability by all three together."""
    auc_bound: float = 0.65
    """"No leak" asks for an attack whose area has its upper limit at or below this. An honest set meets it with
    probability .73, .96 and .999 at 50, 100 and 200 patients on each side."""
    min_holdout_patients: int = 20
    """Unseen patients without which the verdict is inconclusive."""
    min_synthetic_images: int = 20
    """Synthetic images without which the verdict is inconclusive: one harmless image says nothing of its generator."""
    ample_holdout_patients: int = 50
    """Unseen patients below which the verdict says that they are few."""
    min_control_recall: float = 0.9
    """Share of planted copies of each kind that the search must find; a kind that it found less often stands in the
    verdict with its counts, and forbids "no leak"."""
    angles: Sequence[float] = (3.0, 6.0, 9.0)
    """Rotations under which copies are looked for, both ways in each plane [degrees]; none: those are not found."""
    scales: Sequence[float] = (0.9, 0.95, 1.05, 1.1)
    """Sizes under which copies are looked for, likewise."""
    n_copies: int = 20
    """Training cases that copies are planted of, at most a fifth of them."""
    n_permutations: int = 999
    """Permutations of patients for each p."""
    exact: bool = False
    """Compare all pairs of images in full, not the most alike of a coarse comparison alone: the nearest image is then
    surely the nearest, also among images that are no copies, and the search takes many times as long."""
    confidence: float = 0.95
    """Coverage of the intervals; those of controls have 99 %."""
    seed: int = 0
    """The seed of permutations, halves and planted copies."""

    def __post_init__(self) -> None:
        if self.significance * (self.n_permutations + 1) <= N_TESTS:
            raise Refusal(
                f"Expected n_permutations above {N_TESTS / self.significance:.0f}, so that a p below "
                f"{self.significance:g} is possible with Holm's correction, but got {self.n_permutations}."
            )

        if not all(0 < angle <= MOST_DEGREES for angle in self.angles):
            raise Refusal(f"Expected angles above 0 and up to {MOST_DEGREES} degrees, but got {list(self.angles)}.")
        if not all(SMALLEST_SCALE <= scale <= 1 / SMALLEST_SCALE and scale != 1 for scale in self.scales):
            raise Refusal(
                f"Expected scales from {SMALLEST_SCALE:g} to {1 / SMALLEST_SCALE:g} other than 1, but got "
                f"{list(self.scales)}."
            )

    def thresholds(self) -> dict[str, Any]:
        """Return those that decide."""
        return {name: getattr(self, name) for name in DECIDING}

    def _times(self, n_unseen: int) -> int:
        """Return by how much thresholds are raised: few unseen cases have a rough median and spread."""
        return 1 if n_unseen >= self.min_holdout_patients else 2

    def copy_threshold_for(self, n_unseen: int) -> float:
        """Return the strength beyond which an item is a copy, with so many unseen cases to compare with."""
        return self._times(n_unseen) * self.copy_threshold

    def candidates(self, reference: Sized, otherwise: int) -> int:
        """Return how many images of a reference are compared in full with each image: all, if it is to be exact."""
        return len(reference) if self.exact else otherwise

    def search(self, items: Any, unseen: Any, *, ranked: bool = True) -> CopySearch:
        """Return the copy search with these thresholds.

        Args:
            items: Similarities of images ``(n, 6)``; or in several views ``(V, n, 6)``, of which the one counts in
                which an image is most suspicious.
            unseen: Those of unseen cases, likewise.
            ranked: See `copy_search`.
        """
        items, unseen = (values if np.ndim(values) == 3 else values[None] for values in (items, unseen))
        times = self._times(unseen.shape[1])
        return most_suspicious(
            [
                copy_search(
                    of_view, unseen_of_view, copy_threshold=times * self.copy_threshold,
                    suspect_threshold=times * self.suspect_threshold, ranked=ranked,
                )
                for of_view, unseen_of_view in zip(items, unseen, strict=True)
            ]
        )  # fmt: skip
