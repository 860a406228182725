"""What each real test case and its twin score, side by side."""

from collections.abc import Iterator

import pandas as pd

from synthtrust.audits.scores import SOURCES, Row


def pair_rows(scores: pd.DataFrame) -> Iterator[Row]:
    """Yield case, patient, real, synthetic and n_seeds for each case that has a score from both sources.

    Args:
        scores: The scores at one alpha, with source, case, patient, region, seed and dice. Mean Dice is that over the
            regions that are scored, and over seeds.
    """
    if not set(SOURCES) <= set(scores["source"]):
        return
    means = scores.groupby(["case", "source"])["dice"].mean().unstack("source")
    patients = scores.drop_duplicates("case").set_index("case")["patient"].to_dict()
    n_seeds = int(scores["seed"].nunique())
    for row in means.dropna().reset_index().to_dict("records"):
        yield {
            "case": row["case"],
            "patient": patients[row["case"]],
            "real": float(row["real"]),
            "synthetic": float(row["synthetic"]),
            "n_seeds": n_seeds,
        }
