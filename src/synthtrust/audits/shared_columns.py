"""The scores that all runs have: surfaces and lesions are left out where some were finished without them."""

import logging

import pandas as pd

from synthtrust.conventions import SURFACE_COLUMNS, SURFACE_SCORES

log = logging.getLogger(__name__)


def with_the_same_scores(tables: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """Leave out the scores of surfaces and lesions that some runs lack, which were finished without them."""
    without = [table for table in tables if SURFACE_SCORES[0] not in table]
    if not without or len(without) == len(tables):
        return tables
    log.info(
        "Distances and lesions are left out, since %d of %d runs lack them, such as %s. To add them: python "
        "evaluate.py runs=... surfaces.add=true",
        len(without), len(tables), without[0]["run"].iloc[0],
    )  # fmt: skip
    return [table.drop(columns=list(SURFACE_COLUMNS), errors="ignore") for table in tables]
