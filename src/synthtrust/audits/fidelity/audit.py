"""The fidelity audit: whether synthetic cases look like real ones, and differ as much from one another."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import pandas as pd
import torch

from synthtrust.audits.fidelity.cases import (
    CaseFeatures,
    Comparison,
    FeatureKey,
    FeatureTask,
    choose_comparison,
    extract_features,
    select,
)
from synthtrust.audits.fidelity.controls import control_rows
from synthtrust.audits.fidelity.measures import (
    EMBEDDED,
    EmbeddedCases,
    PlantedFaults,
    Resampling,
    Row,
    attribute_rows,
    diversity_rows,
    embed_sets,
    quality_rows,
    row,
    table,
)
from synthtrust.audits.fidelity.similarity import similarity_rows
from synthtrust.audits.fidelity.twins import twin_rows
from synthtrust.audits.fidelity.two_sample_classifier import two_sample_rows
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
    """What this audit needs of a run."""

    def facts(self) -> Mapping[str, Any]:
        """Return what it was made from: mode, alpha, seed."""


@dataclass
class Fidelity:
    """Compares each synthetic set with real cases that its generator never saw, in several feature spaces.

    The reference of every number is the holdout, never the training cases, to which a replay has distance 0. Every
    number stands beside its floor: the same number between two random halves of the holdout at the same n. SUPPORTED is
    shown, not assumed: the set has to lie on the better side of planted faults of a stated size. Patients are the unit;
    of several cases of one patient one is drawn.

    Images are read one by one, so that memory holds one a thread. Measured on one thread of a busy machine: 0.12 s a
    volume of 35 x 51 x 35 voxels, 0.02 s for a plane image of 28 x 28; 45 s for two sets of 200 such volumes, 2 s for
    one of 120 plane images. Every holdout case is read twice, the second time blurred.
    """

    takes_confounded: ClassVar[bool] = True
    """It is about sets, however cases of them were mixed."""

    spaces: Mapping[str, Space] = field(default_factory=default_spaces)
    """Name -> feature space; two at least, since none is agreed on for medical images."""
    min_patients_computed: int = 20
    """Patients on each side, below which nothing is computed."""
    min_patients: int = 50
    """Patients on each side, below which fidelity is never SUPPORTED."""
    significance: float = 0.01
    """Limit of p for NOT SUPPORTED, after Holm's correction over the feature spaces."""
    shift: float = 0.5
    """Planted fault that KID has to be shown to lie below for SUPPORTED: all real cases shifted by so many standard
    deviations, see `synthtrust.metrics.functional.planted_shift`."""
    repeats: int = 2
    """Planted mode collapse that coverage has to be shown to lie above: every case is there so many times."""
    shortcut_auc: float = 0.9
    """Area under the ROC curve above which numbers without content count as a shortcut."""
    max_patients: int = 1000
    """Greatest number of patients on each side."""
    max_pairs: int = 50
    """Greatest number of twins that are compared with their own real case."""
    n_ms_ssim: int = 24
    """Greatest number of cases on each side between which MS-SSIM is taken, every case with every other."""
    blur: float = 1.0
    """Standard deviation of the Gaussian that blurs real cases, which one space at least has to notice [voxels]."""
    neighbours: int = 5
    """Neighbours for precision, recall, density and coverage."""
    n_draws: int = 20
    """Random halves for each floor."""
    n_boot: int = 1000
    """Resamples of the patients for each interval."""
    n_permutations: int = 999
    """Permutations of the patients for each p."""
    threads: int = 0
    """Images read at once; 0 for one a core, at most 8. Each is held in memory while its features are extracted."""
    seed: int = 0
    """Seed of every draw."""

    def __post_init__(self) -> None:
        if len(self.spaces) < 2:
            raise Refusal(f"Expected at least two feature spaces for fidelity, but got {list(self.spaces)}.")
        if not self.shift > 0:
            raise Refusal(f"Expected audit.fidelity.shift above 0 standard deviations, but got {self.shift}.")
        if self.repeats < 2:
            raise Refusal(f"Expected audit.fidelity.repeats of 2 or more, but got {self.repeats}.")

    def __call__(self, runs: Iterable[AuditedRun]) -> dict[str, pd.DataFrame]:
        """Return tidy tables; each row is one measure of one set in one space (or region, or attribute).

        - ``quality``: KID with interval and permutation p beside a planted shift, Frechet distance, precision, density;
          its ``attrs`` hold the coordinates of the cases, for questions about some of them.
        - ``diversity``: coverage beside a planted mode collapse, recall, Vendi score, MS-SSIM between cases; volumes
          and intensities over patients.
        - ``proportion``: how many real and synthetic cases each share alpha that was run trained on.
        - ``twins``: twins of holdout labels beside their real cases, described only.
        - ``two_sample_classifier``: area under the curve of a classifier of real against synthetic.
        - ``controls``: whether planted faults were noticed.
        - ``verdict``: one per set.

        Raises:
            Refusal: If an image is constant, cannot be read, or holds NaN or infinity, or a feature space fails.
        """
        runs = list(runs)
        sets = synthetic_sets(runs)
        for first in sets[:1]:
            case, regions = (*first.train, *first.holdout)[0], list(first.regions.values())
            for name, space in self.spaces.items():
                try_space(space, name, case, first.modalities, regions)
        comparisons = {each.name: choose_comparison(each, self.max_patients, self.seed) for each in sets}
        tables: dict[str, list[Row]] = {
            n: [] for n in ("quality", "diversity", "twins", "two_sample_classifier", "controls")
        }
        embedded: dict[str, EmbeddedCases] = {}
        with _one_core_each():
            features = self._features(sets, comparisons)
            verdicts = [self._audit(each, comparisons[each.name], features, tables, embedded) for each in sets]
        frames = {name: table(rows) for name, rows in tables.items()}
        frames["quality"].attrs[EMBEDDED] = embedded
        frames["two_sample_classifier"]["shortcut"] = [row["shortcut"] for row in tables["two_sample_classifier"]]
        frames["proportion"] = pd.DataFrame(
            _proportions(runs), columns=["set", "mode", "alpha", "seed", "n_real", "n_synthetic"]
        )
        return frames | {"verdict": verdict_table(verdicts)}

    @property
    def _thresholds(self) -> FidelityThresholds:
        return FidelityThresholds(
            self.min_patients_computed,
            self.min_patients,
            self.significance,
            self.shortcut_auc,
            self.shift,
            self.repeats,
        )

    def _is_computable(self, comparison: Comparison) -> bool:
        """Return whether there are enough patients to compare two sets; twins are described one by one."""
        return min(len(comparison.real), len(comparison.synthetic)) >= self.min_patients_computed

    def _features(
        self, sets: Iterable[SyntheticSet], comparisons: Mapping[str, Comparison]
    ) -> dict[FeatureKey, CaseFeatures]:
        features: dict[FeatureKey, CaseFeatures] = {}
        for synthetic_set in sets:
            comparison = comparisons[synthetic_set.name]
            size = comparison.size
            tasks = [FeatureTask(case, size) for case in comparison.fitted or comparison.real]  # ranges describe twins
            if self._is_computable(comparison):
                tasks += [FeatureTask(case, size) for case in (*comparison.real, *comparison.synthetic)]
                tasks += [FeatureTask(case, size, self.blur) for case in comparison.real]
            features |= extract_features(
                tasks, self.spaces, synthetic_set.modalities, synthetic_set.regions, self.threads, known=features
            )
        return features

    def _audit(
        self,
        synthetic_set: SyntheticSet,
        comparison: Comparison,
        features: Mapping[FeatureKey, CaseFeatures],
        tables: dict[str, list[Row]],
        kept: dict[str, EmbeddedCases],
    ) -> Verdict:
        name, n_real, n_synthetic = synthetic_set.name, len(comparison.real), len(comparison.synthetic)
        resampling = Resampling(self.n_draws, self.n_boot, self.n_permutations, self.neighbours, self.seed)
        if described := select(features, comparison.fitted or comparison.real, comparison.size):
            ranges = np.median([case.ranges for case in described], axis=0)
            tables["twins"] += twin_rows(synthetic_set, ranges, resampling, self.max_pairs)
        if not self._is_computable(comparison):
            n = {"n_real": n_real, "n_synthetic": n_synthetic}
            note = f"Not computed: fewer than {self.min_patients_computed} patients on a side."
            tables["quality"] += [row(name, space, "KID", float("nan"), **n, note=note) for space in self.spaces]
            return too_few(synthetic_set.subject, n_real, n_synthetic, self._thresholds)
        real, synthetic, fitted = (
            select(features, cases, comparison.size)
            for cases in (comparison.real, comparison.synthetic, comparison.fitted)
        )
        faults = PlantedFaults(self.shift, self.repeats)
        embedded = {
            space: embed_sets(space, real, synthetic, fitted, published=bool(getattr(network, "published", False)))
            for space, network in self.spaces.items()
        }
        kept[name] = EmbeddedCases(comparison.real, comparison.synthetic, embedded)
        quality = [r for space, both in embedded.items() for r in quality_rows(name, space, both, resampling, faults)]
        diversity = [
            r for space, both in embedded.items() for r in diversity_rows(name, space, both, resampling, faults)
        ]
        classifier_rows = two_sample_rows(name, embedded, real, synthetic, resampling, self.shortcut_auc)
        blurred = select(features, comparison.real, comparison.size, self.blur)
        controls = control_rows(name, embedded, blurred, self.blur, resampling)
        verdict = fidelity_verdict(
            synthetic_set.subject,
            [*quality, *diversity],
            classifier_rows,
            controls,
            self._thresholds,
            known=synthetic_set.training_ids_known,
            note=comparison.note,
        )
        diversity += similarity_rows(synthetic_set, comparison.real, comparison.synthetic, resampling, self.n_ms_ssim)
        diversity += attribute_rows(name, real, synthetic, resampling)
        tables["quality"] += quality
        tables["diversity"] += diversity
        tables["two_sample_classifier"] += classifier_rows
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
        if "drawn" not in data:  # a set on which nothing was trained
            continue
        drawn = data["drawn"]["train"]
        rows.append(
            {"set": Path(data["twins"]).name, "mode": facts["mode"], "alpha": facts["alpha"], "seed": facts["seed"],
             "n_real": len(drawn["real"]), "n_synthetic": len(drawn["synthetic"])}
        )  # fmt: skip
    return rows
