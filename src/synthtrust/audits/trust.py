"""Does a segmenter see real and synthetic cases alike? The trust factors T1 to T5 of the position paper."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthtrust.audits.alignment import AlignmentThresholds, alignment, region_evidence
from synthtrust.audits.claims.decide import claim_rows, fulfilled
from synthtrust.audits.empty import empty_rows
from synthtrust.audits.expected_outcome import expected_outcome
from synthtrust.audits.factors import OVER_REGIONS, PAIRED_FACTORS, SINGLE_SOURCE_FACTORS, Factor
from synthtrust.audits.generator_names import generator_target
from synthtrust.audits.pairs import pair_rows
from synthtrust.audits.scores import (
    SOURCES,
    ArmScores,
    NotApplicableError,
    Row,
    ScoredRun,
    arm_scores,
    gather_scores,
    paired,
    task_of,
)
from synthtrust.audits.verdict import verdict_table, without_pairs
from synthtrust.cases import Mix
from synthtrust.metrics import functional as formulas
from synthtrust.metrics.functional import FactorInterval
from synthtrust.progress import track
from synthtrust.verdicts import Subject


@dataclass
class Trust:
    """Turns the per-case Dice of a sweep into the trust factors T1 to T5 and their doubt, and judges alignment.

    Patients are the unit of doubt; seeds add their own variance when there are two or more.
    """

    margin: float = 0.05
    """Tolerable difference of Dice between a case and its twin, beyond the difference between two seeds."""
    min_seeds: int = 3
    """Training seeds, below which nothing is SUPPORTED."""
    min_patients: int = 30
    """Test patients with each region, below which nothing is SUPPORTED."""
    confidence: float = 0.95
    """Coverage of every interval."""

    def __call__(self, runs: Iterable[ScoredRun]) -> dict[str, pd.DataFrame]:
        """Return tidy tables, each with a column ``mode`` (how the training set was mixed).

        - ``factors``: alpha, factor, source (real, synthetic, both), region (or ``all``), value, ci_low, ci_high,
          confidence, n_cases, n_patients, n_seeds, note (why there is no interval). The counts are those of the row:
          cases and patients with a score there. ``T4_floor`` is the mean absolute difference between two seeds on real
          cases: what T4 would show without any difference between sources; ``T4_excess`` is T4 less that. T1 of real
          cases at alpha 0 is TSTR, which is left out unless TRTR (alpha 1) stands beside it.
        - ``pairs``: alpha, case, patient, real, synthetic (mean Dice over regions and seeds of a real test case and of
          its twin), n_seeds; without alpha 0, unless alpha 1 stands beside it.
        - ``empty``: empty regions, and the mean Dice under both rules for them.
        - ``claims``: the position paper's claims, see `synthtrust.audits.claims.decide.claim_rows`, and ``controls``,
          the control generators that fulfil one as well; of two or more alphas.
        - ``left_out``: the control generators that stand beside another one, which these tables are not about.
        - ``verdict``: on alignment, see `synthtrust.audits.alignment`.

        Of synthetic cases that are the twins of none there are T1, T2 and T5; alignment is not applicable. Control
        generators beside another one are left out: other audits judge them.

        Raises:
            NotApplicableError: If the runs are of classifiers, or of several generators that are no controls.
            ValueError: If the runs cannot be compared, see `synthtrust.audits.scores.gather_scores`.
        """
        runs = list(runs)
        if (task := task_of(runs)) != "segmentation":
            raise NotApplicableError(f"Expected runs of segmenters, since T1 to T5 are made of Dice, but got {task}.")
        controls = _controls(runs)
        runs = [run for run in runs if run not in controls]
        scores = gather_scores(runs)
        pairs = paired(runs)
        tables: dict[str, list[Row]] = {"factors": [], "pairs": [], "empty": [], "claims": []}
        for mode, rows in scores.groupby("mode", sort=False):
            alphas = sorted(rows["alpha"].unique())
            for alpha in track(alphas, f"Trust factors, {mode}"):
                scaleless = Mix(alpha, str(mode)).is_tstr and 1 not in alphas  # TSTR without TRTR
                of_alpha = rows[rows["alpha"] == alpha]
                tables["factors"] += [
                    {"mode": mode, "alpha": alpha, **row}
                    for row in self._factors(of_alpha, alpha, pairs=pairs)
                    if not (scaleless and (row["factor"], row["source"]) == ("T1", "real"))
                ]
                if pairs and not scaleless:
                    tables["pairs"] += [{"mode": mode, "alpha": alpha, **row} for row in pair_rows(of_alpha)]
            tables["empty"] += [{"mode": mode, **row} for row in empty_rows(rows, alphas)]
            if pairs and len(alphas) > 1:
                tables["claims"] += self._claims(rows, str(mode), controls)
        tables["left_out"] = [{"generator": name} for name in _names(controls)]
        frames = {name: pd.DataFrame(rows) for name, rows in tables.items()}
        thresholds = AlignmentThresholds(self.margin, self.min_seeds, self.min_patients)
        subject = Subject(generator=str(scores["generator"].iloc[0]))
        empty = str(runs[0].facts().get("empty") or "brats")
        if pairs:
            evidence = region_evidence(scores, empty, self.confidence)
            verdict = alignment(evidence, thresholds, self.confidence, subject)
        else:
            verdict = without_pairs(subject)
        return frames | {"verdict": verdict_table([verdict])}

    def _claims(self, scores: pd.DataFrame, mode: str, controls: Sequence[ScoredRun]) -> list[Row]:
        """Return the paper's claims on one mix, and which control generators fulfil them as well."""
        by_control = {name: [run for run in controls if _names([run]) == [name]] for name in _names(controls)}
        too: dict[str, list[str]] = {}
        for name, runs in by_control.items():
            of_control = gather_scores(runs)
            of_control = of_control[of_control["mode"] == mode]
            if of_control["alpha"].nunique() > 1:
                for claim in fulfilled(claim_rows(of_control, self.margin, self.confidence)):
                    too.setdefault(claim, []).append(name)
        rows = claim_rows(scores, self.margin, self.confidence)
        return [{"mode": mode, **row, "controls": tuple(too.get(row["claim"], ()))} for row in rows]

    def _factors(self, scores: pd.DataFrame, alpha: float, *, pairs: bool) -> Iterator[Row]:
        """Yield T1 to T5 and their companions at one alpha; without pairs what one source gives by itself."""
        regions = scores["region"].unique().tolist()
        arms = {source: arm_scores(scores, alpha, source) for source in SOURCES if source in set(scores["source"])}
        for source, arm in arms.items():
            for name, factor in SINGLE_SOURCE_FACTORS.items():
                yield from self._intervals(name, factor, [arm], source, regions)
        if not pairs:
            return
        if len(arms) == len(SOURCES):
            for name, factor in PAIRED_FACTORS.items():
                yield from self._intervals(name, factor, list(arms.values()), "both", regions)
        patients, real = arms["real"].patients, list(arms["real"].scores)
        floors = formulas.gap_floor(real, patients, self.confidence)
        yield from self._rows("T4_floor", floors, "real", regions, (0.0, 1.0))
        if "synthetic" in arms:
            twins = list(arms["synthetic"].scores)
            excesses = formulas.gap_above_floor(real, twins, patients, self.confidence)
            yield from self._rows("T4_excess", excesses, "both", regions, (-1.0, 1.0))

    def _intervals(
        self, name: str, factor: Factor, arms: list[ArmScores], source: str, regions: list[str]
    ) -> Iterator[Row]:
        """Yield one factor with its interval, in each region or over all."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            scores = list(zip(*(arm.scores for arm in arms), strict=True))
            intervals = factor.intervals(scores, arms[0].patients, self.confidence)
        messages = " ".join(dict.fromkeys(str(warning.message) for warning in caught))  # about what is undefined
        names = ["all"] if name in OVER_REGIONS else regions
        yield from self._rows(name, intervals, source, names, factor.limits, messages)

    def _rows(
        self,
        factor: str,
        intervals: Sequence[FactorInterval],
        source: str,
        regions: Sequence[str],
        limits: tuple[float, float],
        undefined: str = "",
    ) -> Iterator[Row]:
        """Yield a row for each region; ``undefined`` says why a number is undefined."""
        for region, interval in zip(regions, intervals, strict=True):
            low, high = np.clip((interval.low, interval.high), *limits)  # NaN stays NaN
            yield {
                "factor": factor, "source": source, "region": region,
                "value": interval.value, "ci_low": float(low), "ci_high": float(high), "confidence": self.confidence,
                "n_cases": interval.n_cases, "n_patients": interval.n_patients, "n_seeds": interval.n_seeds,
                "note": undefined if np.isnan(interval.value) and undefined else interval.note,
            }  # fmt: skip


def _names(runs: Iterable[ScoredRun]) -> list[str]:
    """Return the class name of each generator, once."""
    return list(dict.fromkeys(generator_target(run.facts()).rpartition(".")[2] for run in runs))


def _controls(runs: list[ScoredRun]) -> list[ScoredRun]:
    """Return the runs of controls beside those of a generator that is to be judged; none where there is no other."""
    controls = [run for run in runs if expected_outcome(generator_target(run.facts()))]
    return controls if len(controls) < len(runs) else []
