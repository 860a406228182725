"""What a study can decide before anything is trained: its power over test patients, training seeds and margins."""

from collections.abc import Sequence
from itertools import product

import pandas as pd

from synthtrust.audits.utility.power import Spread


def power_table(
    spread: Spread,
    *,
    loss: float,
    margins: Sequence[float],
    patients: Sequence[int],
    seeds: Sequence[int],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return how often a study shows that the loss is below the margin.

    Args:
        spread: How much the gap varies over patients and over seeds.
        loss: The true loss; negative for a gain.
        margins: Tolerable losses.
        patients: Numbers of test patients.
        seeds: Numbers of training seeds of each arm.
        confidence: That of the one-sided bound.

    Returns:
        A row for each margin, number of patients and number of seeds: margin, n_patients, n_seeds, power [0, 1].

    >>> table = power_table(Spread(0.1, 0.01), loss=0, margins=[0.05], patients=[10, 100], seeds=[3])
    >>> table["power"].round(2).tolist()
    [0.42, 1.0]
    """
    rows = [
        {"margin": margin, "n_patients": n, "n_seeds": s, "power": spread.power(margin - loss, n, s, confidence)}
        for margin, n, s in product(margins, patients, seeds)
    ]
    return pd.DataFrame(rows)
