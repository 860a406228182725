"""What the privacy audit finds: copies planted in real cases, which stand in for a perfectly honest generator."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from scipy.stats import binomtest

from synthtrust.audits.privacy.controls import plant
from synthtrust.audits.privacy.copies import KINDS
from synthtrust.audits.privacy.evidence import NEIGHBOURS, Evidence, Material, membership_of
from synthtrust.audits.privacy.images import Grid, Images, first_of_each, read_images, ready
from synthtrust.audits.privacy.limits import FEWEST, FEWEST_TRAIN, Limits
from synthtrust.audits.privacy.verdict import leaks_of
from synthtrust.cases import Case, Cohort
from synthtrust.files import aside, fingerprint
from synthtrust.metrics.functional import Bank, nearest, nearest_real_share

TESTS = ("P1", "P2", "P3")
VERBATIM = "exact"
"""The kind that membership inference is asked about too: it is a question of many copies, whatever their disguise."""


@dataclass
class Calibration(Limits):
    """Plants copies of training cases among real cases that nobody trained on, and counts when a leak is called.

    Another disjoint part of a real cohort is the output of a perfectly honest generator: a leak that is called without
    planted copies is a false alarm.
    """

    shares: Sequence[float] = (0.0, 0.05, 0.15, 0.3, 1.0)
    """Shares of planted copies in the set, one copy at least; 0 asks for false alarms."""
    n_train: int = 80
    n_holdout: int = 60
    n_synthetic: int = 60
    """Cases in each part, of as many patients."""
    seeds: int = 20
    """Draws of the three parts."""

    def __call__(self, cohort: Cohort, folder: str | Path) -> dict[str, pd.DataFrame]:
        """Return tidy tables; a seed that was finished before is read, not asked again.

        - ``detection``: kind, share, n_copies, measure (P1, P2, P3 or any), detected, ci_low, ci_high (exact binomial
          over seeds), n_seeds, found (mean share of planted copies that P1 names), n_train, n_holdout, n_synthetic.
        - ``draws``: one row per seed, kind and share: n_found, leak and the measures that called it.

        Args:
            cohort: Real cases of at least n_train + n_holdout + n_synthetic patients.
            folder: Where finished seeds are kept, under the fingerprint of all that decides them.

        Raises:
            ValueError: If there are too few patients, or parts too small for the search.
        """
        cases = list({case.patient: case for case in reversed(cohort.cases)}.values())[::-1]
        self._check(len(cases))
        modalities, grid = cohort.modalities, Grid.of(read_images(cohort.cases[0], cohort.modalities))
        decisive = {name: value for name, value in asdict(self).items() if name != "seeds"}
        home = Path(folder) / fingerprint([decisive, [case.id for case in cases], list(modalities)])
        left = [seed for seed in range(self.seeds) if not (home / f"{seed}.csv").exists()]
        if left:
            images, _ = ready(cases, modalities, grid, "real cases")
            images = images.take(first_of_each(images))
            self._check(len(images))
            planted: dict[str, dict[str, Bank]] = {}
            for seed in track(left, "Planting copies", console=Console(stderr=True), transient=True):
                rows = pd.DataFrame(self._draw(images, modalities, grid, planted, seed))
                with aside(home / f"{seed}.csv") as temporary:
                    rows.to_csv(temporary, index=False)
        draws = pd.concat([pd.read_csv(home / f"{seed}.csv", keep_default_na=False) for seed in range(self.seeds)])
        return {"detection": pd.DataFrame(self._counts(draws)), "draws": draws.reset_index(drop=True)}

    def _check(self, n: int) -> None:
        needed = self.n_train + self.n_holdout + self.n_synthetic
        if n < needed or self.n_train < FEWEST_TRAIN or self.n_holdout < FEWEST or not self.n_synthetic:
            raise ValueError(
                f"Expected at least {needed} different patients ({self.n_train} training, {self.n_holdout} unseen, "
                f"{self.n_synthetic} honest), {FEWEST_TRAIN} training and {FEWEST} unseen ones, but got {n}. Set "
                "calibration.n_train, n_holdout and n_synthetic."
            )

    def _draw(
        self, images: Images, modalities: Sequence[str], grid: Grid, planted: dict[str, dict[str, Bank]], seed: int
    ) -> Iterable[dict[str, Any]]:
        """Yield one row for each kind and share of one draw of the three parts."""
        order = np.random.default_rng(seed).permutation(len(images))
        ends = np.cumsum([self.n_train, self.n_holdout, self.n_synthetic])
        train, holdout, honest = (images.take(part) for part in np.split(order[: ends[-1]], ends[:-1]))
        sources = np.random.default_rng([seed, 1]).permutation(self.n_train)
        sources = np.resize(sources, self.n_synthetic)  # a set larger than the training set repeats them
        copies = _copies([train.cases[i] for i in sources], modalities, grid, planted)
        null = nearest(holdout.bank, train.bank, NEIGHBOURS)[0].double().numpy()
        asked = {kind: _Asked.of(bank, train, holdout) for kind, bank in {"": honest.bank, **copies}.items()}
        for kind, share in [("", 0.0), *((kind, share) for kind in KINDS for share in self.shares if share)]:
            k = max(1, round(share * self.n_synthetic)) if share else 0
            one = asked[""].replaced(asked[kind], k)
            found = self._evidence(one, null, train, holdout)
            if kind in ("", VERBATIM):
                bank = Bank.join([copies[kind or VERBATIM].take(slice(k)), honest.bank.take(slice(k, None))])
                found.membership = membership_of(Material(train, holdout, Images(bank, honest.cases)), self)
            leaks = list(leaks_of(found, self))
            copied = found.copies.copy[:k] & (one.index[:k] == sources[:k]) if found.copies else np.zeros(k, bool)
            by = [test for test in TESTS if any(f"({test})" in leak for leak in leaks)]
            yield {
                "seed": seed, "kind": kind or "none", "share": share, "n_copies": k, "n_found": int(copied.sum()),
                "leak": bool(leaks), "by": " ".join(by), "asked": " ".join(TESTS if found.membership else TESTS[::2]),
            }  # fmt: skip

    def _evidence(self, one: "_Asked", null: NDArray, train: Images, holdout: Images) -> Evidence:
        found = Evidence(len(train), len(holdout), len(one.index), null=null)
        found.copies = self.search(one.similarity, null)
        found.nearest = one.similarity, one.index
        is_train = np.arange(len(train) + len(holdout)) < len(train)
        found.share = nearest_real_share(
            one.real, is_train, n_permutations=self.n_permutations, seed=self.seed, level=self.level
        )
        return found

    def _counts(self, draws: pd.DataFrame) -> Iterable[dict[str, Any]]:
        """Yield how often a leak was called, for each kind, share and measure."""
        for (kind, share, k), rows in draws.groupby(["kind", "share", "n_copies"], sort=False):
            for test in ("any", *rows["asked"].iloc[0].split()):
                hits = int(rows["leak"].sum() if test == "any" else rows["by"].str.contains(test).sum())
                interval = binomtest(hits, len(rows)).proportion_ci(self.level)
                yield {
                    "kind": kind, "share": share, "n_copies": k, "measure": test, "detected": hits / len(rows),
                    "ci_low": interval.low, "ci_high": interval.high, "n_seeds": len(rows),
                    "found": rows["n_found"].sum() / rows["n_copies"].sum() if k else float("nan"),
                    "n_train": self.n_train, "n_holdout": self.n_holdout, "n_synthetic": self.n_synthetic,
                }  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    """What the search says of images of one kind, in order; rows can be changed for those of another kind."""

    similarity: NDArray[np.float64]
    """To the nearest 6 training cases, ``(n, 6)``."""
    index: NDArray[np.int64]
    """The nearest training case."""
    real: NDArray[np.int64]
    """The nearest of training and unseen cases."""

    @classmethod
    def of(cls, bank: Bank, train: Images, holdout: Images) -> "_Asked":
        """Search for images among training cases, and among training and unseen ones."""
        similarity, index = nearest(bank, train.bank, NEIGHBOURS)
        real = nearest(bank, train.join(holdout).bank, 1, candidates=3)[1][:, 0]
        return cls(similarity.double().numpy(), index[:, 0].numpy(), real.numpy())

    def replaced(self, other: "_Asked", k: int) -> "_Asked":
        """Return the first k rows of another kind, and the others as they are."""
        pairs = ((other.similarity, self.similarity), (other.index, self.index), (other.real, self.real))
        return _Asked(*(np.concatenate([theirs[:k], mine[k:]]) for theirs, mine in pairs))


def _copies(
    cases: Sequence[Case], modalities: Sequence[str], grid: Grid, planted: dict[str, dict[str, Bank]]
) -> dict[str, Bank]:
    """Return copies of cases by kind; a case that an earlier seed copied is not copied again."""
    for case in cases:
        if case.id not in planted:
            planted[case.id] = plant([case], modalities, grid, seed=len(planted))
    return {kind: Bank.join([planted[case.id][kind] for case in cases]) for kind in KINDS}
