"""Which class a classifier calls the cases of each class."""

from collections.abc import Iterator

import numpy as np

from synthtrust.audits.probabilities import ArmProbabilities
from synthtrust.audits.scores import Row


def confusion_rows(arm: ArmProbabilities) -> Iterator[Row]:
    """Yield true, predicted, count (mean over seeds), share (of the true class's cases), n_cases and n_seeds.

    A case is called the class of its highest probability; of equal ones the first. Findings are not alternatives, and
    have no rows; a class without test cases has counts of 0 and no shares.

    >>> import numpy as np
    >>> arm = ArmProbabilities(np.array([[[0.9, 0.1], [0.6, 0.4]]]), np.array([0, 1]), ("p1", "p2"), ("no", "yes"))
    >>> [(row["true"], row["predicted"], row["count"]) for row in confusion_rows(arm)]
    [('no', 'no', 1.0), ('no', 'yes', 0.0), ('yes', 'no', 1.0), ('yes', 'yes', 0.0)]
    """
    if arm.target.ndim == 2:
        return
    predicted = arm.probability.argmax(axis=2)  # (S, M)
    for true, name in enumerate(arm.classes):
        of_class = arm.target == true
        for other, other_name in enumerate(arm.classes):
            count = float((predicted[:, of_class] == other).sum() / len(predicted))
            yield {
                "true": name,
                "predicted": other_name,
                "count": count,
                "share": count / of_class.sum() if of_class.any() else np.nan,
                "n_cases": int(of_class.sum()),
                "n_seeds": len(predicted),
            }
