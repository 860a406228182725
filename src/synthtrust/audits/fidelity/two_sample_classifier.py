"""Whether a simple classifier tells synthetic from real cases, and by what: content, brightness, or the file."""

from collections.abc import Mapping

import numpy as np

from synthtrust.audits.fidelity.cases import CaseFeatures
from synthtrust.audits.fidelity.measures import EmbeddedSets, Resampling, Row, row
from synthtrust.metrics.functional.roc import separation_test
from synthtrust.metrics.functional.separability import out_of_fold_scores

FILE, BRIGHTNESS = "file format", "global intensity"
SHORTCUTS = {
    FILE: "number type, whole numbers, image and voxel size",
    BRIGHTNESS: "mean, spread, extremes and quantiles of the whole image",
}


def two_sample_rows(
    name: str,
    sets: Mapping[str, EmbeddedSets],
    real: list[CaseFeatures],
    synthetic: list[CaseFeatures],
    resampling: Resampling,
    shortcut_auc: float,
) -> list[Row]:
    """Return the area under the ROC curve of a ridge logistic regression in each feature space and on shortcuts.

    Scores are out of fold, five folds by patient. Where numbers that have nothing to do with content separate the
    sources, a network may learn those in place of the disease.

    Args:
        name: Name of the synthetic set.
        sets: Feature space -> the sets in its coordinates.
        real: Features of the real cases.
        synthetic: Features of the synthetic cases.
        resampling: Permutations and seed.
        shortcut_auc: Area above which numbers without content count as a shortcut.
    """
    features = {space: (both.real.numpy(), both.synthetic.numpy()) for space, both in sets.items()}
    features[BRIGHTNESS] = (_stack(real, "intensity"), _stack(synthetic, "intensity"))
    features[FILE] = (_stack(real, "format"), _stack(synthetic, "format"))
    rows = []
    for space, (x, y) in features.items():
        real_scores, synthetic_scores = out_of_fold_scores(x, y, seed=resampling.seed)
        area = separation_test(
            synthetic_scores, real_scores, n_permutations=resampling.n_permutations, seed=resampling.seed
        )
        shortcut = bool(space in SHORTCUTS and area.value > shortcut_auc)
        note = f"Shortcut: {SHORTCUTS[space]} alone tell the sources apart." if shortcut else SHORTCUTS.get(space, "")
        rows.append(
            row(name, space, "AUC", area.value, ci_low=area.low, ci_high=area.high, p=area.p, expected=0.5,
                n_real=len(x), n_synthetic=len(y), shortcut=shortcut, note=note)
        )  # fmt: skip
    return rows


def _stack(cases: list[CaseFeatures], field: str) -> np.ndarray:
    return np.stack([getattr(case, field) for case in cases])
