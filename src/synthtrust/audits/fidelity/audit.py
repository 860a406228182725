"""The fidelity audit: whether synthetic cases look like real ones, and differ as much from one another."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch

from synthtrust.audits.fidelity.cases import Job, Key, Reduced, Sides, reduce_all, sides_of, taken
from synthtrust.audits.fidelity.controls import control_rows
from synthtrust.audits.fidelity.measures import (
    Draws,
    Row,
    attribute_rows,
    clouds,
    diversity_rows,
    quality_rows,
    row,
    similarity_rows,
    table,
)
from synthtrust.audits.fidelity.twins import twin_rows
from synthtrust.audits.fidelity.two_sample_classifier import telling_rows
from synthtrust.audits.fidelity.verdict import FidelityThresholds, fidelity_verdict, too_few
from synthtrust.audits.sets import PaintedRun, SyntheticSet, synthetic_sets
from synthtrust.audits.spaces import LowResolution, RandomConvolutions, RegionTexture, Space, try_space
from synthtrust.audits.verdict import verdict_table
from synthtrust.refusals import Refusal
from synthtrust.verdicts import Verdict


def default_spaces() -> dict[str, Space]:
    """Return the feature spaces that need no download."""
    return {
        "random convolutions": RandomConvolutions(),
        "region texture": RegionTexture(),
        "low resolution": LowResolution(),
    }


class AuditedRun(PaintedRun, Protocol):
    """What is asked of a run."""

    def facts(self) -> Mapping[str, Any]:
        """Return what it was made from: mode, alpha, seed."""


@dataclass
class Fidelity:
    """Compares each synthetic set with real cases that its generator never saw, in several feature spaces.

    The reference of every number is the holdout, never the training cases, to which a replay has distance 0. Every
    number stands beside its floor: the same number between two random halves of the holdout at the same n. Patients
    are the unit; of several cases of one patient one is drawn.

    Images are read one by one, so that memory holds one a thread. Measured on one thread of a busy machine: 0.12 s a
    volume of 35 x 51 x 35 voxels, 0.02 s for a plane image of 28 x 28; 45 s for two sets of 200 such volumes, 2 s for
    one of 120 plane images. Every holdout case is read twice, the second time blurred.
    """

    spaces: Mapping[str, Space] = field(default_factory=default_spaces)
    """Name -> feature space; two at least, since none is agreed on for medical images."""
    fewest: int = 20
    """Patients on each side below which nothing is computed."""
    enough: int = 50
    """Patients on each side from which fidelity can be supported."""
    significance: float = 0.01
    """For not supported, after Holm's correction over the feature spaces."""
    shortcut_auc: float = 0.9
    """Area from which on numbers without content count as a shortcut."""
    most: int = 1000
    """Patients on each side at most."""
    pairs: int = 50
    """Twins compared with their own real case at most."""
    alike: int = 24
    """Cases on each side between which MS-SSIM is taken, every one with every other."""
    blur: float = 1.0
    """Gaussian of the planted fault [voxels]."""
    neighbours: int = 5
    """For precision, recall, density and coverage."""
    n_draws: int = 20
    """Random halves for each floor."""
    n_boot: int = 1000
    n_permutations: int = 999
    threads: int = 0
    """Images read at once; 0 for one a core, at most 8. Each is held in memory while it is reduced."""
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.spaces) < 2:
            raise Refusal(f"Expected at least two feature spaces for fidelity, but got {list(self.spaces)}.")

    def __call__(self, runs: Iterable[AuditedRun]) -> dict[str, pd.DataFrame]:
        """Return tidy tables: a row is a set, a space (or place, or attribute) and a measure, with its value.

        - ``quality``: KID with interval and permutation p, Frechet distance, precision, density.
        - ``diversity``: recall, coverage, Vendi score, MS-SSIM between cases; volumes and intensities over patients.
        - ``proportion``: how many real and synthetic cases each share alpha that was run trained on.
        - ``twins``: twins of holdout labels beside their real cases, described only.
        - ``telling_apart``: area under the curve of a classifier of real against synthetic.
        - ``controls``: whether planted faults were noticed.
        - ``verdict``: one per set.

        Raises:
            Refusal: If an image is constant, cannot be read, or holds NaN or infinity, or a feature space fails.
        """
        runs = list(runs)
        sets = synthetic_sets(runs)
        for one in sets[:1]:
            for name, space in self.spaces.items():
                try_space(space, name, (*one.train, *one.holdout)[0], one.modalities, list(one.regions.values()))
        sides = {one.name: sides_of(one, self.most, self.seed) for one in sets}
        tables: dict[str, list[Row]] = {n: [] for n in ("quality", "diversity", "twins", "telling_apart", "controls")}
        with _one_core_each():
            reduced = self._reduced(sets, sides)
            verdicts = [self._audit(one, sides[one.name], reduced, tables) for one in sets]
        made = {name: table(rows) for name, rows in tables.items()}
        made["telling_apart"]["shortcut"] = [row["shortcut"] for row in tables["telling_apart"]]
        made["proportion"] = pd.DataFrame(
            _proportions(runs), columns=["set", "mode", "alpha", "seed", "n_real", "n_synthetic"]
        )
        return made | {"verdict": verdict_table(verdicts)}

    @property
    def _thresholds(self) -> FidelityThresholds:
        return FidelityThresholds(self.fewest, self.enough, self.significance, self.shortcut_auc)

    def _enough(self, sides: Sides) -> bool:
        """Whether there are patients enough for what compares two sets; twins are described one by one."""
        return min(len(sides.real), len(sides.synthetic)) >= self.fewest

    def _reduced(self, sets: Iterable[SyntheticSet], sides: Mapping[str, Sides]) -> dict[Key, Reduced]:
        reduced: dict[Key, Reduced] = {}
        for one in sets:
            here = sides[one.name]
            jobs = [Job(case, here.size) for case in here.fitted or here.real]  # for the ranges that describe twins
            if self._enough(here):
                jobs += [Job(case, here.size) for case in (*here.real, *here.synthetic)]
                jobs += [Job(case, here.size, self.blur) for case in here.real]
            reduced |= reduce_all(jobs, self.spaces, one.modalities, one.regions, self.threads, known=reduced)
        return reduced

    def _audit(
        self,
        one: SyntheticSet,
        sides: Sides,
        reduced: Mapping[Key, Reduced],
        tables: dict[str, list[Row]],
    ) -> Verdict:
        n = {"n_real": len(sides.real), "n_synthetic": len(sides.synthetic)}
        draws = Draws(self.n_draws, self.n_boot, self.n_permutations, self.neighbours, self.seed)
        if known := taken(reduced, sides.fitted or sides.real, sides.size):
            tables["twins"] += twin_rows(one, np.median([r.ranges for r in known], axis=0), draws, self.pairs)
        if not self._enough(sides):
            note = f"Not computed: fewer than {self.fewest} patients on a side."
            tables["quality"] += [row(one.name, space, "KID", float("nan"), **n, note=note) for space in self.spaces]
            return too_few(one.subject, len(sides.real), len(sides.synthetic), self._thresholds)
        real, synthetic, fitted = (
            taken(reduced, side, sides.size) for side in (sides.real, sides.synthetic, sides.fitted)
        )
        both = {space: clouds(space, real, synthetic, fitted) for space in self.spaces}
        quality = [r for space, cloud in both.items() for r in quality_rows(one.name, space, cloud, draws)]
        diversity = [r for space, cloud in both.items() for r in diversity_rows(one.name, space, cloud, draws)]
        classifier_rows = telling_rows(one.name, both, real, synthetic, draws, self.shortcut_auc)
        controls = control_rows(one.name, both, taken(reduced, sides.real, sides.size, self.blur), self.blur, draws)
        verdict = fidelity_verdict(
            one.subject,
            [*quality, *diversity],
            classifier_rows,
            controls,
            self._thresholds,
            known=one.training_ids_known,
            note=sides.note,
        )
        diversity += similarity_rows(one, sides.real, sides.synthetic, draws, self.alike)
        diversity += attribute_rows(one.name, real, synthetic, draws)
        tables["quality"] += quality
        tables["diversity"] += diversity
        tables["telling_apart"] += classifier_rows
        tables["controls"] += controls
        return verdict


@contextmanager
def _one_core_each() -> Iterator[None]:
    """Keep torch to one core for each image that is read: many small images, and every core has its own."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _proportions(runs: Iterable[AuditedRun]) -> list[dict[str, Any]]:
    """Return how many cases of each source every run trained on."""
    rows = []
    for run in runs:
        facts, data = run.facts(), run.data()
        drawn = data["drawn"]["train"]
        rows.append(
            {"set": Path(data["twins"]).name, "mode": facts["mode"], "alpha": facts["alpha"], "seed": facts["seed"],
             "n_real": len(drawn["real"]), "n_synthetic": len(drawn["synthetic"])}
        )  # fmt: skip
    return rows
