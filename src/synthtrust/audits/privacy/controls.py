"""The controls of every privacy audit: does it find planted copies, and is it silent where nothing was copied?"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import beta

from synthtrust.audits.privacy.copies import BEYOND, KINDS, disguised
from synthtrust.audits.privacy.evidence import CANDIDATES, Evidence
from synthtrust.audits.privacy.images import Grid, Images, interior, read_images
from synthtrust.audits.privacy.limits import FEWEST, NEIGHBOURS, Limits
from synthtrust.audits.privacy.material import Material
from synthtrust.cases import Case
from synthtrust.metrics.functional import Auc, Bank, nearest, separation_test

SURELY = 0.8
"""Probability with which the smallest leak that counts as detectable shows at least one copy."""
LEVEL = 0.95
"""Confidence with which the search finds as large a share of copies as the smallest leak is reckoned with."""


@dataclass(frozen=True)
class Control:
    """One control: what it planted, what came out, and whether the audit may be believed."""

    kind: str
    rate: float
    """Share of planted copies that were found; of honest cases that were called copies; or an area under the curve."""
    n: int
    passed: bool
    note: str = ""
    smallest: float = float("nan")
    """Smallest share of copies in the synthetic set of which one is found with a probability of .8."""
    planted: bool = True
    """Whether copies were planted; else nothing was, and nothing may be found."""
    decides: bool = True
    """Whether the verdict asks for it; what the search is not made for is planted to be reported."""


def plant(
    cases: Sequence[Case], modalities: Sequence[str], grid: Grid, seed: int, *, beyond: bool = False
) -> dict[str, Bank]:
    """Return copies of cases in each disguise, as banks in the order of the cases.

    Args:
        cases: To copy.
        modalities: Of their images.
        grid: Of the search.
        seed: Of the disguises.
        beyond: Disguise them also as the search is not made to see.
    """
    every = [*KINDS, *BEYOND] if beyond else list(KINDS)
    banks: dict[str, list[Bank]] = {kind: [] for kind in every}
    for place, case in enumerate(cases):
        image = read_images(case, modalities)
        for number, kind in enumerate(every):
            copy = disguised(image, kind, np.random.default_rng([seed, place, number]))
            banks[kind].append(interior(copy, grid, case))
    return {kind: Bank.join(parts) for kind, parts in banks.items()}


def positive(
    material: Material, found: Evidence, modalities: Sequence[str], grid: Grid, limits: Limits
) -> list[Control]:
    """Plant copies of a few training cases among the synthetic ones, and count those that are found.

    Where twins are tied to their sources, each copy must be found both as that of any case and as that of its source.
    """
    m = min(limits.n_copies, len(material.train) // 5)
    if found.null is None or found.copies is None or not m:
        return []
    rng = np.random.default_rng([limits.seed, 2])
    places = np.sort(rng.permutation(len(material.train))[:m])
    planted = plant([material.train.cases[i] for i in places], modalities, grid, limits.seed, beyond=True)
    controls, among = [], limits.candidates(material.train, NEIGHBOURS)
    group = torch.arange(len(material.train)) if found.kin is None else found.kin
    for kind, copies in planted.items():
        similarity, index = nearest(copies, material.train.bank, NEIGHBOURS, groups=found.kin, candidates=among)
        right = (group[index[:, 0]] == group[places]).numpy()
        hit = limits.search(similarity, found.null).copy & right
        if found.own_copies is not None:
            hit &= limits.search(similarity, found.own_null, ranked=False).copy
        rate = float(hit.mean())
        smallest = smallest_leak(int(hit.sum()), m) / found.n_synthetic
        passed, note = rate >= limits.recall, "share of planted copies found"
        controls.append(Control(kind, rate, m, passed, note, smallest, decides=kind in KINDS))
    return controls


def negative(material: Material, found: Evidence, limits: Limits) -> list[Control]:
    """Take one half of the unseen cases as synthetic and the other as unseen: nothing may be found."""
    patients = sorted(set(material.holdout.patients))
    order = np.random.default_rng([limits.seed, 3]).permutation(len(patients))
    first = {patients[i] for i in order[: len(patients) // 2]}
    inside = np.array([patient in first for patient in material.holdout.patients])
    if found.null is None or found.copies is None or min(len(first), len(patients) - len(first)) < FEWEST:
        return []
    flagged = limits.search(found.null[inside], found.null[~inside])
    rate = float(flagged.copy.mean())
    area = _honest_attack(material, inside, limits)
    return [
        Control(
            "no copies among unseen cases", rate, len(flagged.copy), rate == 0, "share called copies", planted=False
        ),
        Control(
            "no membership among unseen cases",
            area.value,
            area.n_positive + area.n_negative,
            area.low <= 0.5 <= area.high,
            f"area under the curve, 99 % interval from {area.low:.3f} to {area.high:.3f}",
            planted=False,
        ),
    ]


def _honest_attack(material: Material, inside: NDArray[np.bool_], limits: Limits) -> Auc:
    """Attack the training set with half of the unseen cases as if they were synthetic."""
    half = material.holdout.take(np.flatnonzero(inside))
    others = material.holdout.take(np.flatnonzero(~inside))
    among = limits.candidates(half, CANDIDATES)
    members, unseen = (_nearest_in(half, side, among) for side in (material.train, others))
    return separation_test(
        members, unseen, material.train.patients, others.patients,
        n_permutations=limits.n_permutations, seed=limits.seed, level=0.99,
    )  # fmt: skip


def _nearest_in(half: Images, side: Images, candidates: int) -> torch.Tensor:
    return nearest(side.bank, half.bank, 1, candidates=candidates)[0][:, 0]


def smallest_leak(found: int, planted: int) -> float:
    r"""Return how many copies must be in a set so that at least one of them is found with a probability of .8.

    Of ``planted`` copies ``found`` were found, so that each is found with a probability of at least q, the one-sided
    exact 95 % limit: :math:`k = \lceil \log(1 - .8) / \log(1 - q) \rceil`. NaN if none was found.

    >>> smallest_leak(20, 20), smallest_leak(18, 20), smallest_leak(10, 20), smallest_leak(4, 4), smallest_leak(0, 20)
    (1, 2, 5, 3, nan)
    """
    if not found:
        return float("nan")
    least = float(beta.ppf(1 - LEVEL, found, planted - found + 1))
    return ceil(log(1 - SURELY) / log(1 - least))
