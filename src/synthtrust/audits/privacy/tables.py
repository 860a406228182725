"""The tables of the privacy audit: tests, controls and copies, one row a value."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthtrust.audits.privacy import p1_copies, p2_membership, p3_nearest_share, p4_twin_leak, p5_label_maps
from synthtrust.audits.privacy.audit_data import AuditData
from synthtrust.audits.privacy.controls import Control
from synthtrust.audits.privacy.evidence import Evidence
from synthtrust.audits.privacy.p1_copies import Copies
from synthtrust.audits.privacy.question import NONE, TestRow
from synthtrust.audits.privacy.views import in_its_view
from synthtrust.metrics.functional import CopySearch

Row = dict[str, Any]

TESTS = (
    "set", "measure", "value", "ci_low", "ci_high", "p", "n_train", "n_holdout", "n_synthetic", "decisive", "note",
)  # fmt: skip
CONTROLS = ("set", "kind", "rate", "n", "passed", "smallest_share", "note")
COPIES = ("set", "synthetic", "nearest_real", "own_source", "view", "similarity", "z", "r", "strength", "reading")


def measure_rows(name: str, evidence: Evidence, confidence: float, space: str) -> Iterator[Row]:
    """Yield the rows of ``tests`` of one set; what was not computed is there with NaN and its reason.

    Args:
        name: The name of the set.
        evidence: The answers to all questions.
        confidence: Coverage of the intervals.
        space: In which the distances that never decide were taken.
    """
    counts = (evidence.n_train, evidence.n_holdout, evidence.n_synthetic)
    for row in _measures(evidence, confidence, space):
        values = (row.measure, row.value, row.low, row.high, row.p, *counts, row.decisive, row.note)
        yield dict(zip(TESTS, (name, *values), strict=True))


def _measures(evidence: Evidence, confidence: float, space: str) -> Iterator[TestRow]:
    if evidence.copies is not None:
        yield from p1_copies.rows(evidence.copies, confidence)
    if evidence.membership is not None:
        yield from p2_membership.rows(evidence.membership)
    if evidence.share is not None:
        yield from p3_nearest_share.rows(evidence.share)
    if evidence.twin_leak is not None:
        yield from p4_twin_leak.rows(evidence.twin_leak)
    if evidence.label_maps is not None:
        yield from p5_label_maps.rows(evidence.label_maps, confidence)
    for measure, (value, unseen) in evidence.distances.items():
        note = f"by {space}" + ("" if unseen != unseen else f"; {unseen:.3g} of unseen cases")
        yield TestRow(measure, value, note=note)
    for missing in evidence.missing:
        yield TestRow(missing.question, NONE, note=str(missing))


def control_rows(name: str, controls: Sequence[Control]) -> Iterator[Row]:
    """Yield the rows of ``controls`` of one set."""
    for c in controls:
        yield dict(zip(CONTROLS, (name, c.kind, c.rate, c.n, c.passed, c.smallest, c.note), strict=True))


def copy_rows(name: str, copies: Copies | None, data: AuditData, most: int = 5) -> list[Row]:
    """Return the rows of ``copies``: all copies and suspects, and at least the ``most`` most suspicious pairs."""
    rows = []
    if copies is not None and copies.search is not None:
        every_image = np.arange(copies.index.shape[1])
        rows += _pairs(
            name, data, copies, copies.search, every_image, copies.index, copies.similarity[..., 0], own=False
        )
    if copies is not None and copies.source is not None and copies.source.search is not None:
        source, search = copies.source, copies.source.search
        rows += _pairs(name, data, copies, search, source.twins, source.sources, source.similarity, own=True)
    rows.sort(key=lambda row: (-row["strength"], -row["similarity"]))
    return [row for rank, row in enumerate(rows) if row["reading"] or rank < most]


def _pairs(
    name: str, data: AuditData, copies: Copies, search: CopySearch, twins: NDArray[np.integer],
    real: NDArray[np.integer], similarity: NDArray[np.floating],
    *, own: bool,
) -> list[Row]:  # fmt: skip
    """Return a row for each twin: real and similarity are those of all views ``(V, n)``."""
    words = np.where(search.copy, "COPY", np.where(search.suspect, "SUSPECT", ""))
    return [
        dict(
            zip(
                COPIES,
                (
                    name, data.synthetic.cases[i].id, data.train.cases[j].id, own, copies.views[view].name,
                    float(s), float(z), float(r), float(strength), str(word),
                ),
                strict=True,
            )
        )
        for i, j, view, s, z, r, strength, word in zip(
            twins, in_its_view(real, search.view), search.view, in_its_view(similarity, search.view), search.z,
            search.r, search.strength, words, strict=True,
        )
    ]  # fmt: skip
