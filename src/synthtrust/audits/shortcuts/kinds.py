"""Kinds of test cases: by their source alone, or by whether it goes with their class as it did in training."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthtrust.audits.probabilities import ArmProbabilities, arm_probabilities
from synthtrust.audits.scores import ScoredRun
from synthtrust.audits.shortcuts.contrast import Arm, Arms
from synthtrust.audits.utility.estimate import Estimate
from synthtrust.audits.utility.measures import main_measure
from synthtrust.metrics.functional.placements import auc_by_class
from synthtrust.refusals import Refusal

REAL, SYNTHETIC = "real", "synthetic"
FIRST_REAL, FIRST_SYNTHETIC = "first real", "first synthetic"
"""The first classes real and the second synthetic, as in training at alpha 1; the other way round, as at alpha 0."""
KINDS = (REAL, SYNTHETIC, FIRST_REAL, FIRST_SYNTHETIC)

Facts = Mapping[str, Any]


def second_of(runs: Sequence[ScoredRun], scores: pd.DataFrame, confounded: Facts) -> "pd.Series[bool]":
    """Return for each row of scores whether its case is of the second classes.

    Args:
        runs: Confounded runs, of which the first says how large a label is in each case.
        scores: Those of all runs.
        confounded: What decided the source of training cases, as the runs say it.

    Raises:
        Refusal: If the runs do not say how large the label is.
    """
    if confounded["of"] == "class":
        return scores["target"].isin(confounded["second"])
    volumes = getattr(runs[0], "volumes", None)
    table = None if volumes is None else volumes()
    if table is None or confounded["of"] not in set(table["region"]):
        raise Refusal(
            f"Expected volumes.csv with the label {confounded['of']} in {runs[0].folder}, but it is not there. Train "
            "again, or get the folder from a copy."
        )
    of_label = table[table["region"] == confounded["of"]]
    limit = float(confounded["above_ml"]) * (1 + 1e-9)
    volume_of = {(str(row["source"]), str(row["case"])): float(row["volume_ml"]) for row in of_label.to_dict("records")}
    keys = list(zip(scores["source"].astype(str), scores["case"].astype(str), strict=True))
    own = [volume_of.get(key, volume_of.get((REAL, key[1]), np.nan)) for key in keys]  # a twin has its label map
    return pd.Series(np.array(own) <= limit, index=scores.index)


def arms_of(scores: pd.DataFrame, second: "pd.Series[bool]", task: str, rule: str, *, paired: bool) -> Arms:
    """Return the score of every alpha on every kind of test cases.

    Args:
        scores: Those of one generator.
        second: Whether the case of each row is of the second classes.
        task: ``segmentation`` or ``classification``.
        rule: That for empty regions.
        paired: Whether each synthetic case is the twin of a real one.
    """
    is_real = scores["source"] == REAL
    masks = {REAL: is_real, SYNTHETIC: ~is_real, FIRST_REAL: is_real ^ second, FIRST_SYNTHETIC: is_real == second}
    if not paired:  # an id may be that of a real case
        scores = scores.assign(case=scores["case"].where(is_real, "synthetic " + scores["case"].astype(str)))
    arms = {}
    for kind, mask in masks.items():
        rows = scores[mask].assign(source=REAL)
        names = tuple(map(str, np.unique(rows["patient"].astype(str))))
        for alpha in sorted(scores["alpha"].unique()):
            estimate = main_measure(rows, float(alpha), REAL, task, rule)
            arms[float(alpha), kind] = Arm(float(alpha), estimate, names)
    return arms


def sources_of(scores: pd.DataFrame, second: Sequence[str]) -> dict[tuple[float, str], Arm]:
    """Return how well a classifier's output tells the source of test cases of one class, by alpha and class.

    The area under the ROC curve of the probability of the second classes, for synthetic against real test cases of one
    class: 1 where every synthetic case looks more like the second classes than every real one does, and 0.5 where the
    output says nothing of the source.

    Args:
        scores: Those of one generator.
        second: Names of the second classes.
    """
    arms = {}
    for alpha in sorted(scores["alpha"].unique()):
        both = [arm_probabilities(scores, alpha, source) for source in (REAL, SYNTHETIC)]
        for label in both[0].classes:
            if (arm := _source_area(float(alpha), both, label, second)) is not None:
                arms[float(alpha), label] = arm
    return arms


def _source_area(alpha: float, both: Sequence[ArmProbabilities], label: str, second: Sequence[str]) -> Arm | None:
    outputs, patients = [], []
    for arm in both:
        of_class = arm.target == arm.classes.index(label)
        columns = [arm.classes.index(name) for name in second]
        outputs.append(arm.probability[:, of_class][:, :, columns].sum(axis=2))  # (S, m)
        patients.append([name for name, is_of in zip(arm.patients, of_class, strict=True) if is_of])
    if min(map(len, patients)) < 2:
        return None
    is_synthetic = np.repeat([0, 1], [len(names) for names in patients])
    everybody = [*patients[0], *patients[1]]
    values, added = [], []
    for real, synthetic in zip(*outputs, strict=True):
        output = np.concatenate([real, synthetic])
        area, contributions = auc_by_class(np.stack([-output, output], axis=1), is_synthetic, everybody)
        values.append(area[1])
        added.append(contributions[:, 1])
    names = tuple(map(str, np.unique(np.asarray(everybody))))
    estimate = Estimate(np.array(values), np.stack(added), 0.5, len(everybody), len(names))
    return Arm(alpha, estimate, names)
