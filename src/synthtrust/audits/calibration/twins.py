"""Copies planted among twins on label maps, of a generator that saw none of the cases they are searched for in."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from synthtrust.audits.calibration.planting_study import PlantingStudy, Row, first_of_each_patient, outcome_row
from synthtrust.audits.privacy import p4_twin_leak
from synthtrust.audits.privacy.audit_data import AuditData
from synthtrust.audits.privacy.embedded import EmbeddedCases, Grid, embed, load_embedded, read_images
from synthtrust.audits.privacy.evidence import Evidence, examine
from synthtrust.audits.privacy.gathering import residual_of
from synthtrust.audits.privacy.p1_copies import Copies, SourceCopies
from synthtrust.audits.privacy.settings import MIN_COMPUTED, MIN_TRAIN_COMPUTED, NEIGHBOURS
from synthtrust.audits.privacy.transforms import kinds, transform_copy
from synthtrust.audits.privacy.verdict import leaks_of
from synthtrust.audits.privacy.views import nearest_in, pairwise_in
from synthtrust.cases import Case, Cohort
from synthtrust.generators import Generator, synthesize
from synthtrust.machine import readers
from synthtrust.metrics.functional import region_residual_similarity
from synthtrust.refusals import Refusal

TESTS_WITHOUT_COPIES = ("P1", "P2", "P3", "P4")
TESTS_WITH_COPIES = ("P1", "P4")
"""P2 and P3 leave out each twin's own source, so that copies of it do not reach them."""


@dataclass
class TwinCalibration(PlantingStudy):
    """Plants copies of their own source among twins, and counts when a leak is called.

    A generator learns from one part of a real cohort and paints on the label maps of the rest, whose images it never
    saw. Whichever of those are called its training cases, its twins of them are honest: a leak that is called is a
    false alarm. Then a share of these twins gives way to transformed copies of the image that the label map belongs to.
    """

    generator: Generator = field(kw_only=True)
    """Paints the honest twins."""
    synthetic: str = field(kw_only=True)
    """Folder of all synthetic sets."""
    n_fit: int = 60
    """Patients that the generator learns from; the same in all draws."""
    n_train: int = 80
    n_holdout: int = 60
    """The number of the others: who is called training and unseen, drawn anew with each seed."""

    def __call__(self, cohort: Cohort, folder: str | Path) -> dict[str, pd.DataFrame]:
        """Return the tables ``detection`` and ``draws`` of `Calibration`; shares are of the twins of training labels.

        P2 and P3 are asked without copies alone.

        Args:
            cohort: Real cases with label maps, of at least n_fit + n_train + n_holdout patients.
            folder: Where finished seeds are kept, under the fingerprint of all that decides them.

        Raises:
            CaseError: If the cases have classes, or the generator fails.
            Refusal: If there are too few patients, or parts too small for the search.
        """
        if cohort.task != "segmentation":
            raise Refusal(
                f"Expected cases with label maps, to paint twins on, but {cohort.name} has classes. Ask "
                "experiment=controls."
            )
        cases = first_of_each_patient(cohort.cases)
        needed = self.n_fit + self.n_train + self.n_holdout
        if len(cases) < needed or self.n_train < MIN_TRAIN_COMPUTED or self.n_holdout < MIN_COMPUTED:
            raise Refusal(
                f"Expected at least {needed} patients ({self.n_fit} to learn from, {self.n_train} training, "
                f"{self.n_holdout} unseen), {MIN_TRAIN_COMPUTED} training and {MIN_COMPUTED} unseen ones, but got "
                f"{len(cases)}. Set calibration.n_fit, n_train and n_holdout."
            )
        order = np.random.default_rng(self.seed).permutation(len(cases))
        fitted = [cases[i] for i in sorted(order[: self.n_fit])]
        unseen = [cases[i] for i in sorted(order[self.n_fit :])]
        twins = synthesize(self.generator, cohort, fitted, unseen, self.synthetic)
        home = self.home(folder, unseen, cohort.modalities, twins.folder.name, self.n_fit, self.n_train, self.n_holdout)
        if self.unfinished(home):
            pairs = _TwinPairs.of(unseen, twins.cases, cohort)
            self.finish(home, lambda seed: self._draw(pairs, seed))
        return self.tables(
            home, {"n_train": self.n_train, "n_holdout": self.n_holdout, "n_synthetic": self.n_train + self.n_holdout}
        )

    def _draw(self, pairs: "_TwinPairs", seed: int) -> Iterable[Row]:
        """Yield one row for each kind and share of one draw of training and unseen cases."""
        order = np.random.default_rng(seed).permutation(len(pairs.real))[: self.n_train + self.n_holdout]
        train, holdout = order[: self.n_train], order[self.n_train :]
        data = AuditData(
            pairs.real.take(train), pairs.real.take(holdout), pairs.twins.take(order), conditional=True,
            residual=pairs.residual.__getitem__, extent=pairs.grid.extent,
        )  # fmt: skip
        evidence = examine(data, self, reported=False)
        yield outcome_row(seed, "none", 0.0, (0, 0), list(leaks_of(evidence, self)), TESTS_WITHOUT_COPIES)
        sources = np.random.default_rng([seed, 1]).permutation(self.n_train)
        copies, _ = _computed_copies(evidence)
        for kind in kinds(len(pairs.modalities)):
            n_candidates = self.candidates(data.train, NEIGHBOURS)
            rows = _CopyResults.of(data.train, kind, pairs, copies, n_candidates)
            for share, k in self.planted(self.n_train).items():
                chosen = sources[:k]
                with_copies = self._evidence_with(evidence, data, rows, chosen)
                _, changed = _computed_copies(with_copies)
                named = int(changed.search.copy[chosen].sum()) if changed.search else 0
                yield outcome_row(seed, kind, share, (k, named), list(leaks_of(with_copies, self)), TESTS_WITH_COPIES)

    def _evidence_with(
        self, honest: Evidence, data: AuditData, copies: "_CopyResults", chosen: NDArray[np.intp]
    ) -> Evidence:
        """Return the evidence on the set in which some twins are copies; P2 and P3 stay those of the honest set."""
        honest_copies, source = _computed_copies(honest)
        similarity, index = honest_copies.similarity.copy(), honest_copies.index.copy()
        own = _beside(source.similarity, similarity[:, : self.n_train])
        similarity[:, chosen], index[:, chosen] = copies.similarity[:, chosen], copies.index[:, chosen]
        own[:, chosen] = _beside(copies.own, copies.similarity)[:, chosen]
        residual = {data.train.cases[i].id: copies.residual[i] for i in chosen}
        residual = {case.id: data.residual(case.id) for case in data.synthetic.cases if data.residual} | residual
        return replace(
            honest,
            copies=replace(
                honest_copies,
                similarity=similarity,
                index=index,
                search=self.search(similarity, honest_copies.null),
                source=replace(source, similarity=own[..., 0], search=self.search(own, source.null, ranked=False)),
            ),
            twin_leak=p4_twin_leak.ask(replace(data, residual=residual.__getitem__), self),
        )


