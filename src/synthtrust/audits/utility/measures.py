"""What an arm scores: every measure of a segmenter or a classifier, by training seed and by patient."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import pandas as pd
from scipy.sparse.linalg import LinearOperator

from synthtrust.audits.probabilities import ArmProbabilities, arm_probabilities
from synthtrust.audits.utility.estimate import OVERALL, Array, Estimate, Sides
from synthtrust.audits.utility.segmented import segmented
from synthtrust.metrics.functional import classification
from synthtrust.metrics.functional.average_precision import average_precision_by_class
from synthtrust.metrics.functional.jackknife import jackknife
from synthtrust.metrics.functional.placements import auc_by_class

MAIN = {"segmentation": "dice", "classification": "auc", "multilabel": "auc"}
"""The measure that the verdict is about, named beforehand."""
LOWER_IS_BETTER = ("brier", "calibration_error", "hd95", "lesion_hd95")
LIMITS = {"mcc": (-1.0, 1.0), "brier": (0.0, 2.0), "calibration_error": (-1.0, 1.0)}
"""What a measure can be, if not 0 to 1."""
NEEDS_ERRORS = ("brier", "calibration_error")
MIN_WRONG = 10
"""Patients with a wrongly classified case, below which those measures hang on few cases and have no interval: in a
study with 5 and 45 patients of two classes, a wrong case each second time, they would cover in 78 and 84 %."""


Measures: TypeAlias = Mapping[tuple[str, str], Estimate]
"""By measure and part: ``("auc", "all")``, ``("dice", "ET")``."""


def measure(scores: pd.DataFrame, alpha: float, source: str, task: str, empty: str) -> Measures:
    """Score one arm by every measure.

    Segmentation: ``dice``, which is T1: the mean over regions of the mean over cases; also of each region. Likewise
    ``hd95``, ``surface_dice``, ``lesion_dice`` and ``lesion_hd95``, where they were scored.
    Classification, over cases: ``auc`` (one class against the others), ``auprc``, ``balanced_accuracy`` and ``f1``,
    each the plain mean over classes; ``mcc``, ``brier``, ``calibration_error``; and ``auc``, ``auprc``, ``recall`` and
    ``f1`` of each class. A class that no test case has is NaN and so are the means over classes, with a note that
    names it.
    Findings: the same measures, each of having a finding against not having it (at a probability of one half, where a
    measure needs a decision), and the plain means over findings of all; NaN without test cases on either side.

    Args:
        scores: The scores of one generator and one mode.
        alpha: Share of real cases in training.
        source: Kind of test cases.
        task: ``segmentation``, ``classification`` or ``multilabel``.
        empty: The rule by which regions were scored that are empty in reference and prediction.
    """
    if task == "segmentation":
        return segmented(scores, alpha, source, empty)
    arm = arm_probabilities(scores, alpha, source)
    return _with_findings(arm) if task == "multilabel" else classified(arm)


def main_measure(scores: pd.DataFrame, alpha: float, source: str, task: str, empty: str) -> Estimate:
    """Score one arm by its main measure alone, as `measure` does, without the time that all others take.

    Args:
        scores: The scores of one generator and one mode.
        alpha: Share of real cases in training.
        source: Kind of test cases.
        task: ``segmentation`` or ``classification``.
        empty: The rule by which regions were scored that are empty in reference and prediction.
    """
    if task == "segmentation":
        return segmented(scores, alpha, source, empty)[MAIN[task], OVERALL]
    arm = arm_probabilities(scores, alpha, source)
    values, patients = _by_seed(arm, auc_by_class)
    sides = _sides(arm)
    carriers = {label: int(n) for label, n in zip(arm.classes, sides.positive, strict=True)}
    whole = _estimate(arm, values.mean(axis=1), patients.mean(axis=2), 0.5)
    return replace(whole, sides=_counted("auc", sides), carriers=carriers)


def classified(arm: ArmProbabilities) -> Measures:
    """Score the probabilities of classes by every measure, of the whole and of each class, see `measure`."""
    n_classes = len(arm.classes)
    share = np.bincount(arm.target, minlength=n_classes) / len(arm.target)
    by_class = {"auc": _by_seed(arm, auc_by_class), "auprc": _by_seed(arm, average_precision_by_class)}
    by_class |= {name: _jackknifed(arm, formula) for name, formula in CLASS_FORMULAS.items()}
    chance: dict[str, Array] = {"auc": np.full(n_classes, 0.5), "auprc": share, "recall": np.full(n_classes, np.nan)}
    measures = {}
    sides, few_wrong = _sides(arm), _few_wrong(arm)
    carriers = {label: int(n) for label, n in zip(arm.classes, sides.positive, strict=True)}
    for name, (values, patients) in by_class.items():  # (S, C) and (S, P, C)
        chance_by_class = chance.get(name, np.full(n_classes, np.nan))
        over_all = 1 / n_classes if name == "recall" else float(chance_by_class.mean())
        whole = _estimate(arm, values.mean(axis=1), patients.mean(axis=2), over_all)
        measures[MEAN_NAMES.get(name, name), OVERALL] = replace(whole, sides=_counted(name, sides), carriers=carriers)
        for c, label in enumerate(arm.classes):
            part = _estimate(arm, values[:, c], patients[:, :, c], float(chance_by_class[c]), class_index=c)
            side = Sides(sides.positive[[c]], sides.negative[[c]])
            measures[name, label] = replace(part, sides=_counted(name, side), carriers={label: carriers[label]})
    for name, formula in OVERALL_FORMULAS.items():
        values, patients = _jackknifed(arm, formula)
        estimate = _estimate(arm, values[:, 0], patients[:, :, 0], 0.0 if name == "mcc" else np.nan)
        estimate = replace(estimate, limits=LIMITS.get(name, (0.0, 1.0)))
        measures[name, OVERALL] = _described(estimate, few_wrong) if name in NEEDS_ERRORS and few_wrong else estimate
    return measures


def _few_wrong(arm: ArmProbabilities) -> str:
    """Return why there is no interval, where too few patients have a wrongly classified case; else nothing."""
    wrong = arm.probability.argmax(axis=2) != arm.target  # (S, M)
    patients = np.array(arm.patients)
    n_wrong = np.mean([len(np.unique(patients[of_seed])) for of_seed in wrong])
    if n_wrong >= MIN_WRONG:
        return ""
    return (
        f"No interval of the Brier score and the calibration error: of fewer than {MIN_WRONG} patients a case is "
        "classified wrongly."
    )


def _described(estimate: Estimate, why: str) -> Estimate:
    """Return an estimate without its interval."""
    return replace(estimate, is_inferred=False, note=f"{estimate.note} {why}".strip())


def _sides(arm: ArmProbabilities) -> Sides:
    """Count the patients with a case of each class, and with one of another class."""
    patients = np.array(arm.patients)
    of_class = [arm.target == c for c in range(len(arm.classes))]
    positive, negative = (
        np.array([len(np.unique(patients[mask == wanted])) for mask in of_class], dtype=np.float64)
        for wanted in (True, False)
    )
    return Sides(positive, negative)


def _counted(name: str, sides: Sides) -> Sides | None:
    """Return the patients that the limits of a measure near 1 hang on, see `area_interval`; None for other measures.

    Average precision and recall hang on those of the class alone, so they are counted on both sides. The mean recall
    over classes is as uncertain as that of the smallest one: where few patients are all right, they show no spread.
    """
    if min(sides.positive.min(), sides.negative.min()) < 1:
        return None
    if name == "auc":
        return sides
    if name == "auprc":
        return Sides(sides.positive, sides.positive)
    if name == "recall":
        fewest = np.full_like(sides.positive, sides.positive.min())
        return Sides(fewest, fewest)
    return None


def _with_findings(arm: ArmProbabilities) -> Measures:
    """Score each finding as two classes, present and absent; the whole is the plain mean over findings."""
    by_finding = {name: classified(arm.alone(index)) for index, name in enumerate(arm.classes)}
    measures: dict[tuple[str, str], Estimate] = {}
    for measure, of_finding in FINDING_MEASURES.items():
        parts = [
            measured[measure, name] if of_finding else measured[measure, OVERALL]
            for name, measured in by_finding.items()
        ]
        if measure != "recall":
            measures[measure, OVERALL] = _mean(arm, parts)
        if of_finding:
            measures |= {(measure, name): part for name, part in zip(by_finding, parts, strict=True)}
    return measures


def _mean(arm: ArmProbabilities, parts: Sequence[Estimate]) -> Estimate:
    """Return the plain mean of a measure over findings; undefined where it is of one of them."""
    chances = [float(part.chance) for part in parts if part.chance is not None]
    sides = [part.sides for part in parts if part.sides is not None]
    return Estimate(
        np.mean([part.values for part in parts], axis=0),
        np.mean([part.patients for part in parts], axis=0),
        float(np.mean(chances)) if len(chances) == len(parts) else None,
        len(arm.target),
        len(set(arm.patients)),
        " ".join(dict.fromkeys(part.note for part in parts if part.note)),
        parts[0].limits,
        Sides(np.concatenate([side.positive for side in sides]), np.concatenate([side.negative for side in sides]))
        if len(sides) == len(parts)
        else None,
        {
            name: n if part.sides is None else min(n, int(part.sides.negative.min()))
            for part in parts
            for name, n in part.carriers.items()
        },
        is_inferred=all(part.is_inferred for part in parts),
    )


FINDING_MEASURES = {
    "auc": True, "auprc": True, "balanced_accuracy": False, "recall": True, "f1": True, "mcc": False, "brier": False,
    "calibration_error": False,
}  # fmt: skip
"""Measures of findings -> whether they are about those who have it, and shown for each; else about both sides."""

CLASS_FORMULAS: Mapping[str, Callable[..., Array]] = {
    "recall": classification.recall,
    "f1": classification.f1,
}
OVERALL_FORMULAS: Mapping[str, Callable[..., Array]] = {
    "mcc": classification.matthews,
    "brier": classification.brier,
    "calibration_error": classification.squared_calibration_error,
}
MEAN_NAMES = {"recall": "balanced_accuracy"}
"""What the mean over classes is called, if not as the measure itself."""


def _by_seed(arm: ArmProbabilities, formula: Callable[..., tuple[Array, Array]]) -> tuple[Array, Array]:
    """Return a score of each seed ``(S, C)`` and what each patient adds to it ``(S, P, C)``."""
    scored = [formula(probability, arm.target, arm.patients) for probability in arm.probability]
    return np.stack([value for value, _ in scored]), np.stack([patients for _, patients in scored])


def _jackknifed(arm: ArmProbabilities, formula: Callable[..., Array]) -> tuple[Array, Array]:
    """Return a score of each seed ``(S, J)`` and what each patient adds to it ``(S, P, J)``."""

    def statistic(probability: Array) -> Callable[[Array | LinearOperator], Array]:
        return lambda weight: formula(probability, arm.target, weight)

    return _by_seed(arm, lambda probability, _, patients: jackknife(statistic(probability), patients))


def _estimate(
    arm: ArmProbabilities, values: Array, patients: Array, chance: float, class_index: int | None = None
) -> Estimate:
    is_counted = np.ones(len(arm.target), dtype=bool) if class_index is None else arm.target == class_index
    counted_patients = {patient for patient, counted in zip(arm.patients, is_counted, strict=True) if counted}
    note = "" if np.isfinite(patients).all() else _undefined_note(arm, defined=bool(np.isfinite(values).all()))
    return Estimate(
        values, patients, None if np.isnan(chance) else chance, int(is_counted.sum()), len(counted_patients), note
    )


def _undefined_note(arm: ArmProbabilities, *, defined: bool) -> str:
    """Say which class leaves a score, or its interval, undefined."""
    patients = {
        label: len({patient for patient, y in zip(arm.patients, arm.target, strict=True) if y == c})
        for c, label in enumerate(arm.classes)
    }
    few = [label for label, n in patients.items() if n < (2 if defined else 1)]
    if defined:
        return f"No interval: one patient only of class {', '.join(few)}." if few else "No interval."
    return f"Undefined: no test case of class {', '.join(few)}." if few else "Undefined on these cases."
