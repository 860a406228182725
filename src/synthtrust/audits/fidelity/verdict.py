"""What the numbers of fidelity amount to: supported, not supported, or inconclusive, with the reason that decides."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from synthtrust.audits.fidelity.controls import unseen
from synthtrust.audits.fidelity.measures import COVERAGE_OF_ALL, KID, PRECISION, RECALL, TRAINED, Row
from synthtrust.audits.fidelity.two_sample_classifier import BRIGHTNESS
from synthtrust.audits.verdict import decide
from synthtrust.metrics.functional import holm
from synthtrust.verdicts import Doubt, Reason, Subject, Verdict

MORE = "More real patients that the generator never saw"
CURE = f"{MORE}, or this doubt removed."
MORE_OF_BOTH = f"{MORE} and more synthetic ones, or a generator whose cases lie nearer to theirs."
MOST_PATIENTS = 100_000
"""Beyond this nobody is told how many would do."""
APART = 0.05
"""Limit of p below which real training cases count as lying apart from the unseen ones."""
CHANGE = {
    "NOT SUPPORTED": "A generator whose cases are not told from real ones.",
    "SUPPORTED": "A difference in any feature space, or a shortcut.",
}


@dataclass(frozen=True)
class FidelityThresholds:
    """The limits that were set before looking at any result; `synthtrust.audits.Fidelity` describes each."""

    min_patients_computed: int
    min_patients: int
    significance: float
    shortcut_auc: float
    shift: float
    repeats: int


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

    NOT SUPPORTED where KID differs from 0 in a feature space with p below the limit after Holm's correction over the
    spaces, and beyond that of real training cases where those lie apart from the unseen ones.
    SUPPORTED where in every space KID is shown to lie below that of a planted shift of the real cases, and coverage
    above that of a planted mode collapse (each at 5 %: all have to hold, so none needs a correction), precision and
    recall are not below what real halves give, every planted fault was noticed, and there are enough patients.
    Anything else is open.

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
    distances = [r for r in rows if r["measure"] == KID]
    n = f"{distances[0]['n_real']} real and {distances[0]['n_synthetic']} synthetic patients"
    by_training = _explained_by_training(distances, rows)
    adjusted = holm([r["p"] for r in distances])
    different = [
        (r, p) for r, p in zip(distances, adjusted, strict=True)
        if p < thresholds.significance and r["space"] not in by_training
    ]  # fmt: skip
    verdict = partial(decide, "fidelity", change=CHANGE, thresholds=vars(thresholds), subject=subject)
    if different:
        return verdict("NOT SUPPORTED", _difference(different, distances, n, thresholds), [], remarks=remarks)
    doubts = [
        *_numbers_in_doubt(rows, by_training, thresholds),
        *_doubts(distances, classifier_rows, controls, thresholds, known=known),
    ]
    if doubts:
        remarks = [Reason("n", f"n = {n}."), *remarks]
        return verdict("SUPPORTED", [], doubts, remarks=remarks)
    return verdict("SUPPORTED", _nearness(distances, rows, n, thresholds), [], remarks=remarks)


def _difference(
    different: Sequence[tuple[Row, float]], distances: Sequence[Row], n: str, thresholds: FidelityThresholds
) -> list[Reason]:
    """Say in which spaces the sets differ, and how much in terms of the planted shift."""
    each = "; ".join(
        f"{r['space']} {r['value']:.3g} (p = {p:.2g}, planted shift {r['fault']:.3g})" for r, p in different
    )
    text = (
        f"Synthetic and real cases differ in {len(different)} of {len(distances)} feature spaces by KID: {each}. "
        f"Planted: all real cases shifted by {thresholds.shift:g} standard deviations; n = {n}."
    )
    reasons = [Reason("kid", text)]
    if all(r["limit"] < r["fault"] for r in distances):
        text = "The difference is shown to be smaller than the planted shift in every space; it is one all the same."
        reasons.append(Reason("below_planted_shift", text))
    return reasons


def _nearness(distances: Sequence[Row], rows: Sequence[Row], n: str, thresholds: FidelityThresholds) -> list[Reason]:
    """Say which planted faults the set is shown to lie on the better side of, with every number."""
    near = "; ".join(
        f"{r['space']} {r['value']:.3g}, at most {r['limit']:.3g}, planted {r['fault']:.3g}" for r in distances
    )
    shift = (
        f"In each of {len(distances)} feature spaces KID lies below that of a planted fault, all real cases shifted by "
        f"{thresholds.shift:g} standard deviations: {near} (one-sided 95 % limits; {n})."
    )
    diverse = "; ".join(
        f"{r['space']} {r['value']:.3f}, at least {r['limit']:.3f}, planted {r['fault']:.3f}"
        for r in rows
        if r["measure"] == COVERAGE_OF_ALL
    )
    collapse = (
        f"Coverage lies above that of a planted mode collapse, every case there {thresholds.repeats} times: {diverse} "
        "(one-sided 95 % limits)."
    )
    floors = "Precision and recall are not below what real halves give, and planted faults were noticed."
    tails = "Patients who are missing at one end of an attribute would go unseen, unless they are many."
    replay = "A replay of the training cases would look as good: privacy is another axis."
    return [
        Reason("below_planted_shift", shift),
        Reason("above_planted_collapse", collapse),
        Reason("at_the_floor", floors),
        Reason("tails_unseen", tails),
        Reason("replay", replay),
    ]


def _explained_by_training(distances: Sequence[Row], rows: Sequence[Row]) -> dict[str, Row]:
    """Return the spaces in which real training cases lie apart from the unseen ones -> their row.

    Only those beyond which the synthetic cases are not shown to lie: a perfect generator paints what it was shown.
    """
    trained = {r["space"]: r for r in rows if r["measure"] == TRAINED and r["p"] < APART}
    return {
        r["space"]: trained[r["space"]]
        for r in distances
        if r["space"] in trained and not r["ci_low"] > trained[r["space"]]["ci_high"]
    }


def _numbers_in_doubt(
    rows: Sequence[Row], by_training: dict[str, Row], thresholds: FidelityThresholds
) -> Iterator[Doubt]:
    """Yield each number that is not shown to lie on the better side of its planted fault, or of its floor."""
    shift, repeats = f"{thresholds.shift:g} standard deviations", f"{thresholds.repeats} times"
    cure = _enough(rows, thresholds)
    for r in rows:
        if r["measure"] == KID and not r["limit"] < r["fault"]:
            trained = by_training.get(r["space"])
            ending = f", and real training cases {trained['value']:.3g}." if trained else "."
            text = (
                f"KID in {r['space']} is {r['value']:.3g} and may be {r['limit']:.3g}, where all real cases shifted by "
                f"{shift} have {r['fault']:.3g}{ending}"
            )
            yield Doubt("shift_not_excluded", text, cure)
    for r in rows:
        if r["measure"] == COVERAGE_OF_ALL and not r["limit"] > r["fault"]:
            text = (
                f"Coverage in {r['space']} is {r['value']:.3f} and may be {r['limit']:.3f}, where every case there "
                f"{repeats} gives {r['fault']:.3f}."
            )
            if not np.isfinite(r["limit"]):
                text = f"Coverage in {r['space']} was not computed: too few cases for its neighbours."
            yield Doubt("collapse_not_excluded", text, cure)
    for r in rows:
        if r["measure"] in (PRECISION, RECALL) and not r["value"] >= r["floor_low"]:
            text = (
                f"{r['measure'].capitalize()} in {r['space']} is {r['value']:.2f}, of halves {r['floor_low']:.2f} or "
                "more."
            )
            yield Doubt(f"{r['measure']}_below_floor", text, CURE)


def patients_needed(row: Row) -> float:
    r"""Return for how many patients on each side a limit reaches its planted fault if the values stay as they are.

    A limit's distance from its value shrinks with :math:`\sqrt n`. With n patients on the smaller side it is
    :math:`n (limit - value)^2 / (fault - value)^2`; infinite where the value lies on the wrong side of the fault, or
    has no limit.

    >>> kid = {"measure": "KID", "value": 0.01, "limit": 0.07, "fault": 0.04, "n_real": 50, "n_synthetic": 80}
    >>> patients_needed(kid), patients_needed(kid | {"value": 0.05})
    (200.0, inf)
    """
    side = 1 if row["measure"] == KID else -1
    reach, room = side * (row["limit"] - row["value"]), side * (row["fault"] - row["value"])
    if not (room > 0 and np.isfinite(reach)):
        return float("inf")
    return float(np.round(min(row["n_real"], row["n_synthetic"]) * (reach / room) ** 2, 6))


def _enough(rows: Sequence[Row], thresholds: FidelityThresholds) -> str:
    """Say how many patients would bring every limit to the better side of its planted fault."""
    needed = max(patients_needed(r) for r in rows if r["measure"] in (KID, COVERAGE_OF_ALL))
    if needed > MOST_PATIENTS:
        return MORE_OF_BOTH
    n = max(int(np.ceil(needed)), thresholds.min_patients)
    return (
        f"About {n} real patients that the generator never saw and as many synthetic ones, if KID and coverage stay as "
        "they are; or a generator whose cases lie nearer to theirs."
    )


def _doubts(
    distances: Sequence[Row],
    classifier_rows: Sequence[Row],
    controls: Sequence[Row],
    thresholds: FidelityThresholds,
    *,
    known: bool,
) -> Iterator[Doubt]:
    """Yield the doubts that forbid SUPPORTED whatever the numbers."""
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
