"""What the numbers of fidelity amount to: supported, not supported, or inconclusive, with the reason that decides."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from synthtrust.audits.fidelity.controls import unseen
from synthtrust.audits.fidelity.measures import PRECISION, RECALL, TRAINED, Row
from synthtrust.audits.fidelity.two_sample_classifier import BRIGHTNESS
from synthtrust.audits.verdict import decide
from synthtrust.metrics.functional.intervals import holm
from synthtrust.verdicts import Doubt, Reason, Subject, Verdict

MORE = "More real patients that the generator never saw"
CURE = f"{MORE}, or this doubt removed."
CHANGE = {
    "NOT SUPPORTED": "A generator whose cases lie at the floor that real halves give.",
    "SUPPORTED": "A difference in any feature space, or a shortcut.",
}


@dataclass(frozen=True)
class FidelityThresholds:
    """The limits that were set before looking at any result; `synthtrust.audits.Fidelity` describes each."""

    min_patients_computed: int
    min_patients: int
    significance: float
    shortcut_auc: float


def too_few(subject: Subject, n_real: int, n_synthetic: int, thresholds: FidelityThresholds) -> Verdict:
    """Return the verdict on a set with too few cases to compute anything."""
    text = (
        f"No comparison of the two sets was computed: {n_real} real patients that the generator never saw and "
        f"{n_synthetic} synthetic ones, where {thresholds.min_patients_computed} of each are needed."
    )
    cure = f"{MORE} ({thresholds.min_patients_computed} to compute, {thresholds.min_patients} to support)."
    doubt = Doubt("too_few_patients", text, cure, blocks=True)
    return decide("fidelity", "INCONCLUSIVE", [], [doubt], change=CHANGE, thresholds=vars(thresholds), subject=subject)


def fidelity_verdict(
    subject: Subject,
    rows: Sequence[Row],
    classifier_rows: Sequence[Row],
    controls: Sequence[Row],
    thresholds: FidelityThresholds,
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
        subject: The set.
        rows: The rows of quality and diversity.
        classifier_rows: The rows of the classifier that tells real from synthetic.
        controls: The rows of the planted faults.
        thresholds: What was set before looking.
        known: Whether the generator's training cases are known; else no case counts as unseen.
        note: Which cases were compared; the last reason of each verdict.
    """
    remarks = [Reason("cases_compared", note)] if note else []
    distances = [r for r in rows if r["measure"] == "KID"]
    n_real, n_synthetic = distances[0]["n_real"], distances[0]["n_synthetic"]
    spaces = _above_the_floor(distances, rows)
    adjusted = holm([r["p"] for r in distances])
    different = [
        (r, p) for r, p in zip(distances, adjusted, strict=True)
        if r["space"] in spaces and not spaces[r["space"]] and p < thresholds.significance
    ]  # fmt: skip
    verdict = partial(decide, "fidelity", change=CHANGE, thresholds=vars(thresholds), subject=subject)
    if different:
        worst = ", ".join(
            f"{r['space']} {r['value']:.3g} (real halves up to {r['floor_high']:.2g}, p = {p:.2g})"
            for r, p in different
        )
        text = (
            f"Synthetic and real cases differ in {len(different)} of {len(distances)} feature spaces by KID: {worst}; "
            f"n = {n_real} real and {n_synthetic} synthetic patients."
        )
        return verdict("NOT SUPPORTED", [Reason("kid", text)], [], remarks=remarks)
    doubts = [
        *_numbers_in_doubt(distances, spaces, rows),
        *_doubts(distances, classifier_rows, controls, thresholds, known=known),
    ]
    n = f"{n_real} real and {n_synthetic} synthetic patients"
    if doubts:
        remarks = [Reason("n", f"n = {n}."), *remarks]
        return verdict("SUPPORTED", [], doubts, remarks=remarks)
    text = (
        f"In each of {len(distances)} feature spaces KID lies at the floor of real halves, precision and recall are "
        f"not below theirs, and planted faults were noticed; {n}."
    )
    replay = Reason("replay", "A replay of the training cases would look as good: privacy is another axis.")
    return verdict("SUPPORTED", [Reason("at_the_floor", text), replay], [], remarks=remarks)


def _above_the_floor(distances: Sequence[Row], rows: Sequence[Row]) -> dict[str, Row | None]:
    """Return each space in which KID lies above the floor -> the row of real training cases if that explains it.

    It does where real training cases lie apart from the unseen ones as well, and the synthetic ones not beyond them.
    """
    trained = {r["space"]: r for r in rows if r["measure"] == TRAINED and r["ci_low"] > 0}
    return {
        r["space"]: trained[r["space"]]
        if r["space"] in trained and not r["ci_low"] > trained[r["space"]]["ci_high"]
        else None
        for r in distances
        if r["value"] > r["floor_high"]
    }


def _numbers_in_doubt(distances: Sequence[Row], spaces: dict[str, Row | None], rows: Sequence[Row]) -> Iterator[Doubt]:
    """Yield each number that lies on the wrong side of its floor without proving a difference."""
    for r in distances:
        if r["space"] in spaces:
            trained = spaces[r["space"]]
            ending = f", but so does that of real training cases, {trained['value']:.3g}." if trained else "."
            text = f"KID in {r['space']}, {r['value']:.3g}, lies above what real halves give{ending}"
            yield Doubt("kid_above_floor", text, CURE)
    for r in rows:
        if r["measure"] in (PRECISION, RECALL) and not r["value"] >= r["floor_low"]:
            text = (
                f"{r['measure'].capitalize()} in {r['space']} is {r['value']:.2f}, of halves {r['floor_low']:.2f} or "
                "more."
            )
            yield Doubt(f"{r['measure']}_below_floor", text, CURE)


def _doubts(
    distances: Sequence[Row],
    classifier_rows: Sequence[Row],
    controls: Sequence[Row],
    thresholds: FidelityThresholds,
    *,
    known: bool,
) -> Iterator[Doubt]:
    """Yield the doubts that forbid SUPPORTED although every number lies at its floor."""
    fewer = int(np.min([min(r["n_real"], r["n_synthetic"]) for r in distances]))
    if fewer < thresholds.min_patients:
        text = (
            f"{fewer} patients on the smaller side are too few to support fidelity ({thresholds.min_patients} wanted)."
        )
        yield Doubt("few_patients", text, CURE)
    if blind := unseen(controls):
        text = f"Planted faults went unnoticed at this n: {' and '.join(blind)} real cases."
        yield Doubt("control_failed", text, CURE)
    if not known:
        text = "The manifest does not say which cases the generator learned from, so no case counts as unseen."
        yield Doubt("unknown_training_ids", text, CURE)
    for r in classifier_rows:
        if r["space"] == BRIGHTNESS and r["value"] > thresholds.shortcut_auc:
            text = f"Global intensity alone tells the sources apart (AUC {r['value']:.2f})."
            yield Doubt("shortcut", text, CURE)
