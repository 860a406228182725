"""P1, the copy search: synthetic images that resemble one training image as no unseen patient does."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthtrust.refusals import Refusal

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

NEIGHBOURS = 6
"""The nearest image and the five that it is compared with."""
FEWEST_HOLDOUT = 10
"""Below so many unseen patients their median and spread say nothing; 20 were enough on phantoms, 50 are wanted."""
CLOSEST = 1 - 1e-6
"""Similarities are cut here, so that an exact copy has a finite score; beyond it float32 cannot tell either."""


@dataclass(frozen=True)
class CopySearch:
    """What the copy search found, item by item ``(n,)``."""

    z: Array
    """How much more similar to its nearest image than unseen patients are [robust standard deviations]."""
    r: Array
    """How much its nearest image stands out from the next five, likewise; strongly negative for a copy."""
    strength: Array
    """The geometric mean of z and -r, 0 where one of them speaks against a copy."""
    copy: Mask
    """Beyond the copy threshold."""
    suspect: Mask
    """Not a copy, but beyond the suspect threshold."""
    n_holdout: int
    """Unseen patients that the scores are relative to."""
    view: NDArray[np.int64]
    """Which of several searches each item is most suspicious in, see `most_suspicious`; 0 for a single one."""


def copy_search(
    synthetic: ArrayLike,
    holdout: ArrayLike,
    *,
    copy_threshold: float = 9,
    suspect_threshold: float = 7,
    ranked: bool = True,
) -> CopySearch:
    r"""Flag the copies among synthetic images, by their similarity to the training images and that of unseen patients.

    With :math:`s_i` the similarity to the nearest training image and :math:`d = \sqrt{2(1-s)}`,

    .. math:: z_i = \frac{\mathrm{atanh}\, s_i - med_h}{1.4826\, MAD_h}, \quad
              \rho_i = \log \frac{d_{(1)}}{mean(d_{(2..6)})}

    and :math:`r_i` is :math:`\rho_i` on the robust scale of the holdout's. An item is a copy beyond a threshold
    :math:`t = 9`, suspect beyond 7, where beyond means :math:`\sqrt{-z r} > t`, :math:`-r > t` and :math:`z > t/2`.
    Asking for both keeps a generator of low diversity, whose images are near to many training images at once, from
    being called a copier. Small images say less in z than in r: with :math:`z > t` too, as on the phantoms that the
    rule was first tried on (t = 8), only 19 % of copies of 28 x 28 radiographs with several transformations at once
    were found.

    Near-duplicates among the training images, or several images of one patient, hide their copies (:math:`\rho` is 0
    for them): let them count as one, by the ``groups`` of `nearest`.
    Run it with training and holdout changed for one another too: it must find nothing.

    Source: own calibration, see docs/studies/privacy_controls.md.

    Args:
        synthetic: Similarities of n synthetic images to their nearest 6 training images ``(n, 6)``, best first, from
            `nearest`.
        holdout: The same of unseen real patients ``(h, 6)``, to the same training images.
        copy_threshold: In robust standard deviations, as the strength.
        suspect_threshold: Likewise.
        ranked: The first of the 6 is the most similar one. False asks about a given image, such as the source of a
            twin's mask, in the first column: may it be a copy of that one, beside the five nearest others?

    Raises:
        Refusal: If there are fewer than 6 neighbours or 10 unseen patients, values are no similarities, or the
            holdout does not vary.

    >>> rng = np.random.default_rng(0)
    >>> unseen = np.sort(rng.normal(0.5, 0.05, (40, 6)))[:, ::-1]
    >>> one_leak = unseen.copy()
    >>> one_leak[7, 0] = 0.99
    >>> copy_search(one_leak, unseen).copy.nonzero()[0].tolist()
    [7]
    """
    items, unseen = (
        _similarities(name, values, ranked=ranked) for name, values in (("synthetic", synthetic), ("holdout", holdout))
    )
    if len(unseen) < FEWEST_HOLDOUT:
        raise Refusal(f"Expected at least {FEWEST_HOLDOUT} unseen patients for the copy search, got {len(unseen)}.")
    z = similarity_z(items[:, 0], unseen[:, 0])
    r = _robust(_stands_out(items), _stands_out(unseen))
    strength = np.sqrt(z.clip(0) * (-r).clip(0))
    copy, suspect = ((strength > t) & (-r > t) & (z > t / 2) for t in (copy_threshold, suspect_threshold))
    return CopySearch(z, r, strength, copy, suspect & ~copy, len(unseen), np.zeros(len(z), dtype=np.int64))


def most_suspicious(searches: Sequence[CopySearch]) -> CopySearch:
    """Join searches for the same items: each counts by the one in which it is a copy, suspect, or else strongest.

    Each search has its own threshold, so that false alarms add up over them at most.

    >>> unseen = np.sort(np.random.default_rng(0).normal(0.5, 0.05, (40, 6)))[:, ::-1]
    >>> leak = unseen.copy()
    >>> leak[7, 0] = 0.99
    >>> joined = most_suspicious([copy_search(unseen, unseen), copy_search(leak, unseen)])
    >>> joined.copy.nonzero()[0].tolist(), int(joined.view[7])
    ([7], 1)
    """
    rank = np.stack([(2.0 * search.copy + search.suspect) * 1e9 + search.strength for search in searches])
    view = rank.argmax(axis=0)
    z, r, strength, copy, suspect = (
        np.stack([getattr(search, name) for search in searches])[view, np.arange(len(view))]
        for name in ("z", "r", "strength", "copy", "suspect")
    )
    return CopySearch(z, r, strength, copy, suspect, searches[0].n_holdout, view)


def similarity_z(similarity: ArrayLike, unseen: ArrayLike) -> Array:
    """Return how much more alike images are than unseen patients [robust standard deviations of atanh].

    Args:
        similarity: The similarity of any pairs, of any shape, from -1 to 1.
        unseen: The similarities of unseen patients to their nearest training image ``(h,)``.

    Raises:
        Refusal: If unseen patients do not differ.

    >>> similarity_z([0.5, 0.99], [0.45, 0.5, 0.55]).round(1).tolist()
    [0.0, 21.9]
    """
    values, reference = (np.arctanh(np.asarray(s, float).clip(-CLOSEST, CLOSEST)) for s in (similarity, unseen))
    return _robust(values, reference)


def _similarities(name: str, values: ArrayLike, *, ranked: bool) -> Array:
    s = np.asarray(values, dtype=np.float64)
    ordered = s if ranked else s[..., 1:]
    if s.ndim != 2 or s.shape[1] < NEIGHBOURS or not (np.abs(s) <= 1).all() or (np.diff(ordered, axis=1) > 1e-6).any():
        raise Refusal(
            f"Expected {name} similarities (n, {NEIGHBOURS}) from -1 to 1, best first, but got an array {s.shape}. "
            f"At least {NEIGHBOURS} training images are needed; use nearest(..., k={NEIGHBOURS})."
        )
    return s[:, :NEIGHBOURS].clip(-CLOSEST, CLOSEST)


def _stands_out(similarity: Array) -> Array:
    distance = np.sqrt(2 * (1 - similarity))
    result: Array = np.log(distance[:, 0] / distance[:, 1:].mean(axis=1))
    return result


def _robust(values: Array, reference: Array) -> Array:
    median = np.median(reference)
    spread = 1.4826 * np.median(np.abs(reference - median))  # a normal distribution's standard deviation
    if spread == 0:
        raise Refusal(f"Expected unseen patients that differ in similarity, but got {len(reference)} equal ones.")
    result: Array = (values - median) / spread
    return result
