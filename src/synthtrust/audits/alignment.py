"""Does a score on a twin stand for the score on the patient? The verdict on alignment, from T3 and T4.

Only the model trained on real cases alone is judged, since it has never seen a twin. Between real and synthetic
training, the scores on real cases and on twins have to cross somewhere: that they agree at some mix follows from
continuity and is no evidence.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthtrust.audits.factors import PAIRED_FACTORS
from synthtrust.audits.scores import arm_scores
from synthtrust.audits.utility.estimate import Estimate
from synthtrust.audits.utility.measures import measure
from synthtrust.audits.verdict import decide, not_assessed
from synthtrust.metrics.functional import FactorInterval, gap_above_floor, gap_floor, holm, mean_interval
from synthtrust.verdicts import Doubt, Reading, Reason, Subject, Verdict

REAL_ALONE = 1.0
"""Alpha of the model that is judged."""
DICE_GAINS = (-1.0, 1.0)
"""How much a Dice can lie above that of a trivial predictor."""

CHANGE = {
    "SUPPORTED": "A region in which a case and its twin differ by more than the margin.",
    "NOT SUPPORTED": "Twins that are as hard for a model of real cases as the cases they were painted after.",
    "INCONCLUSIVE": "More test patients, and at least three training seeds for the error of T4's floor.",
}


@dataclass(frozen=True)
class AlignmentThresholds:
    """The margin and the least numbers that were set before looking at any result."""

    margin: float
    """Tolerable difference of Dice between a case and its twin, beyond the difference between two seeds."""
    min_seeds: int
    """Training seeds, below which nothing is SUPPORTED."""
    min_patients: int
    """Test patients with each region, below which nothing is SUPPORTED."""


@dataclass(frozen=True)
class RegionEvidence:
    """What was measured in one region, by the model trained on real cases alone."""

    region: str
    gap: FactorInterval
    """T4."""
    floor: FactorInterval
    """What two seeds differ by on the same real cases."""
    excess: FactorInterval
    """T4 less its floor, as one quantity."""
    correlation: FactorInterval
    """Correlation of the scores of cases and twins: it lies above 0 exactly where T3 lies above its null."""
    skill: Estimate
    """Dice on real cases, with that of a trivial predictor."""

    @property
    def n_patients(self) -> int:
        """Patients that have the region and are scored on it, on a real case and on its twin."""
        return min(self.excess.n_patients, self.skill.carriers[self.region])


def region_evidence(scores: pd.DataFrame, empty: str, confidence: float) -> list[RegionEvidence]:
    """Return what the model trained on real cases alone shows in each region; nothing without such a model.

    Args:
        scores: The scores of all runs; of several modes the first that was trained on real cases alone.
        empty: The rule by which regions were scored that are empty in reference and prediction.
        confidence: Coverage of the intervals.
    """
    scores = scores[scores["alpha"] == REAL_ALONE]
    scores = scores[scores["mode"] == scores["mode"].iloc[0]] if len(scores) else scores
    if set(scores["source"]) != {"real", "synthetic"}:
        return []
    real, synthetic = (arm_scores(scores, REAL_ALONE, source) for source in ("real", "synthetic"))
    measures = measure(scores, REAL_ALONE, "real", "segmentation", empty)
    pairs = list(zip(real.scores, synthetic.scores, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the table of the factors says what is undefined
        gaps, correlations = (
            PAIRED_FACTORS[name].intervals(pairs, real.patients, confidence) for name in ("T4", "correlation")
        )
        floors = gap_floor(list(real.scores), real.patients, confidence)
        excesses = gap_above_floor(list(real.scores), list(synthetic.scores), real.patients, confidence)
    regions = [str(region) for region in scores["region"].unique()]
    return [
        RegionEvidence(region, gap, floor, excess, correlation, measures["dice", region])
        for region, gap, floor, excess, correlation in zip(regions, gaps, floors, excesses, correlations, strict=True)
    ]


def alignment(
    evidence: Sequence[RegionEvidence], thresholds: AlignmentThresholds, confidence: float, subject: Subject
) -> Verdict:
    """Judge alignment at alpha 1.

    SUPPORTED if in every region the scores of cases and twins are shown to be correlated, and T4 is shown to exceed
    its floor, what two seeds differ by on the same cases, by less than the margin. NOT SUPPORTED if in some region it
    is shown to exceed it by more than the margin, in as many tests as there are regions (Holm). Both are one-sided
    tests of T4 less its floor as one quantity, which takes three seeds. A model that is not shown to score better than
    a trivial predictor, by the margin at least, decides nothing.

    Args:
        evidence: What was measured in each region.
        thresholds: Margin and least numbers.
        confidence: Coverage of the intervals, and 1 minus the level of the tests.
        subject: The generator.
    """
    settings = {"confidence": confidence, **vars(thresholds)}
    if not evidence:
        reason = Reason("no_runs", "No model trained on real cases alone was scored on real cases and on their twins.")
        return not_assessed("alignment", reason, "Runs at alpha 1.", settings, subject)
    return decide(
        "alignment",
        _reading(evidence, thresholds, 1 - confidence),
        [_in_words(region, thresholds) for region in sorted(evidence, key=lambda region: -_sortable(region))],
        list(_doubts(evidence, thresholds, confidence)),
        change=CHANGE,
        thresholds=settings,
        subject=subject,
    )


def _reading(evidence: Sequence[RegionEvidence], thresholds: AlignmentThresholds, significance: float) -> Reading:
    """Test T4 less its floor against the margin in each region; a region without limits shows nothing."""
    doubts = [region.excess.uncertainty for region in evidence]
    beyond = holm([doubt.p_above(thresholds.margin) if doubt else np.nan for doubt in doubts])
    if (beyond <= significance).any():
        return "NOT SUPPORTED"
    alike = all(doubt is not None and doubt.p_below(thresholds.margin) <= significance for doubt in doubts)
    correlated = all(region.correlation.low > 0 for region in evidence)
    return "SUPPORTED" if alike and correlated else "INCONCLUSIVE"


def _doubts(evidence: Sequence[RegionEvidence], thresholds: AlignmentThresholds, confidence: float) -> Iterator[Doubt]:
    """Yield the doubts that forbid SUPPORTED, and the one about skill that forbids a verdict either way."""
    yield from _no_skill(evidence, thresholds, confidence)
    n_seeds = min(region.excess.n_seeds for region in evidence)
    if n_seeds < thresholds.min_seeds:
        text = f"Training seeds: {n_seeds}, fewer than the {thresholds.min_seeds} asked for."
        yield Doubt("few_seeds", text, "More training seeds.")
    fewest = min(evidence, key=lambda region: region.n_patients)
    if fewest.n_patients < thresholds.min_patients:
        text = (
            f"{fewest.region}: {fewest.n_patients} test patients, fewer than the {thresholds.min_patients} asked for."
        )
        yield Doubt("few_patients", text, f"More test patients who have {fewest.region}.")


def _no_skill(
    evidence: Sequence[RegionEvidence], thresholds: AlignmentThresholds, confidence: float
) -> Iterator[Doubt]:
    """Yield the doubt whether the model has learned anything that cases and twins could be alike in."""
    lacking = []
    for region in evidence:
        lead = mean_interval(region.skill.above_chance, 2 * confidence - 1, DICE_GAINS)  # low: a one-sided bound
        if not lead.low >= thresholds.margin:
            lacking.append(region.region)
    if lacking:
        yield Doubt(
            "no_skill",
            f"{', '.join(lacking)}: the model of real cases was not shown to score {thresholds.margin:g} Dice more on "
            "real cases than a trivial predictor. That it scores twins alike would mean nothing.",
            "A longer training or another network, until it beats a trivial predictor in every region.",
            blocks=True,
        )
    elif any(region.skill.trivial == "nothing" for region in evidence):
        yield Doubt(
            "no_trivial_predictor",
            "What position alone scores is not known of these runs: that the model of real cases beats it was not "
            "shown.",
            "An evaluation where the real cases of the runs lie: it scores a label map by position beside the model.",
        )


def _sortable(region: RegionEvidence) -> float:
    value = region.excess.value if np.isfinite(region.excess.value) else region.gap.value
    return float(value) if np.isfinite(value) else -np.inf


def _in_words(region: RegionEvidence, thresholds: AlignmentThresholds) -> Reason:
    """Say what was measured in a region."""
    if np.isfinite(region.excess.value):
        beyond = f"that is {_limits(region.excess)} more than two seeds do on the same case ({_limits(region.floor)})"
    else:
        beyond = "with no floor beside it, which needs two seeds"
    correlated = (
        f"correlation {_limits(region.correlation)}"
        if np.isfinite(region.correlation.value)
        else "correlation undefined"
    )
    return Reason(
        "region",
        f"{region.region}, trained on real cases alone: the Dice of a case and its twin differ by "
        f"{_limits(region.gap)}, {beyond}; margin {thresholds.margin:g}; {correlated}.",
    )


def _limits(interval: FactorInterval) -> str:
    """Write a difference of Dice or a correlation with its limits, if it has some, cut at -1 and 1."""
    low, high = np.clip((interval.low, interval.high), -1, 1)  # NaN stays NaN
    limits = f" [{low:.3f}, {high:.3f}]" if np.isfinite(low) else " (no interval)"
    return f"{interval.value:.3f}{limits}"
