"""Parts of a synthetic set whose cases are the twins of none: children follow their parents, the others are drawn."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthtrust.cases.case import Case
from synthtrust.cases.splits import PARTS, Splits

log = logging.getLogger(__name__)

MOST_FAMILIES = 0.2
"""Share of the training patients, at most, whose children are kept for validation where there are no others."""


@dataclass(frozen=True)
class SyntheticParts:
    """A synthetic set without twins, divided into parts as the real cases are."""

    splits: Splits
    """The synthetic cases of each part; a part may have none."""
    children: int
    """Cases that were made from a real case."""
    left_out: tuple[str, ...]
    """Ids of children whose parent is in no part of the split, or whose donor is not in the part of the parent."""
    validated_on_training_parents: bool
    """Whether validation cases are children of training cases, since the set has no others to validate on."""

    @property
    def facts(self) -> dict[str, Any]:
        """How many cases follow their parents, as plain JSON values."""
        return {
            "children": self.children,
            "left_out": len(self.left_out),
            "validated_on_training_parents": self.validated_on_training_parents,
        }


def divide(synthetic: Sequence[Case], real: Splits, *, seed: int = 0, repeat: int = 0) -> SyntheticParts:
    """Divide a synthetic set whose cases are the twins of none into training, validation and test cases.

    A case that was made from a real one is in the part of its parent's patient, so that nothing of a patient who is
    validated or tested on is trained on; one whose donor is in another part is left out. The other cases are drawn, in
    the shares that the real parts have. Where no case would be left to validate on, children of some training patients
    are, and none of these are trained on.

    Args:
        synthetic: The cases of the set; their order plays no part.
        real: The parts of the real cases.
        seed: The seed of the split.
        repeat: Number of a repeated split, from 0.

    >>> real = Splits(*((Case(i, {}, "label"),) for i in "abc"))
    >>> own = [Case("x", {}, "label", parent="c", patient="c"), *(Case(f"s{n}", {}, "label") for n in range(6))]
    >>> {part: len(ids) for part, ids in divide(own, real).splits.ids.items()}
    {'train': 2, 'val': 2, 'test': 3}
    """
    part_of = {case.patient: part for part in PARTS for case in getattr(real, part)}
    part_of_id = {case.id: part for part in PARTS for case in getattr(real, part)}
    children = [case for case in synthetic if case.parent]
    orphans = sorted((case for case in synthetic if not case.parent), key=lambda case: case.id)
    parts: dict[str, list[Case]] = {part: [] for part in PARTS}
    left_out = []
    for child in sorted(children, key=lambda case: case.id):
        part = part_of.get(child.patient)
        if part is None or (child.donor and part_of_id.get(child.donor) != part):
            left_out.append(child.id)
        else:
            parts[part].append(child)
    for part, drawn in _shared_out(orphans, real, np.random.default_rng([seed, repeat])).items():
        parts[part] += drawn
    if left_out:
        log.warning(
            "%d synthetic cases are left out, since the real cases that they were made from (of %s and others) are in "
            "no part of the split, or in two.",
            len(left_out), left_out[0],
        )  # fmt: skip
    needs_validation = bool(parts["train"]) and not parts["val"]
    if needs_validation:
        share = min(len(real.val) / max(len(real.val) + len(real.train), 1), MOST_FAMILIES)
        parts["train"], parts["val"] = _by_parent(parts["train"], share, np.random.default_rng([seed, repeat]))
    splits = Splits(*(tuple(sorted(parts[part], key=lambda case: case.id)) for part in PARTS))
    return SyntheticParts(splits, len(children), tuple(left_out), needs_validation and bool(parts["val"]))


def _shared_out(cases: Sequence[Case], real: Splits, rng: np.random.Generator) -> dict[str, list[Case]]:
    """Draw the part of each case, in the shares that the real parts have."""
    ids = real.ids
    total = sum(map(len, ids.values()))
    order = [cases[i] for i in rng.permutation(len(cases))]
    ends = np.cumsum([round(len(cases) * len(ids[part]) / total) for part in ("test", "val")])
    return {"test": order[: ends[0]], "val": order[ends[0] : ends[1]], "train": order[ends[1] :]}


def _by_parent(cases: Sequence[Case], share: float, rng: np.random.Generator) -> tuple[list[Case], list[Case]]:
    """Take the cases of a share of the patients, one at least if there are two, for validation."""
    patients = sorted({case.patient for case in cases})
    n = min(max(1, round(share * len(patients))), len(patients) - 1)
    chosen = {patients[i] for i in rng.permutation(len(patients))[:n]}
    return [case for case in cases if case.patient not in chosen], [case for case in cases if case.patient in chosen]
