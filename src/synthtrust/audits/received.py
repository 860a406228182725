"""A set that was received, and on which nothing was trained: what the audits of privacy and fidelity need of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from synthtrust.audits.verdict import not_applicable, verdict_table
from synthtrust.cases import Cohort, patients_by_id, patients_named
from synthtrust.refusals import Refusal
from synthtrust.verdicts import Reason, Subject


@dataclass(frozen=True)
class ReceivedSet:
    """A synthetic set beside real cases, of which the generator learned from some and never saw the others."""

    cohort: Cohort
    """The real cases."""
    twins: Cohort
    """The synthetic cases."""
    folder: Path
    """The folder of the synthetic set, with its manifest."""
    train: tuple[str, ...]
    """Ids of the real cases that the generator learned from; none if they are unknown."""
    holdout: tuple[str, ...]
    """Ids of the real cases that it never saw."""

    @classmethod
    def beside(
        cls,
        cohort: Cohort,
        twins: Cohort,
        folder: Path,
        training_ids: Collection[str] | None,
        holdout_ids: Collection[str] | None = None,
    ) -> "ReceivedSet":
        """Sort real cases into those that the generator learned from and those that it never saw.

        Args:
            cohort: The real cases.
            twins: The synthetic cases.
            folder: The folder of the synthetic set.
            training_ids: Ids of cases or patients that the generator learned from; None if they are unknown.
            holdout_ids: Ids of cases or patients that it never saw; all others where not given.

        Raises:
            Refusal: If none of the training ids is a case of the cohort, a holdout id names no case, or a patient is
                on both sides.
        """
        seen = patients_named(training_ids or (), cohort.cases)
        if training_ids and not seen:
            raise Refusal(
                f"Expected training ids of cases of {cohort.name}, but none of {len(training_ids)} is one, such as "
                f"{sorted(training_ids)[0]!r}. Give the ids that these cases have here."
            )
        unseen = {case.patient for case in cohort.cases} - seen
        if holdout_ids is not None:
            named = patients_by_id(holdout_ids, cohort.cases)
            if unknown := sorted(set(holdout_ids) - named.keys()):
                raise Refusal(f"Expected holdout ids of cases of {cohort.name}, but {unknown[:8]} are none.")
            chosen = set().union(*named.values())
            if both := sorted(chosen & seen):
                raise Refusal(
                    f"Expected patients that the generator never saw as holdout, but {both[:8]} are among those "
                    "that it learned from."
                )
            unseen = chosen
        ids = {
            side: tuple(case.id for case in cohort.cases if case.patient in patients)
            for side, patients in (("train", seen), ("holdout", unseen))
        }
        return cls(cohort, twins, folder, **ids)

    def data(self) -> Mapping[str, Any]:
        """Return the ids of the real cases by side, and the folder of the set."""
        return {"splits": {"train": list(self.train), "test": list(self.holdout)}, "twins": str(self.folder)}

    def facts(self) -> Mapping[str, Any]:
        """Return what these cases are, for the page."""
        real = {"training": len(self.train), "unseen": len(self.holdout)}
        return {
            "task": self.cohort.task,
            "cohort": self.cohort.name,
            "licence": self.cohort.licence,
            "cases": {**real, "synthetic": len(self.twins.cases)},
            "synthetic_set": str(self.folder),
        }


def without_labels(subject: Subject) -> pd.DataFrame:
    """Return the verdicts on a set of images without labels, of which utility and alignment cannot be asked.

    Args:
        subject: The set.

    Returns:
        The table ``verdict``, see `synthtrust.audits.verdict`.
    """
    reasons = {
        "utility": "The images have no labels: no network can learn a task from them.",
        "alignment": "The images have no labels: no network's result on them can be scored.",
    }
    return verdict_table([not_applicable(axis, Reason("no_labels", text), subject) for axis, text in reasons.items()])
