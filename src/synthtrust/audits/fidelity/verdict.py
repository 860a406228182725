"""What the numbers of fidelity amount to: supported, not supported, or inconclusive, with the sentence that decides."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthtrust.audits.fidelity.controls import unseen
from synthtrust.audits.fidelity.rows import PRECISION, RECALL, TRAINED, Row
from synthtrust.audits.fidelity.telling import BRIGHTNESS
from synthtrust.audits.verdict import Verdict
from synthtrust.metrics.functional.intervals import holm

MORE = "More real patients that the generator never saw"


@dataclass(frozen=True)
class Limits:
    """Set before looking."""

    fewest: int
    enough: int
    significance: float
    shortcut_auc: float


def too_few(name: str, n_real: int, n_synthetic: int, limits: Limits) -> Verdict:
    """Return the verdict on a set with too few cases to compute anything."""
    return Verdict(
        "fidelity",
        "INCONCLUSIVE",
        [
            f"No comparison of the two sets was computed: {n_real} real patients that the generator never saw and "
            f"{n_synthetic} synthetic ones, where {limits.fewest} of each are needed."
        ],
        f"{MORE} ({limits.fewest} to compute, {limits.enough} to support).",
        vars(limits),
        name,
    )


def verdict_of(
    name: str,
    rows: Sequence[Row],
    telling: Sequence[Row],
    controls: Sequence[Row],
    limits: Limits,
    *,
    known: bool,
    note: str = "",
) -> Verdict:
    """Judge a set by its rows.

    NOT SUPPORTED where KID lies above the real floor in a feature space with p below the limit after Holm's
    correction over the spaces, and beyond that of real training cases where those lie apart from the unseen ones.
    SUPPORTED where it lies at the floor in every space, precision and recall are not below what real halves give, every
    planted fault was noticed, and there are enough patients. Anything else is open.

    Args:
        name: Of the set.
        rows: Of quality and diversity.
        telling: Of the classifier.
        controls: Of the planted faults.
        limits: The thresholds.
        known: Whether the generator's training cases are known; else no case counts as unseen.
        note: Which cases were compared; the last reason of each verdict.
    """
    last = [note] if note else []
    distances = [r for r in rows if r["measure"] == "KID"]
    adjusted = holm([r["p"] for r in distances])
    above = [r["value"] > r["floor_high"] for r in distances]
    apart = {r["space"]: r for r in rows if r["measure"] == TRAINED and r["ci_low"] > 0}
    shared = [r["space"] in apart and not r["ci_low"] > apart[r["space"]]["ci_high"] for r in distances]
    decisive = zip(distances, adjusted, above, shared)
    far = [(r, p) for r, p, out, both in decisive if out and not both and p < limits.significance]
    if far:
        worst = ", ".join(
            f"{r['space']} {r['value']:.3g} (real halves up to {r['floor_high']:.2g}, p = {p:.2g})" for r, p in far
        )
        return Verdict(
            "fidelity", "NOT SUPPORTED",
            [
                f"Synthetic and real cases differ in {len(far)} of {len(distances)} feature spaces by KID: {worst}; "
                f"n = {distances[0]['n_real']} real and {distances[0]['n_synthetic']} synthetic patients.",
                *last,
            ],
            "A generator whose cases lie at the floor that real halves give.", vars(limits), name,
        )  # fmt: skip
    open_questions = [
        *[
            f"KID in {r['space']}, {r['value']:.3g}, lies above what real halves give"
            + (f", but so does that of real training cases, {apart[r['space']]['value']:.3g}." if both else ".")
            for r, out, both in zip(distances, above, shared)
            if out
        ],
        *[
            f"{r['measure'].capitalize()} in {r['space']} is {r['value']:.2f}, of halves {r['floor_low']:.2f} or more."
            for r in rows
            if r["measure"] in (PRECISION, RECALL) and not r["value"] >= r["floor_low"]
        ],
        *_doubts(distances, telling, controls, limits, known=known),
    ]
    n = f"{distances[0]['n_real']} real and {distances[0]['n_synthetic']} synthetic patients"
    if open_questions:
        return Verdict("fidelity", "INCONCLUSIVE", [*open_questions, f"n = {n}.", *last],
                       f"{MORE}, or the doubt removed.", vars(limits), name)  # fmt: skip
    return Verdict(
        "fidelity", "SUPPORTED",
        [
            f"In each of {len(distances)} feature spaces KID lies at the floor of real halves, precision and recall "
            f"are not below theirs, and planted faults were noticed; {n}.",
            "A replay of the training cases would look as good: privacy is another axis.",
            *last,
        ],
        "A difference in any feature space, or a shortcut.", vars(limits), name,
    )  # fmt: skip


def _doubts(
    distances: Sequence[Row], telling: Sequence[Row], controls: Sequence[Row], limits: Limits, *, known: bool
) -> list[str]:
    """Return what stands between numbers at the floor and a supported verdict."""
    doubts = []
    fewer = int(np.min([min(r["n_real"], r["n_synthetic"]) for r in distances]))
    if fewer < limits.enough:
        doubts.append(f"{fewer} patients on the smaller side are too few to support fidelity ({limits.enough} wanted).")
    if blind := unseen(controls):
        doubts.append(f"Planted faults went unnoticed at this n: {' and '.join(blind)} real cases.")
    if not known:
        doubts.append("Nobody said which cases the generator learned from, so none counts as unseen.")
    bright = [r for r in telling if r["space"] == BRIGHTNESS and r["value"] > limits.shortcut_auc]
    doubts += [f"Global intensity alone tells the sources apart (AUC {r['value']:.2f})." for r in bright]
    return doubts
