"""The one number of a run: mean Dice, or macro AUC, on real test cases."""

import numpy as np
import pandas as pd

from synthtrust.metrics.functional.placements import auc_by_class


def headline(scores: pd.DataFrame) -> tuple[str, float]:
    """Return the name and the value of a run's number, from its scores on real test cases.

    The macro AUC is the mean over classes of the area under the ROC curve of one class against the rest, or over
    findings of having one against not having it; NaN when a class has no test case, or a finding none on either side,
    since a mean over the others would be another question's answer.

    >>> table = pd.DataFrame({"source": "real", "case": list("aabb"), "target": list("xxyy"), "class": list("xyxy")})
    >>> headline(table.assign(probability=[0.9, 0.1, 0.2, 0.8]))
    ('Macro AUC', 1.0)
    """
    real = scores[scores["source"] == "real"]
    if "dice" in real:
        return "Mean Dice", float(real["dice"].mean())
    classes = list(real["class"].unique())
    wide = real.pivot(index="case", columns="class", values="probability")[classes]
    if "present" in real:
        present = real.pivot(index="case", columns="class", values="present")[classes]
        return "Macro AUC", float(np.mean(auc_by_class(wide.to_numpy(), present.to_numpy())[0]))
    target = real.drop_duplicates("case").set_index("case")["target"].loc[wide.index]
    areas, _ = auc_by_class(wide.to_numpy(), [classes.index(name) for name in target])
    return "Macro AUC", float(np.mean(areas))
