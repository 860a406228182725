"""A planting study: parts of a cohort are drawn again and again, and the outcome of each draw is kept and counted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from scipy.stats import binomtest

from synthtrust.audits.privacy.question import Leak
from synthtrust.audits.privacy.settings import PrivacySettings
from synthtrust.cases import Case
from synthtrust.cases.content import content_of
from synthtrust.files import fingerprint
from synthtrust.progress import track
from synthtrust.tables import read_back, write_csv

Row = dict[str, Any]


@dataclass
class PlantingStudy(PrivacySettings):
    """The settings of the audit, what is planted, and how often."""

    shares: Sequence[float] = (0.0, 0.05, 0.15, 0.3, 1.0)
    """Shares of planted copies, one copy at least; 0 asks for false alarms."""
    seeds: int = 20
    """Draws of the parts."""

    search_version: ClassVar[int] = 5
    """Raised when the search gives other numbers, so that seeds are asked anew."""

    def planted(self, n: int) -> dict[float, int]:
        """Return share -> copies among n images, one at least; the share is that of the copies, rounded to images."""
        counts = [max(1, round(share * n)) for share in self.shares if share]
        return {k / n: k for k in counts}

    def home(self, folder: str | Path, cases: Sequence[Case], modalities: Sequence[str], *more: Any) -> Path:
        """Return the folder of the outcomes under these settings, of these cases; its name changes with any of them."""
        settings = {key: value for key, value in vars(self).items() if key in {f.name for f in fields(PrivacySettings)}}
        with ThreadPoolExecutor() as pool:
            contents = list(pool.map(content_of, cases))
        return Path(folder) / fingerprint(
            [self.search_version, settings, self.shares, contents, list(modalities), *more]
        )

    def unfinished(self, home: Path) -> list[int]:
        """Return the seeds that were not finished before."""
        return [seed for seed in range(self.seeds) if not (home / f"{seed}.csv").exists()]

    def finish(self, home: Path, draw: Callable[[int], Iterable[Row]]) -> None:
        """Draw every seed that is not finished, and write its rows."""
        for seed in track(self.unfinished(home), "Planting copies"):
            rows = pd.DataFrame(draw(seed))
            write_csv(home / f"{seed}.csv", rows)

    def tables(self, home: Path, sizes: Mapping[str, int]) -> dict[str, pd.DataFrame]:
        """Return ``detection`` and ``draws`` of all seeds.

        Args:
            home: Where the rows of each seed lie.
            sizes: Name -> number of cases in a part, for the columns of ``detection``.
        """
        draws = read_back(
            pd.concat([pd.read_csv(home / f"{seed}.csv", keep_default_na=False) for seed in range(self.seeds)])
        )
        return {"detection": pd.DataFrame(self._counts(draws, sizes)), "draws": draws.reset_index(drop=True)}

    def _counts(self, draws: pd.DataFrame, sizes: Mapping[str, int]) -> Iterable[Row]:
        """Yield how often a leak was called, for each kind, share and measure."""
        for (kind, share, k), rows in draws.groupby(["kind", "share", "n_copies"], sort=False):
            for test in ("any", *rows["asked"].iloc[0].split()):
                hits = int(rows["leak"].sum() if test == "any" else sum(test in tests.split() for tests in rows["by"]))
                interval = binomtest(hits, len(rows)).proportion_ci(self.confidence)
                yield {
                    "kind": kind, "share": share, "n_copies": k, "measure": test, "detected": hits / len(rows),
                    "ci_low": interval.low, "ci_high": interval.high, "n_seeds": len(rows),
                    "found": rows["n_found"].sum() / rows["n_copies"].sum() if k else float("nan"), **sizes,
                }  # fmt: skip


def outcome_row(
    seed: int, kind: str, share: float, copies: tuple[int, int], leaks: Sequence[Leak], asked: Sequence[str]
) -> Row:
    """Return the row of one set with copies, or without: which tests called a leak.

    Args:
        seed: The seed of the draw.
        kind: The kind of the copies; ``none`` without.
        share: The share of copies.
        copies: How many were planted, and how many of them were named with their source.
        leaks: What proves a leak in this set.
        asked: The tests that were asked; a leak that another one calls has nothing to do with the copies.
    """
    proved = {leak.test for leak in leaks}
    by = [test for test in asked if test in proved]
    return {
        "seed": seed, "kind": kind, "share": share, "n_copies": copies[0], "n_found": copies[1], "leak": bool(by),
        "by": " ".join(by), "asked": " ".join(asked),
    }  # fmt: skip


def first_of_each_patient(cases: Iterable[Case]) -> list[Case]:
    """Return the first case of each patient, in order."""
    first: dict[str, Case] = {}
    for case in cases:
        first.setdefault(case.patient, case)
    return list(first.values())
