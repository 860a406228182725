"""Whether a simple classifier tells synthetic from real cases, and by what: content, brightness, or the file."""

from collections.abc import Mapping

import numpy as np

from synthtrust.audits.fidelity.cases import Reduced
from synthtrust.audits.fidelity.measures import Clouds, Draws, Row, row
from synthtrust.metrics.functional.roc import separation_test
from synthtrust.metrics.functional.separability import out_of_fold_scores

FILE, BRIGHTNESS = "file format", "global intensity"
SHORTCUTS = {
    FILE: "number type, whole numbers, image and voxel size",
    BRIGHTNESS: "mean, spread, extremes and quantiles of the whole image",
}


def telling_rows(
    name: str, both: Mapping[str, Clouds], real: list[Reduced], synthetic: list[Reduced], draws: Draws, limit: float
) -> list[Row]:
    """Return the area under the ROC curve of a ridge logistic regression in each feature space and on shortcuts.

    Scores are out of fold, five folds by patient. Where numbers that have nothing to do with content separate the
    sources, a network may learn those in place of the disease.

    Args:
        name: The name of the set.
        both: Feature space -> both sides.
        real: What was kept of the real cases.
        synthetic: And of the synthetic ones.
        draws: Permutations and seed.
        limit: Area from which on a shortcut is named.
    """
    sides = {space: (cloud.real.numpy(), cloud.synthetic.numpy()) for space, cloud in both.items()}
    sides[BRIGHTNESS] = (_stack(real, "intensity"), _stack(synthetic, "intensity"))
    sides[FILE] = (_stack(real, "format"), _stack(synthetic, "format"))
    rows = []
    for space, (x, y) in sides.items():
        real_scores, synthetic_scores = out_of_fold_scores(x, y, seed=draws.seed)
        area = separation_test(synthetic_scores, real_scores, n_permutations=draws.n_permutations, seed=draws.seed)
        shortcut = bool(space in SHORTCUTS and area.value > limit)
        note = f"Shortcut: {SHORTCUTS[space]} alone tell the sources apart." if shortcut else SHORTCUTS.get(space, "")
        rows.append(
            row(name, space, "AUC", area.value, ci_low=area.low, ci_high=area.high, p=area.p, expected=0.5,
                n_real=len(x), n_synthetic=len(y), shortcut=shortcut, note=note)
        )  # fmt: skip
    return rows


def _stack(side: list[Reduced], kept: str) -> np.ndarray:
    return np.stack([getattr(one, kept) for one in side])
