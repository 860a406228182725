"""The audit of shortcuts: whether networks learned the source of a case in place of its class."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from synthtrust.audits.confounded import is_confounded
from synthtrust.audits.scores import NotApplicableError, Row, ScoredRun, gather_scores, paired, task_of
from synthtrust.audits.shortcuts.contrast import Arm, Arms, Term, bounds, contrast, ratio
from synthtrust.audits.shortcuts.kinds import FIRST_REAL, FIRST_SYNTHETIC, REAL, arms_of, second_of, sources_of
from synthtrust.audits.shortcuts.reading import Cost, ShortcutThresholds, read_costs, usual_doubts
from synthtrust.audits.utility.comparison import lower_bound_above_chance
from synthtrust.audits.utility.measures import MAIN
from synthtrust.metrics.functional import FactorInterval
from synthtrust.refusals import Refusal
from synthtrust.verdicts import Doubt, Reason

BALANCED = 0.5
ENDS = (0.0, 1.0)
AGREES = {0.0: (FIRST_SYNTHETIC, FIRST_REAL), 1.0: (FIRST_REAL, FIRST_SYNTHETIC)}
"""End -> the test cases whose source goes with the class as in training, and those in which it is exchanged."""
SPANS = {"source": (0.0, 1.0), "share": (-np.inf, np.inf)}
"""Contrast -> what it can be, if not the difference of two scores; limits beyond are cut."""


@dataclass
class Shortcuts:
    """Compares what confounded networks score on test cases whose source agrees with training, or contradicts it.

    The unit of doubt is the patient; training seeds add their own variance.
    """

    takes_confounded: ClassVar[bool] = True
    """Other audits are given runs of other mixes alone."""

    margin: float = 0.05
    """Tolerable loss on real test cases against the balanced mix [area under the ROC curve, or mean Dice]."""
    margin_swap: float = 0.1
    """What an exchange of the sources of test cases may cost; it is counted from agreement to contradiction."""
    min_seeds: int = 3
    """Training seeds of each share, below which nothing is SUPPORTED."""
    min_patients: int = 30
    """Test patients, below which nothing is SUPPORTED."""
    min_patients_each: int = 10
    """Test patients of each class, below which nothing is SUPPORTED."""
    confidence: float = 0.95
    """Coverage of every interval, and of each one-sided bound."""

    def __call__(self, runs: Iterable[ScoredRun]) -> dict[str, pd.DataFrame]:
        """Return tidy tables, each with the column ``generator``. C1 are the first classes, C2 the second.

        - ``curve``: alpha, kind (``real``, ``synthetic``, ``first real``: C1 real and C2 synthetic, ``first
          synthetic``), measure, value, ci_low, ci_high, confidence, n_cases, n_patients, n_seeds.
        - ``contrasts``: contrast, value, ci_low, ci_high, lower, upper (one-sided bounds), confidence, n_cases,
          n_patients, n_seeds, note. ``swap``: what the exchange of sources costs, the mean of both ends, also ``swap at
          0`` and ``swap at 1``; ``loss``: the score of the balanced mix on real test cases less that of both ends, also
          ``loss at 0`` and ``loss at 1``; ``share``: that loss over what the balanced mix has above chance; ``source``:
          how well the output tells the source of test cases of one class, the mean over classes and ends.
        - ``sources``: the same for each alpha and class, as the area of synthetic cases being taken for C2.
        - ``reading``: of (``class``, or a label), first, second, reading, reasons, thresholds.

        Raises:
            NotApplicableError: If no run is confounded, or no test case is synthetic.
            Refusal: If the runs cannot be compared.
        """
        runs = [run for run in runs if is_confounded(run)]
        if not runs:
            raise NotApplicableError(
                "Expected runs of data.mode=confounded, in which the class of a case decides its source, but got none. "
                "Train them with experiment=shortcuts."
            )
        task = task_of(runs)
        scores = gather_scores(runs, side_by_side=True)
        confounded = _confounded(runs)
        rule = str(runs[0].facts().get("empty") or "brats")
        second = second_of(runs, scores, confounded)
        tables: dict[str, list[Row]] = {"curve": [], "contrasts": [], "sources": [], "reading": []}
        for generator, rows in scores.groupby("generator", sort=False):
            if set(rows["source"]) != {"real", "synthetic"}:
                raise NotApplicableError("Expected real and synthetic test cases to exchange, but got one source.")
            arms = arms_of(rows, second[rows.index], task, rule, paired=paired(runs))
            sources = sources_of(rows, confounded["second"]) if task == "classification" else {}
            contrasts = dict(self._contrasts(arms, sources))
            classes = rows["target"] if task == "classification" else second[rows.index]
            fewest = int(rows["patient"][rows["source"] == REAL].groupby(classes).nunique().min())
            reading = self._read(arms, contrasts, fewest)
            for name, own in {
                "curve": [self._score(arms[key], key[1], MAIN[task]) for key in arms],
                "contrasts": [self._contrast(name, interval) for name, interval in contrasts.items()],
                "sources": [
                    {"alpha": alpha, "class": label, **self._score(arm, label, "auc")}
                    for (alpha, label), arm in sources.items()
                ],
                "reading": [{**_named(confounded), **reading}],
            }.items():
                tables[name] += [{"generator": generator, **row} for row in own]
        return {name: pd.DataFrame(rows) for name, rows in tables.items()}

    def _contrasts(self, arms: Arms, sources: dict[tuple[float, str], Arm]) -> Iterator[tuple[str, FactorInterval]]:
        alphas = {alpha for alpha, _ in arms}
        swaps: list[Term] = []
        for end in ENDS:
            if end in alphas:
                agrees, contradicts = (arms[end, kind] for kind in AGREES[end])
                yield f"swap at {end:g}", contrast([(1.0, agrees), (-1.0, contradicts)], self.confidence)
                swaps += [(0.5, agrees), (-0.5, contradicts)]
        if set(ENDS) <= alphas:
            yield "swap", contrast(swaps, self.confidence)
            if told := _source_terms(sources):
                yield "source", contrast(told, self.confidence, 0.5 + sum(w * _mean(arm) for w, arm in told))
        if BALANCED in alphas:
            balanced = arms[BALANCED, REAL]
            for end in ENDS:
                if end in alphas:
                    yield f"loss at {end:g}", contrast([(1.0, balanced), (-1.0, arms[end, REAL])], self.confidence)
            if set(ENDS) <= alphas:
                loss = [(1.0, balanced), *((-0.5, arms[end, REAL]) for end in ENDS)]
                yield "loss", contrast(loss, self.confidence)
                chance = balanced.estimate.chance
                if chance is not None:
                    yield "share", ratio(loss, [(1.0, balanced)], float(np.mean(chance)), self.confidence)

    def _read(self, arms: Arms, contrasts: dict[str, FactorInterval], fewest: int) -> Row:
        limits = ShortcutThresholds(
            self.margin, self.margin_swap, self.min_seeds, self.min_patients, self.min_patients_each
        )
        alphas = {alpha for alpha, _ in arms}
        margins = {"swap": self.margin_swap, "loss": self.margin}
        costs = [Cost(name, contrasts[name], margin) for name, margin in margins.items() if name in contrasts]
        doubts = []
        if missing := [f"{end:g}" for end in ENDS if end not in alphas]:
            text = f"No runs at alpha {' and '.join(missing)}, where the source goes with the class entirely."
            doubts.append(Doubt("missing_ends", text, f"Runs at alpha {' and '.join(missing)}.", blocks=True))
        if BALANCED not in alphas:
            text = "No runs at alpha 0.5, where the source says nothing of the class: no loss can be told."
            doubts.append(Doubt("no_balanced_mix", text, "Runs at alpha 0.5."))
        elif not lower_bound_above_chance(arms[BALANCED, REAL].estimate, self.confidence) > 0:
            text = "The balanced mix is not shown to beat a trivial predictor: there is no class that was learned."
            doubts.append(Doubt("nothing_learned", text, "More training, or cases that show their class.", blocks=True))
        if "swap" in contrasts:
            doubts += usual_doubts(contrasts["swap"], fewest, limits)
        remarks = [_told(contrasts["source"])] if "source" in contrasts else []
        reading = read_costs(costs, doubts, remarks, limits, self.confidence)
        return {"reading": reading.reading, "reasons": reading.reasons, "thresholds": dict(reading.thresholds)}

    def _score(self, arm: Arm, kind: str, measure: str) -> Row:
        low, high = arm.estimate.interval(self.confidence)
        return {
            "alpha": arm.alpha, "kind": kind, "measure": measure, "value": _mean(arm), "ci_low": low, "ci_high": high,
            "confidence": self.confidence, "n_cases": arm.estimate.n_cases, "n_patients": arm.estimate.n_patients,
            "n_seeds": len(arm.estimate.values),
        }  # fmt: skip

    def _contrast(self, name: str, interval: FactorInterval) -> Row:
        span = SPANS.get(name, (-1.0, 1.0))
        (low, high), (lower, upper) = (
            np.clip(limits, *span) for limits in ((interval.low, interval.high), bounds(interval, self.confidence))
        )
        return {
            "contrast": name, "value": interval.value, "ci_low": low, "ci_high": high, "lower": lower, "upper": upper,
            "confidence": self.confidence, "n_cases": interval.n_cases, "n_patients": interval.n_patients,
            "n_seeds": interval.n_seeds, "note": interval.note,
        }  # fmt: skip


def _mean(arm: Arm) -> float:
    return float(arm.estimate.values.mean())


def _source_terms(sources: dict[tuple[float, str], Arm]) -> list[Term]:
    """Return the terms of how well both ends tell the source; at alpha 0 synthetic cases are taken for C1."""
    ends = {end: [arm for (alpha, _), arm in sources.items() if alpha == end] for end in ENDS}
    if not all(ends.values()):
        return []
    signs = {0.0: -1.0, 1.0: 1.0}
    return [(0.5 * signs[end] / len(of_end), arm) for end, of_end in ends.items() for arm in of_end]


def _told(source: FactorInterval) -> Reason:
    area = f"{source.value:.3f}"
    if np.isfinite(source.low):
        area += f" [{source.low:.3f}, {source.high:.3f}]"
    if source.low > 0.5:
        return Reason("source_told", f"Their output tells the source of test cases of one class: an area of {area}.")
    text = f"Their output is not shown to tell the source of test cases of one class: an area of {area}; 0.5 is chance."
    return Reason("source_not_told", text)


def _confounded(runs: Sequence[ScoredRun]) -> dict[str, Any]:
    """Return what decided the source of training cases, the same in all runs.

    Raises:
        Refusal: If it differs.
    """
    facts = [run.facts().get("confounded") for run in runs]
    for run, fact in zip(runs, facts, strict=True):
        if fact is None or fact != facts[0]:
            raise Refusal(
                f"Expected runs in which one thing decides the source, but {runs[0].folder} has {facts[0]} and "
                f"{run.folder} has {fact}. Judge them apart."
            )
    return dict(facts[0] or {})


def _named(confounded: dict[str, Any]) -> Row:
    """Return what decides the source, and what the first and the second classes are."""
    if confounded["of"] == "class":
        first, second = (", ".join(confounded[place]) for place in ("first", "second"))
    else:
        limit = f"{confounded['above_ml']:.3g} ml"
        first, second = f"more than {limit} of {confounded['of']}", f"up to {limit} of {confounded['of']}"
    return {"of": confounded["of"], "first": first, "second": second}
