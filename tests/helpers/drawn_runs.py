"""Runs on painted cases of two scanners whose scores are drawn: TSTR may lose some Dice on one of them."""

from dataclasses import dataclass

import numpy as np

from helpers.fake_runs import PlantedSegmenter
from synthtrust.cases import Cohort, read_manifest


@dataclass
class DrawnRun(PlantedSegmenter):
    """A run on painted cases whose scores are drawn."""

    cohort_: Cohort | None = None
    set_folder: str = ""
    n_train: int = 0

    @property
    def cohort(self):
        return self.cohort_

    @cohort.setter
    def cohort(self, name):
        """Take the name that scores are told apart by, which the facts of a planted run have."""

    @property
    def twins(self):
        return read_manifest(self.set_folder)

    def facts(self):
        return {"cohort": "scanners", "generator": {"_target_": self.generator}, "alpha": self.alpha, "mode": self.mode,
                "seed": self.seed, "overlap": {"status": "none"}}  # fmt: skip

    def data(self):
        ids = [case.id for case in self.cohort_.cases]
        drawn = {"train": {"real": [], "synthetic": ids[: self.n_train]}}
        parts = {"train": ids[: self.n_train], "val": [], "test": ids[self.n_train :]}
        return {"splits": parts, "twins": str(self.set_folder), "drawn": drawn}


def drawn_runs(cohort, folder, n_train, loss_of_b=0.0, seed=0):
    """Return TSTR and TRTR with three training seeds; TSTR loses some Dice on the patients of scanner B."""
    rng = np.random.default_rng(seed)
    tested = cohort.cases[n_train:]
    level = rng.uniform(0.6, 0.8, (len(tested), 1))
    loss = np.array([[loss_of_b * (case.attributes["scanner"] == "B")] for case in tested])
    runs = []
    for alpha in (0.0, 1.0):
        for number in range(3):
            dice = level - loss * (alpha == 0) + 0.01 * rng.normal() + 0.03 * rng.normal(size=level.shape)
            dice = np.repeat(dice, 3, axis=1).clip(0, 1).tolist()
            ids = tuple(case.id for case in tested)
            runs.append(
                DrawnRun(alpha, number, dice, dice, ids=ids, cohort_=cohort, set_folder=folder, n_train=n_train)
            )
    return runs
