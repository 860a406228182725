"""Out-of-fold scores of a ridge logistic regression that distinguishes real from synthetic rows."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit

from synthtrust.refusals import Refusal

Array = NDArray[np.float64]

N_FOLDS = 5


def out_of_fold_scores(
    real: ArrayLike,
    synthetic: ArrayLike,
    real_patients: Sequence[Hashable] | None = None,
    synthetic_patients: Sequence[Hashable] | None = None,
    *,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Return log odds that each row is synthetic, from a classifier that was not trained on its patient.

    Patients, not rows, are divided into folds, and a patient on both sides is in one fold. Features are standardised by
    the training rows of each fold. The area under the ROC curve of the scores is about .5 if the sets are alike, and a
    little below with few rows, since what is overrepresented in a fold is underrepresented in its training rows.

    Args:
        real: Features ``(m, d)``; NaN is replaced by the mean of the fold's training rows.
        synthetic: Features ``(n, d)``.
        real_patients: The patient of each real row; by default each row is a patient.
        synthetic_patients: The patient of each synthetic row.
        seed: Seed of the folds.

    Returns:
        The scores ``(m,)`` of the real rows and ``(n,)`` of the synthetic rows.

    Raises:
        Refusal: If the features differ in number, one is infinite, or a side has fewer patients than folds.

    >>> rng = np.random.default_rng(0)
    >>> real, synthetic = out_of_fold_scores(rng.normal(size=(40, 3)), rng.normal(size=(40, 3)) + 5)
    >>> bool(real.max() < synthetic.min())
    True
    """
    x, y = np.asarray(real, dtype=np.float64), np.asarray(synthetic, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or np.isinf(x).any() or np.isinf(y).any():
        raise Refusal(f"Expected finite features (m, d) and (n, d), but got shapes {x.shape} and {y.shape}.")
    of_x = [("real", i) for i in range(len(x))] if real_patients is None else list(real_patients)
    of_y = [("synthetic", i) for i in range(len(y))] if synthetic_patients is None else list(synthetic_patients)
    if len(of_x) != len(x) or len(of_y) != len(y) or min(len(set(of_x)), len(set(of_y))) < N_FOLDS:
        raise Refusal(
            f"Expected the patient of every row and at least {N_FOLDS} patients on each side, but got "
            f"{len(set(of_x))} for {len(x)} real and {len(set(of_y))} for {len(y)} synthetic rows."
        )
    rows = np.concatenate([x, y])
    truth = np.repeat([0.0, 1.0], [len(x), len(y)])
    fold = _folds(of_x, of_y, np.random.default_rng(seed))
    scores = np.full(len(rows), np.nan)
    for k in range(N_FOLDS):
        learn, held = fold != k, fold == k
        present = ~np.isnan(rows[learn]).all(axis=0)
        mean = np.nanmean(rows[learn][:, present], axis=0)
        filled = np.where(np.isnan(rows[:, present]), mean, rows[:, present])
        spread = filled[learn].std(axis=0)
        standard = (filled - mean) / np.where(spread > 1e-9 * (1 + np.abs(mean)), spread, np.inf)  # a constant: 0
        weights = logistic_weights(standard[learn], truth[learn])
        scores[held] = weights[0] + standard[held] @ weights[1:]
    return scores[: len(x)], scores[len(x) :]


def logistic_weights(rows: ArrayLike, truth: ArrayLike, strength: float = 1.0) -> Array:
    r"""Return intercept and weights ``(1 + d,)`` that minimise the penalised loss of a logistic regression.

    .. math:: -\sum_i \log p(y_i | x_i) + \frac{s}{2} |w|^2

    The intercept is not penalised, and both sides have the same weight, whatever their number of rows.

    Args:
        rows: Standardised features ``(n, d)``.
        truth: 0 or 1 for each row.
        strength: s; for any s > 0 the minimum exists even if the rows are separable.

    Raises:
        Refusal: If a side has no rows.

    >>> logistic_weights([[-1.0], [1.0]], [0, 1], strength=1.0)[1:].round(4).tolist()  # w = 2 (1 - expit(w))
    [0.6748]
    """
    x, y = np.asarray(rows, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    n_positive = float(y.sum())
    if not 0 < n_positive < len(y):
        raise Refusal(f"Expected rows of both kinds, but got {n_positive:g} of {len(y)} of the second.")
    design = np.column_stack([np.ones(len(x)), x])
    weight = np.where(y == 1, len(y) / (2 * n_positive), len(y) / (2 * (len(y) - n_positive)))
    penalty = np.append(0.0, np.full(x.shape[1], strength))

    def loss(w: Array) -> tuple[float, Array]:
        z = design @ w
        value = float(weight @ np.logaddexp(0, np.where(y == 1, -z, z)) + penalty @ w**2 / 2)
        return value, design.T @ (weight * (expit(z) - y)) + penalty * w

    solution: Array = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B", options={"gtol": 1e-8}).x
    return solution


def _folds(of_x: Sequence[Hashable], of_y: Sequence[Hashable], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the fold of each row; the patients of the first side, then those of the second, are dealt out in turn."""
    fold: dict[Hashable, int] = {}
    for side in (of_x, of_y):
        new = [patient for patient in dict.fromkeys(side) if patient not in fold]
        fold |= {new[i]: rank % N_FOLDS for rank, i in enumerate(rng.permutation(len(new)))}
    return np.array([fold[patient] for patient in (*of_x, *of_y)])