@dataclass(frozen=True)
class _TwinPairs:
    """Real cases and their twins in one order, and the copies that were made so far."""

    real: EmbeddedCases
    twins: EmbeddedCases
    residual: dict[str, float]
    """Case id -> similarity of case and twin beyond what their label explains."""
    labels: Sequence[int]
    modalities: Sequence[str]
    grid: Grid
    twin_of: dict[str, Case]
    """Case id -> its twin, which makes up what is not copied of the case."""
    copied: dict[tuple[str, str], tuple[EmbeddedCases, float]]
    """Kind and case id -> a copy, and its similarity to the case beyond what the label explains."""

    @classmethod
    def of(cls, real: Sequence[Case], twins: Sequence[Case], cohort: Cohort) -> "_TwinPairs":
        """Read the cases and their twins."""
        grid, labels = Grid.of(read_images(real[0], cohort.modalities)), sorted(cohort.labels.values())
        twin_of = {twin.id: twin for twin in twins}
        twins = [twin_of[case.id] for case in real]
        with ThreadPoolExecutor(readers()) as pool:
            similarities = pool.map(lambda case, twin: residual_of(case, twin, cohort.modalities, labels), real, twins)
            residual = {case.id: similarity for case, similarity in zip(real, similarities, strict=True)}
        real_images, twin_images = (
            load_embedded(side, cohort.modalities, grid, name)[0]
            for side, name in ((real, "real cases"), (twins, "twins"))
        )
        return cls(real_images, twin_images, residual, labels, cohort.modalities, grid, twin_of, {})

    def copy_of(self, case: Case, kind: str) -> tuple[EmbeddedCases, float]:
        """Return a copy of a case and its similarity; a copy that an earlier seed made is reused."""
        if (kind, case.id) not in self.copied:
            image, other = (read_images(c, self.modalities) for c in (case, self.twin_of[case.id]))
            number = kinds(len(self.modalities)).index(kind)
            copy = transform_copy(image, kind, np.random.default_rng([len(case.id), *map(ord, case.id), number]), other)
            similarity = region_residual_similarity(image, copy, torch.from_numpy(case.load_label()), self.labels)
            self.copied[kind, case.id] = embed(copy, self.grid, case), similarity
        return self.copied[kind, case.id]


@dataclass(frozen=True)
class _CopyResults:
    """The results of the search for copies of all training cases by one transform, in the order of the cases."""

    similarity: NDArray[np.float64]
    """Similarity to the nearest 6 other training cases, in each view ``(V, n, 6)``."""
    index: NDArray[np.int64]
    """Index of the nearest other training case ``(V, n)``."""
    own: NDArray[np.float64]
    """Similarity to the source ``(V, n)``."""
    residual: NDArray[np.float64]
    """Similarity to the source beyond what the label explains, ``(n,)``."""

    @classmethod
    def of(cls, train: EmbeddedCases, kind: str, pairs: _TwinPairs, honest: Copies, candidates: int) -> "_CopyResults":
        """Copy all training cases by one transform, and search for the copies."""
        copies = [pairs.copy_of(case, kind) for case in train.cases]
        (first, *others), itself = [copy for copy, _ in copies], torch.arange(len(copies))
        planted = first.join(*others)
        similarity, index = nearest_in(
            honest.views, planted, train, exclude=itself, groups=honest.groups, candidates=candidates
        )
        own = pairwise_in(honest.views, planted, train)
        return cls(similarity, index[..., 0], own, np.array([residual for _, residual in copies]))


def _beside(to_source: NDArray[np.float64], to_others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return similarities ``(V, n, 6)``: to the source, and to the five nearest others."""
    return np.concatenate([to_source[..., None], to_others[..., : NEIGHBOURS - 1]], axis=2)


def _computed_copies(evidence: Evidence) -> tuple[Copies, SourceCopies]:
    copies = evidence.copies
    if copies is None or copies.source is None:
        raise Refusal("Expected enough cases for the copy search, but it was not computed.")
    return copies, copies.source
