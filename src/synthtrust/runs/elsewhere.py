"""A finished run as scored on the cases of another cohort: what audits of scores ask of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from synthtrust.cases import Cohort
from synthtrust.runs.run import Run
from synthtrust.runs.trivial import trivial_scores


@dataclass(frozen=True)
class ScoredElsewhere:
    """The scores of a run on another cohort, with the facts of the run."""

    run: Run
    """The run, whose networks were trained on its own cohort."""
    cohort: str
    """The name of the other cohort."""
    table: pd.DataFrame
    """What `synthtrust.runs.score_cohort` returns, of real training with ``trivial_dice``."""

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self.run.folder

    @property
    def name(self) -> str:
        """The name of the run."""
        return self.run.name

    def scores(self) -> pd.DataFrame:
        """One row per case and region or class, behind alpha, seed and mode."""
        return self.table

    def facts(self) -> Mapping[str, Any]:
        """Return the facts of the run, with the name of the other cohort."""
        return {**self.run.facts(), "cohort": self.cohort}


def scored_elsewhere(
    runs: Sequence[Run], cohort: Cohort, tables: Sequence[pd.DataFrame], cache: str
) -> list[ScoredElsewhere]:
    """Return runs with their scores on another cohort, and what position alone scores there beside real training.

    Args:
        runs: Finished runs.
        cohort: The other cohort.
        tables: The scores of each run on it.
        cache: Root folder of the preprocessed cases.
    """
    scored, known = [], dict[str, pd.DataFrame]()
    for run, table in zip(runs, tables, strict=True):
        if run.task == "segmentation" and run.facts().get("alpha") == 1:
            cases = replace(cohort, modalities=tuple(run.facts()["modalities"])).cases
            trivial = trivial_scores(run, cases, cache, known)
            if trivial is not None:
                table = table.merge(trivial, on=["case", "region"], how="left", validate="one_to_one")
        scored.append(ScoredElsewhere(run, cohort.name, table))
    return scored
