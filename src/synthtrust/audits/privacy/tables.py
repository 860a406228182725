"""The tables of the privacy audit: tests, controls and copies, one row a value."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from synthtrust.audits.privacy.audit_data import AuditData
from synthtrust.audits.privacy.controls import Control
from synthtrust.audits.privacy.evidence import Evidence
from synthtrust.metrics.functional import CopySearch

Row = dict[str, Any]
NONE = float("nan")

TESTS = (
    "set", "measure", "value", "ci_low", "ci_high", "p", "n_train", "n_holdout", "n_synthetic", "decisive", "note",
)  # fmt: skip
CONTROLS = ("set", "kind", "rate", "n", "passed", "decisive", "smallest_share", "note")
COPIES = ("set", "synthetic", "nearest_real", "own_source", "similarity", "z", "r", "strength", "reading")


def measure_rows(name: str, evidence: Evidence, level: float, space: str) -> Iterator[Row]:
    """Yield the rows of ``tests`` of one set; what was not computed is there with NaN and its reason.

    Args:
        name: The name of the set.
        evidence: The answers to all questions.
        level: Coverage of the intervals.
        space: In which the distances that never decide were taken.
    """
    counts = (evidence.n_train, evidence.n_holdout, evidence.n_synthetic)
    for measure, values, decisive, note in (
        *_searches(evidence, level),
        *_areas(evidence),
        *_reported(evidence, space),
    ):
        yield dict(zip(TESTS, (name, measure, *values, *counts, decisive, note), strict=True))


Values = tuple[float, float, float, float]
"""Value, lower and upper limit, p."""
Said = Iterator[tuple[str, Values, bool, str]]
"""Measure, values, whether it decides, note."""


def _searches(evidence: Evidence, level: float) -> Said:
    alike = (
        0
        if evidence.duplicate_groups is None
        else len(evidence.duplicate_groups) - len(evidence.duplicate_groups.unique())
    )
    notes = ["own source left out"] if evidence.source_of else []
    if alike:
        notes.append(f"{alike} training images count as one with another: of its patient, or as alike as copies are")
    searches = (
        ("P1 copies of training cases", evidence.copies, True, "; ".join(notes)),
        ("P1 copies of the own source", evidence.source_copies, True, "twins of training labels"),
        ("copies of unseen cases", evidence.swapped_search, False, "specificity control: 0 is expected"),
    )
    for measure, search, decisive, note in searches:
        if search is not None:
            k, n = int(search.copy.sum()), len(search.copy)
            interval = binomtest(k, n).proportion_ci(level)
            said = f"{k} of {n} copies, {int(search.suspect.sum())} suspect. {note}".strip()
            yield measure, (k / n, interval.low, interval.high, NONE), decisive, said


def _areas(evidence: Evidence) -> Said:
    if evidence.membership is not None:
        auc, null = evidence.membership.auc, evidence.membership.null
        yield "P2 membership AUC", (auc.value, auc.low, auc.high, auc.p), True, ".5 is expected"
        note = "null control, 99 % interval: must hold .5"
        yield "membership between halves of training", (null.value, null.low, null.high, null.p), False, note
        for fpr, tpr in evidence.membership.tpr.items():
            few = "" if tpr == tpr else "would rest on fewer than two unseen images"
            yield f"membership TPR at {fpr:.0%} FPR", (tpr, NONE, NONE, NONE), False, few
    if evidence.share is not None:
        share = evidence.share
        note = f"{share.expected:.3f} is expected"
        yield "P3 nearest-real share", (share.value, share.low, share.high, share.p), True, note
    if evidence.twin_leak is not None:
        auc = evidence.twin_leak
        yield "P4 twin leak AUC", (auc.value, auc.low, auc.high, auc.p), True, ".5 is expected"


def _reported(evidence: Evidence, space: str) -> Said:
    for measure, (value, unseen) in evidence.distances.items():
        note = f"by {space}" + ("" if unseen != unseen else f"; {unseen:.3g} of unseen cases")
        yield measure, (value, NONE, NONE, NONE), False, note
    for missing in evidence.missing:
        yield missing.question, (NONE, NONE, NONE, NONE), False, str(missing)


def control_rows(name: str, controls: Sequence[Control]) -> Iterator[Row]:
    """Yield the rows of ``controls`` of one set."""
    for c in controls:
        yield dict(zip(CONTROLS, (name, c.kind, c.rate, c.n, c.passed, c.decides, c.smallest, c.note), strict=True))


def copy_rows(name: str, evidence: Evidence, data: AuditData, most: int = 5) -> list[Row]:
    """Return the rows of ``copies``: all copies and suspects, and at least the ``most`` most suspicious pairs."""
    rows = []
    if evidence.copies is not None and evidence.nearest is not None:
        similarity, index = evidence.nearest
        everyone = np.arange(len(index))
        rows += _pairs(name, data, evidence.copies, everyone, index, similarity[:, 0], own=False)
    if evidence.source_copies is not None and evidence.source_similarity is not None:
        twins, sources = np.array(list(evidence.source_of)), np.array(list(evidence.source_of.values()))
        rows += _pairs(name, data, evidence.source_copies, twins, sources, evidence.source_similarity, own=True)
    rows.sort(key=lambda row: (-row["strength"], -row["similarity"]))
    return [row for place, row in enumerate(rows) if row["reading"] or place < most]


def _pairs(
    name: str, data: AuditData, search: CopySearch, twins: NDArray[np.integer], real: NDArray[np.integer],
    similarity: NDArray[np.floating],
    *, own: bool,
) -> list[Row]:  # fmt: skip
    words = np.where(search.copy, "COPY", np.where(search.suspect, "SUSPECT", ""))
    return [
        dict(
            zip(
                COPIES,
                (
                    name, data.synthetic.cases[i].id, data.train.cases[j].id, own,
                    float(s), float(z), float(r), float(strength), str(word),
                ),
                strict=True,
            )
        )
        for i, j, s, z, r, strength, word in zip(
            twins, real, similarity, search.z, search.r, search.strength, words, strict=True
        )
    ]  # fmt: skip
