"""The synthetic set by groups: which groups it shows how often, whose images it copies, and which it paints badly."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest, fisher_exact

from synthtrust.audits.fidelity.measures import EmbeddedCases
from synthtrust.audits.subgroups.readings import ALIKE, NOT_KNOWN, NOT_MEASURED, OPEN, UNALIKE
from synthtrust.cases import Case
from synthtrust.metrics.functional.kernel_distance import FEWEST, kernel_test

Row = dict[str, Any]
SHARES, COPIES, FIDELITY = "shares", "copies", "fidelity"
"""The three questions, which are also the names of their tables."""
NAN = float("nan")


@dataclass(frozen=True)
class GroupLimits:
    """What was settled before looking."""

    min_patients: int
    """Training patients of a group, below which nothing is shown of it."""
    min_patients_fidelity: int
    """Real and synthetic patients of a group, below which its KID is not computed."""
    min_ratio: float
    """Share of the set over the share of the training cases that every group has to be shown to reach for SUPPORTED."""
    confidence: float
    """Coverage of all intervals of one table together."""


@dataclass(frozen=True)
class GroupAnswer:
    """The answer to one question about the groups of a synthetic set."""

    verdict: str
    rows: Sequence[Row] = ()
    """A row for each group, or for each group and feature space."""
    pairs: Sequence[Row] = ()
    groups: Sequence[str] = field(default=())
    """The groups that the answer is about: those that are under-represented, copied more, or painted worse."""
    note: str = ""
    """Why there is no number."""


def representation(
    groups: pd.Series, train: Iterable[Case], synthetic: Iterable[Case], limits: GroupLimits
) -> GroupAnswer:
    r"""Compare the share of each group in a synthetic set with its share among real training cases.

    The training cases are as they are: their share :math:`p_g` has no interval. Synthetic cases are taken for drawn,
    each by itself, so that their share has the exact binomial interval of Clopper and Pearson, over all G groups
    together (Bonferroni). A group is under-represented if its upper limit lies below :math:`p_g`. All are represented
    if every lower limit is at least ``min_ratio`` of :math:`p_g`, or if all shares are equal.

    Args:
        groups: Case -> group, by the id of a real case, or of a synthetic one that has an id of its own.
        train: Real training cases.
        synthetic: Synthetic cases that a network may learn from.
        limits: What was settled before looking.

    Returns:
        Rows with group, n_train, share_train, n_synthetic, share, ci_low, ci_high, and shown.
    """
    by_case = _by_case(groups)
    real = [group_of(by_case, case) for case in train]
    own = [group_of(by_case, case) for case in synthetic]
    known = [group for group in own if group is not None]
    total = sum(group is not None for group in real)
    if not known or not total:
        return GroupAnswer(NOT_KNOWN, note="No attribute of the synthetic cases is known.")
    names = [name for name in groups.cat.categories if name in real or name in known]
    level = 1 - (1 - limits.confidence) / len(names)
    rows, short, reached = [], [], True
    for name in names:
        n_train, n_synthetic = real.count(name), known.count(name)
        interval = binomtest(n_synthetic, len(known)).proportion_ci(level)
        share_train, share = n_train / total, n_synthetic / len(known)
        shown = n_train >= limits.min_patients
        short += [name] if shown and interval.high < share_train else []
        enough = bool(interval.low >= limits.min_ratio * share_train)
        reached &= enough or share == share_train  # of those that are not shown as well
        numbers: Row = {
            "n_train": n_train, "share_train": share_train, "n_synthetic": n_synthetic, "share": share,
            "ci_low": interval.low, "ci_high": interval.high,
        }  # fmt: skip
        rows.append({"group": name, "shown": shown, **(numbers if shown else dict.fromkeys(numbers, NAN))})
    n_unknown = len(own) - len(known)
    note = f"Of {n_unknown} of {len(own)} synthetic cases the group is not known." if n_unknown else ""
    verdict = UNALIKE if short else ALIKE if reached else OPEN
    return GroupAnswer(verdict, rows, groups=short, note=note)


def copies(
    groups: pd.Series, train: Sequence[Case], privacy: Mapping[str, pd.DataFrame], name: str, limits: GroupLimits
) -> GroupAnswer:
    """Count the training patients of each group of whom the set holds a copy, as the audit of privacy called them (P1).

    Shares have exact binomial intervals over all groups together. A group is copied more than another if Fisher's exact
    test says so, corrected for the number of pairs.

    Args:
        groups: Case -> group.
        train: Real cases that the generator learned from.
        privacy: The tables of the audit of privacy.
        name: The name of the synthetic set.
        limits: What was settled before looking.

    Returns:
        Rows with group, n_patients, n_copied, share, ci_low, ci_high, and shown; pairs with first, second, and p.
    """
    searched = privacy.get("tests", pd.DataFrame({"set": [], "measure": []}))
    if not ((searched["set"] == name) & (searched["measure"] == "P1 copies of training cases")).any():
        return GroupAnswer(NOT_MEASURED, note="Copies were not searched: ask with audit=[privacy,...].")
    found = privacy["copies"]
    copied_cases = set(found.loc[(found["set"] == name) & (found["reading"] == "COPY"), "nearest_real"])
    by_case, patients = _by_case(groups), dict[str, str]()
    for case in train:
        if (group := group_of(by_case, case)) is not None:
            patients.setdefault(case.patient, group)
    copied = {case.patient for case in train if case.id in copied_cases}
    names = [name for name in groups.cat.categories if name in patients.values()]
    if not names:
        return GroupAnswer(NOT_KNOWN, note="No attribute of the training cases is known.")
    counts = {
        group: (sum(p in copied for p, of in patients.items() if of == group), list(patients.values()).count(group))
        for group in names
    }
    shown = [group for group in names if counts[group][1] >= limits.min_patients]
    level = 1 - (1 - limits.confidence) / max(len(shown), 1)
    rows = []
    for group in names:
        n_copied, n_patients = counts[group]
        interval = binomtest(n_copied, n_patients).proportion_ci(level)
        numbers: Row = {
            "n_patients": n_patients, "n_copied": n_copied, "share": n_copied / n_patients,
            "ci_low": interval.low, "ci_high": interval.high,
        }  # fmt: skip
        given = numbers if group in shown else dict.fromkeys(numbers, NAN)
        rows.append({"group": group, "shown": group in shown, **given})
    pairs: list[Row] = []
    for first, second in combinations(shown, 2):
        table = np.array([[n_copied, n_all - n_copied] for n_copied, n_all in (counts[first], counts[second])])
        pairs.append({"first": first, "second": second, "p": float(fisher_exact(table).pvalue)})
    more = [
        max((pair["first"], pair["second"]), key=lambda group: counts[group][0] / counts[group][1])
        for pair in pairs
        if pair["p"] * len(pairs) < 1 - limits.confidence
    ]
    return GroupAnswer(UNALIKE if more else OPEN, rows, pairs, list(dict.fromkeys(more)))


def fidelity(groups: pd.Series, embedded: EmbeddedCases | None, limits: GroupLimits) -> GroupAnswer:
    r"""Compare the KID of each group: of its synthetic cases and its real ones that the generator never saw.

    The coordinates of a space are those of the whole set. Intervals are those of `kernel_test`, over all groups and
    spaces together (Bonferroni). Patients of two groups are independent: with estimates :math:`\hat a, \hat b` and
    their limits, the difference :math:`\hat b - \hat a` has the limits

    .. math:: \hat b - \hat a - \sqrt{(\hat b - l_b)^2 + (u_a - \hat a)^2}, \quad
              \hat b - \hat a + \sqrt{(u_b - \hat b)^2 + (\hat a - l_a)^2}

    over all pairs and spaces together. Source: Zou and Donner, "Construction of confidence limits about effect
    measures" (2008), which keeps limits that are not symmetric.

    Args:
        groups: Case -> group.
        embedded: The cases of a set and their coordinates in each space, as the audit of fidelity has them.
        limits: What was settled before looking.

    Returns:
        Rows with group, space, value, ci_low, ci_high, n_real, n_synthetic, and shown; pairs with first, second, space,
        difference, ci_low and ci_high. A group is painted worse if a difference is shown in any space.
    """
    if embedded is None:
        return GroupAnswer(NOT_MEASURED, note="KID was not computed: ask with audit=[fidelity,...].")
    by_case = _by_case(groups)
    members = {
        name: [
            [i for i, case in enumerate(cases) if group_of(by_case, case) == name]
            for cases in (embedded.real, embedded.synthetic)
        ]
        for name in groups.cat.categories
    }
    names = [name for name, sides in members.items() if any(sides)]
    least = max(limits.min_patients_fidelity, FEWEST)
    shown = [name for name in names if min(map(len, members[name])) >= least]
    if not names:
        return GroupAnswer(NOT_KNOWN, note="No attribute of the synthetic cases is known.")
    rows: list[Row] = []
    pairs: list[Row] = []
    couples = list(combinations(shown, 2))
    for space, both in embedded.spaces.items():
        sides = {name: (both.real[members[name][0]], both.synthetic[members[name][1]]) for name in shown}
        level, of_pairs = (
            1 - (1 - limits.confidence) / max(n * len(embedded.spaces), 1) for n in (len(shown), len(couples))
        )
        tests = {name: kernel_test(*sides[name], n_permutations=1, level=level) for name in shown}
        wider = {name: kernel_test(*sides[name], n_permutations=1, level=of_pairs) for name in shown}
        for name in names:
            row: Row = {"group": name, "space": space, "shown": name in shown}
            test = tests.get(name)
            numbers = ("value", "ci_low", "ci_high", "n_real", "n_synthetic")
            values = (
                [NAN] * len(numbers)
                if test is None
                else [test.value, test.low, test.high, test.n_real, test.n_synthetic]
            )
            rows.append(row | dict(zip(numbers, values, strict=True)))
        for first, second in couples:
            a, b = wider[first], wider[second]
            difference = b.value - a.value
            low = difference - ((b.value - b.low) ** 2 + (a.high - a.value) ** 2) ** 0.5
            high = difference + ((b.high - b.value) ** 2 + (a.value - a.low) ** 2) ** 0.5
            pairs.append(
                {"first": first, "second": second, "space": space, "difference": difference, "ci_low": low,
                 "ci_high": high}
            )  # fmt: skip
    worse = [pair["second"] if pair["ci_low"] > 0 else pair["first"] for pair in pairs
             if pair["ci_low"] > 0 or pair["ci_high"] < 0]  # fmt: skip
    note = "" if couples else f"Fewer than two groups have {least} real and {least} synthetic patients."
    return GroupAnswer(UNALIKE if worse else OPEN, rows, pairs, list(dict.fromkeys(worse)), note)


def group_of(groups: Mapping[str, str], case: Case) -> str | None:
    """Return the group of a case: its own, or else that of the real case it was made from; None if not known.

    >>> group_of({"a": "female"}, Case("a_1", {}, "label", parent="a")), group_of({}, Case("b", {}, "label"))
    ('female', None)
    """
    return groups.get(case.id, groups.get(case.parent))


def _by_case(groups: pd.Series) -> dict[str, str]:
    """Return case -> group, of those that are known."""
    return {str(case): str(group) for case, group in groups.dropna().items()}
