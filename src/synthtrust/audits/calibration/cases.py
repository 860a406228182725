"""Copies planted in real cases, which stand in for what a perfectly honest generator would paint."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from synthtrust.audits.calibration.planting_study import PlantingStudy, Row, first_of_each_patient, outcome_row
from synthtrust.audits.privacy import p2_membership
from synthtrust.audits.privacy.audit_data import AuditData
from synthtrust.audits.privacy.controls import plant
from synthtrust.audits.privacy.duplicate_groups import duplicate_groups
from synthtrust.audits.privacy.embedded import EmbeddedCases, Grid, load_embedded, read_images, repeated
from synthtrust.audits.privacy.evidence import Evidence
from synthtrust.audits.privacy.p1_copies import Copies
from synthtrust.audits.privacy.question import CANDIDATES
from synthtrust.audits.privacy.settings import MIN_COMPUTED, NEIGHBOURS, PrivacySettings
from synthtrust.audits.privacy.verdict import leaks_of
from synthtrust.audits.privacy.views import View, in_its_view, nearest_in, views_of
from synthtrust.cases import Case, Cohort
from synthtrust.metrics.functional import NearestShare, most_similar, nearest_real_share
from synthtrust.refusals import Refusal

TESTS = ("P1", "P2", "P3")
VERBATIM = "exact"
"""The kind that membership inference is asked about too: it is a question of many copies, however transformed."""


@dataclass
class Calibration(PlantingStudy):
    """Plants copies of training cases among real cases that nobody trained on, and counts when a leak is called.

    Another disjoint part of a real cohort is the output of a perfectly honest generator: a leak that is called without
    planted copies is a false alarm.
    """

    n_train: int = 80
    n_holdout: int = 60
    n_synthetic: int = 60
    """Cases in each part, of as many patients."""

    def __call__(self, cohort: Cohort, folder: str | Path) -> dict[str, pd.DataFrame]:
        """Return tidy tables; a seed that was finished before is read, not asked again.

        - ``detection``: kind, share, n_copies, measure (P1, P2, P3 or any), detected, ci_low, ci_high (exact binomial
          over seeds), n_seeds, found (mean share of planted copies that P1 names), n_train, n_holdout, n_synthetic.
        - ``draws``: one row per seed, kind and share: n_found, leak and the measures that called it.

        Args:
            cohort: Real cases of at least n_train + n_holdout + n_synthetic patients.
            folder: Where finished seeds are kept, under the fingerprint of all that decides them.

        Raises:
            Refusal: If there are too few patients, or parts too small for the search.
        """
        cases = first_of_each_patient(cohort.cases)
        self._check(len(cases))
        modalities, grid = cohort.modalities, Grid.of(read_images(cohort.cases[0], cohort.modalities))
        sizes = {name: getattr(self, name) for name in ("n_train", "n_holdout", "n_synthetic")}
        home = self.home(folder, cases, modalities, sizes)
        if self.unfinished(home):
            images, _ = load_embedded(cases, modalities, grid, "real cases")
            images = images.without(repeated(images))
            self._check(len(images))
            planted: dict[tuple[str, str], dict[str, EmbeddedCases]] = {}
            self.finish(home, lambda seed: self._draw(images, modalities, grid, planted, seed))
        return self.tables(home, sizes)

    def _check(self, n: int) -> None:
        needed = self.n_train + self.n_holdout + self.n_synthetic
        if n < needed or min(self.n_train, self.n_holdout) < MIN_COMPUTED or not self.n_synthetic:
            raise Refusal(
                f"Expected at least {needed} different patients ({self.n_train} training, {self.n_holdout} unseen, "
                f"{self.n_synthetic} honest), {MIN_COMPUTED} training and {MIN_COMPUTED} unseen ones, but got {n}. Set "
                "calibration.n_train, n_holdout and n_synthetic."
            )

    def _draw(
        self,
        images: EmbeddedCases,
        modalities: Sequence[str],
        grid: Grid,
        planted: dict[tuple[str, str], dict[str, EmbeddedCases]],
        seed: int,
    ) -> Iterable[Row]:
        """Yield one row for each kind and share of one draw of the three parts."""
        order = np.random.default_rng(seed).permutation(len(images))
        ends = np.cumsum([self.n_train, self.n_holdout, self.n_synthetic])
        train, holdout, honest = (images.take(part) for part in np.split(order[: ends[-1]], ends[:-1]))
        sources = np.random.default_rng([seed, 1]).permutation(self.n_train)
        sources = np.resize(sources, self.n_synthetic)  # a set larger than the training set repeats them
        copies = _copies([train.cases[i] for i in sources], honest.cases, modalities, grid, planted)
        views = views_of(grid.extent, len(modalities), self)
        n_candidates = self.candidates(train, NEIGHBOURS)
        groups = duplicate_groups(train, holdout, self)
        null, _ = nearest_in(views, holdout, train, groups=groups, candidates=n_candidates)
        sides = {"": honest, **copies}
        results = {
            kind: _SearchResults.of(images, train, holdout, groups, views, self) for kind, images in sides.items()
        }
        shares = self.planted(self.n_synthetic).items()
        for kind, share, k in [("", 0.0, 0), *((kind, share, k) for kind in copies for share, k in shares)]:
            answers = results[""].replaced(results[kind], k)
            search = self.search(answers.similarity, null)
            copy_answer = Copies(views, answers.similarity, answers.index, null, search)
            evidence = Evidence(
                len(train), len(holdout), self.n_synthetic, copy_answer, share=self._share(answers, train, holdout)
            )
            if kind in ("", VERBATIM):
                not_replaced = honest.take(range(k, len(honest)))
                data = AuditData(train, holdout, copies[kind or VERBATIM].take(range(k)).join(not_replaced))
                evidence = replace(evidence, membership=p2_membership.ask(data, self))
            leaks = list(leaks_of(evidence, self))
            nearest = in_its_view(answers.index, search.view)
            right = (groups[nearest[:k]] == groups[sources[:k]]).numpy()
            copied = search.copy[:k] & right
            tests = TESTS if evidence.membership else TESTS[::2]
            yield outcome_row(seed, kind or "none", share, (k, int(copied.sum())), leaks, tests)

    def _share(self, answers: "_SearchResults", train: EmbeddedCases, holdout: EmbeddedCases) -> NearestShare:
        is_train = np.arange(len(train) + len(holdout)) < len(train)
        return nearest_real_share(
            answers.real, is_train, n_permutations=self.n_permutations, seed=self.seed, level=self.confidence
        )


@dataclass(frozen=True)
class _SearchResults:
    """The results of the searches for images of one kind, in order; rows may be replaced by those of another kind."""

    similarity: NDArray[np.float64]
    """Similarity to the nearest 6 training cases, in each view ``(V, n, 6)``."""
    index: NDArray[np.int64]
    """Index of the nearest training case, in each view ``(V, n)``."""
    real: NDArray[np.int64]
    """Index of the nearest of training and unseen cases, ``(n,)``."""

    @classmethod
    def of(
        cls, images: EmbeddedCases, train: EmbeddedCases, holdout: EmbeddedCases, groups: Tensor, views: Sequence[View],
        settings: PrivacySettings,
    ) -> "_SearchResults":  # fmt: skip
        """Search for images among the training cases, in which a group counts as one case, and among all real cases."""
        n_candidates = settings.candidates(train, NEIGHBOURS)
        similarity, index = nearest_in(views, images, train, groups=groups, candidates=n_candidates)
        both = train.join(holdout)
        real = most_similar(images.bank, both.bank, 1, candidates=settings.candidates(both, CANDIDATES))[1][:, 0]
        return cls(similarity, index[..., 0], real.numpy())

    def replaced(self, other: "_SearchResults", k: int) -> "_SearchResults":
        """Return these results with the first k rows replaced by those of another kind."""
        similarity, index = (
            np.concatenate([planted[:, :k], honest[:, k:]], axis=1)
            for planted, honest in ((other.similarity, self.similarity), (other.index, self.index))
        )
        return _SearchResults(similarity, index, np.concatenate([other.real[:k], self.real[k:]]))


def _copies(
    cases: Sequence[Case], honest: Sequence[Case], modalities: Sequence[str], grid: Grid,
    planted: dict[tuple[str, str], dict[str, EmbeddedCases]],
) -> dict[str, EmbeddedCases]:  # fmt: skip
    """Return copies of cases by kind, with what is not copied from an honest case each; made once of each pair."""
    pairs = [(case, other) for case, other in zip(cases, honest, strict=True)]
    for case, other in pairs:
        if (case.id, other.id) not in planted:
            planted[case.id, other.id] = plant([case], [other], modalities, grid, seed=len(planted))
    of_pairs = [planted[case.id, other.id] for case, other in pairs]
    return {kind: of_pairs[0][kind].join(*(copies[kind] for copies in of_pairs[1:])) for kind in of_pairs[0]}
