"""The controls of every privacy audit: it has to find planted copies, and nothing where nothing was copied."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import beta

from synthtrust.audits.privacy.audit_data import AuditData
from synthtrust.audits.privacy.embedded import EmbeddedCases, Grid, embed, read_images
from synthtrust.audits.privacy.p1_copies import Copies
from synthtrust.audits.privacy.p5_label_maps import LabelMapCopies
from synthtrust.audits.privacy.question import CANDIDATES
from synthtrust.audits.privacy.settings import MIN_COMPUTED, NEIGHBOURS, PrivacySettings
from synthtrust.audits.privacy.transforms import kinds, transform_copy
from synthtrust.audits.privacy.views import in_its_view, nearest_in
from synthtrust.cases import Case
from synthtrust.metrics.functional import Auc, most_similar, separation_test

POWER = 0.8
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

    @property
    def n_found(self) -> int:
        """Copies that were found, of a control that planted some."""
        return round(self.rate * self.n)


def plant(
    cases: Sequence[Case], others: Sequence[Case], modalities: Sequence[str], grid: Grid, seed: int
) -> dict[str, EmbeddedCases]:
    """Return copies of cases, transformed in each way, in the order of the cases.

    Args:
        cases: The cases to copy.
        others: For each an honest one, which makes up what is not copied where only a part is.
        modalities: The modalities to read.
        grid: The grid of the search.
        seed: The seed of the transforms.
    """
    copies: dict[str, list[EmbeddedCases]] = {kind: [] for kind in kinds(len(modalities))}
    for number_of_case, (case, other_case) in enumerate(zip(cases, others, strict=True)):
        image, other = (read_images(c, modalities) for c in (case, other_case))
        for number, kind in enumerate(copies):
            copy = transform_copy(image, kind, np.random.default_rng([seed, number_of_case, number]), other)
            copies[kind].append(embed(copy, grid, case))
    return {kind: first.join(*others) for kind, (first, *others) in copies.items()}


def positive(
    data: AuditData, copies: Copies | None, modalities: Sequence[str], grid: Grid, settings: PrivacySettings
) -> list[Control]:
    """Plant copies of a few training cases among the synthetic ones, and count those that are found.

    Where twins are tied to their sources, each copy must be found both as that of any case and as that of its source.
    """
    m = min(settings.n_copies, len(data.train) // 5)
    if copies is None or copies.search is None or not m:
        return []
    rng = np.random.default_rng([settings.seed, 2])
    sources = np.sort(rng.permutation(len(data.train))[:m])
    others = [data.synthetic.cases[i] for i in rng.integers(len(data.synthetic), size=m)]
    planted = plant([data.train.cases[i] for i in sources], others, modalities, grid, settings.seed)
    group = torch.arange(len(data.train)) if copies.groups is None else copies.groups
    first, *further = planted.values()
    neighbours = nearest_in(
        copies.views, first.join(*further), data.train, groups=copies.groups,
        candidates=settings.candidates(data.train, NEIGHBOURS),
    )  # fmt: skip
    controls = []
    for kind, similarity, index in zip(planted, *(np.split(values, len(planted), axis=1) for values in neighbours)):
        search = settings.search(similarity, copies.null)
        nearest = in_its_view(index[..., 0], search.view)
        hit = search.copy & (group[nearest] == group[sources]).numpy()
        if copies.source is not None and copies.source.search is not None:
            hit &= settings.search(similarity, copies.source.null, ranked=False).copy
        rate = float(hit.mean())
        smallest = min_detectable_copies(int(hit.sum()), m) / len(data.synthetic)
        n_compared = int((group[torch.from_numpy(index)] == group[sources][:, None]).any(dim=2).any(dim=0).sum())
        passed = rate >= settings.min_control_recall
        note = f"share of planted copies found; {n_compared} of {m} were compared with their source on the full grid"
        controls.append(Control(kind, rate, m, passed, note, smallest))
    return controls


def label_map_controls(answer: LabelMapCopies | None, n_synthetic: int, settings: PrivacySettings) -> list[Control]:
    """Return how many planted copies of label maps were found, kind by kind."""
    if answer is None:
        return []
    return [
        Control(
            kind, n_found / n, n, n_found / n >= settings.min_control_recall, "share of planted copies found",
            min_detectable_copies(n_found, n) / n_synthetic,
        )
        for kind, (n_found, n) in answer.found.items()
    ]  # fmt: skip


def negative(data: AuditData, copies: Copies | None, settings: PrivacySettings) -> list[Control]:
    """Take one half of the unseen cases as synthetic and the other as unseen: nothing may be found."""
    patients = sorted(set(data.holdout.patients))
    order = np.random.default_rng([settings.seed, 3]).permutation(len(patients))
    first = {patients[i] for i in order[: len(patients) // 2]}
    inside = np.array([patient in first for patient in data.holdout.patients])
    if copies is None or copies.search is None or min(len(first), len(patients) - len(first)) < MIN_COMPUTED:
        return []
    flagged = settings.search(copies.null[:, inside], copies.null[:, ~inside])
    rate = float(flagged.copy.mean())
    area = _honest_attack(data, inside, settings)
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


def _honest_attack(data: AuditData, inside: NDArray[np.bool_], settings: PrivacySettings) -> Auc:
    """Attack the training set with half of the unseen cases as if they were synthetic."""
    half = data.holdout.take(np.flatnonzero(inside))
    others = data.holdout.take(np.flatnonzero(~inside))
    n_candidates = settings.candidates(half, CANDIDATES)
    members, unseen = (_nearest_in(half, side, n_candidates) for side in (data.train, others))
    return separation_test(
        members, unseen, data.train.patients, others.patients,
        n_permutations=settings.n_permutations, seed=settings.seed, level=0.99,
    )  # fmt: skip


def _nearest_in(half: EmbeddedCases, side: EmbeddedCases, candidates: int) -> torch.Tensor:
    return most_similar(side.bank, half.bank, 1, candidates=candidates)[0][:, 0]


def min_detectable_copies(n_found: int, n_planted: int) -> float:
    r"""Return how many copies must be in a set so that at least one of them is found with a probability of .8.

    ``n_found`` of ``n_planted`` copies were found, so that each is found with a probability of at least q, the
    one-sided exact 95 % limit: :math:`k = \lceil \log(1 - .8) / \log(1 - q) \rceil`. NaN if none was found.

    >>> [min_detectable_copies(n, 20) for n in (20, 18, 10, 0)], min_detectable_copies(4, 4)
    ([1, 2, 5, nan], 3)
    """
    if not n_found:
        return float("nan")
    least = float(beta.ppf(1 - LEVEL, n_found, n_planted - n_found + 1))
    return ceil(log(1 - POWER) / log(1 - least))
