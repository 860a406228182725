"""The utility audit: whether training on a synthetic set serves patients as well as training on real cases."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import pandas as pd

from synthtrust.audits.curve import curve_rows
from synthtrust.audits.expected_outcome import expected_outcome
from synthtrust.audits.generator_names import generator_names, generator_target
from synthtrust.audits.margins import Margins
from synthtrust.audits.scores import (
    SOURCES,
    Row,
    ScoredRun,
    check_recipe,
    gather_scores,
    paired,
    task_of,
    with_empty_rule,
)
from synthtrust.audits.splits import by_split
from synthtrust.audits.utility.class_curves import class_curves
from synthtrust.audits.utility.comparison import AUGMENTED, TRTR, TSTR, comparison_rows
from synthtrust.audits.utility.estimate import OVERALL, Estimate
from synthtrust.audits.utility.matched import matched_rows
from synthtrust.audits.utility.measures import LOWER_IS_BETTER, MAIN, Measures, measure
from synthtrust.audits.utility.shared_trtr import share_trtr
from synthtrust.audits.utility.splits import patients_of, split_rows
from synthtrust.audits.utility.verdict import UtilityThresholds, judge, not_compared, reading
from synthtrust.audits.verdict import verdict_table, without_pairs
from synthtrust.cases import Mix
from synthtrust.refusals import Refusal
from synthtrust.verdicts import Subject, Verdict

Arms = Mapping[tuple[str, float, str], Measures]
"""By mode, alpha and source."""


@dataclass
class Utility:
    """Scores every arm of the runs, segmenters or classifiers (of classes or findings), and judges TSTR against TRTR.

    The unit of doubt is the patient; training seeds add their own variance. Runs of several generators on the same
    cases, controls among them, stand side by side, each judged on its own.
    """

    takes_repeated_splits: ClassVar[bool] = True
    """Other audits are given the runs of the first split alone."""

    primary: Literal["difference", "ratio"] | None = None
    """The criterion; None for the one that was settled before training and is stored in the runs, see `Margins`."""
    margin: float | None = None
    """Tolerable loss in mean Dice, or in the area under the ROC curve; None for the one that was settled before."""
    ratio_margin: float | None = None
    """Sufficient share of what TRTR has above a trivial predictor; None for the one that was settled before."""
    min_seeds: int = 3
    """Training seeds of each arm, below which nothing is SUPPORTED."""
    min_patients: int = 30
    """Test patients, below which nothing is SUPPORTED."""
    min_patients_each: int = 10
    """Test patients with each region, of each class, or with and without each finding, below which nothing is
    SUPPORTED."""
    score: Literal["hd95", "surface_dice", "lesion_dice", "lesion_hd95"] | None = None
    """The score of a second curve over alpha, of segmenters; the verdict and the first curve keep the main measure."""
    confidence: float = 0.95
    """Coverage of every interval, and of each one-sided bound."""
    n_boot: int = 2000
    """Resamples of the patients for the band of the curve."""
    seed: int = 0
    """Seed of the resampling."""

    def _thresholds(self, facts: Iterable[Mapping[str, Any]]) -> UtilityThresholds:
        """Return the margins of this audit, or else those stored in the runs, with the least numbers."""
        stored = next((fact["margins"] for fact in facts if fact.get("margins")), None)
        settled = Margins() if stored is None else Margins.of_run(stored)
        given = {name: getattr(self, name) for name in ("primary", "margin", "ratio_margin")}
        if changed := {name: value for name, value in given.items() if value is not None}:
            settled = replace(settled, **changed, before_training=False)
        return UtilityThresholds(settled, self.min_seeds, self.min_patients, self.min_patients_each)

    def __call__(self, runs: Iterable[ScoredRun]) -> dict[str, pd.DataFrame]:
        """Return tidy tables, each with the columns ``generator`` and ``mode`` (how the training set was mixed).

        - ``performance``: alpha, seed (or ``all``), source, measure, value, ci_low, ci_high, confidence, n_cases,
          n_patients, n_seeds, note. The rows of one seed are about those trained weights.
        - ``curve``: the main measure (mean Dice, or the area under the ROC curve) over alpha, with its band and the
          alphas that are not excluded as the best.
        - ``score_curve``: the same of ``score``, if one was asked for; of a distance the alphas that are not excluded
          are those that may have the smallest.
        - ``comparison``: TSTR (alpha 0) against TRTR (alpha 1) on real test cases, and all real cases plus the
          synthetic ones (mode ``additive``, alpha 0) against TRTR: gap and ratios in every measure; empty without both.
          ``trtr_of`` names the generator whose runs at alpha 1 serve this one, which has none of its own.
        - ``matched``: each share of a mix against the same real cases without twins (``real_only``,
          ``duplicate_real``), in the main measure; empty without both, see `matched_rows`.
        - ``per_class``: the measures of each class or finding, or the Dice of each region; ``kind`` says which.
        - ``roc``, ``reliability`` and ``confusion``: of classifiers, alpha 0 and 1 on real test cases, where both are
          there, see `synthtrust.audits.utility.class_curves`; empty of segmenters.
        - ``splits``: of runs on repeated splits, TSTR against TRTR in the main measure on each split and over all, see
          `synthtrust.audits.utility.splits.split_rows`; empty with one split. All other tables are of the first split.
        - ``verdict``: on utility, one for each generator and each mix that has TSTR.
        - ``generators``: which class painted, and what a control generator has to show.

        Raises:
            ValueError: If the runs cannot be compared, see `synthtrust.audits.scores.gather_scores`.
        """
        all_runs = list(runs)
        task = task_of(all_runs)
        check_recipe(all_runs)
        splits = by_split(all_runs)
        (first, runs), *others = splits.items()
        repeated = {number: self._decisive(of_split, task) for number, of_split in others}
        patients = {number: patients_of(of_split) for number, of_split in splits.items()} if others else {}
        scores, lenders = share_trtr(gather_scores(runs, side_by_side=True))
        if self.score is not None and self.score not in scores:
            raise Refusal(
                f"Expected scores in audit.utility.score={self.score}, but these runs have none. Add them to "
                "segmenters by surfaces.add=true, or leave the option out."
            )
        rule = str(runs[0].facts().get("empty") or "brats")
        names = generator_names(runs)
        tables: dict[str, list[Row]] = {name: [] for name in TABLES}
        verdicts: list[Verdict] = []
        for generator, of_generator in scores.groupby("generator", sort=False):
            facts = [run.facts() for run, name in zip(runs, names, strict=True) if name == generator]
            thresholds = self._thresholds(facts)
            arms = _arms(of_generator, task, rule)
            lender = lenders.get(str(generator), "")
            compared = [{**row, "trtr_of": lender} for row in self._comparisons(arms, of_generator, task, thresholds)]
            for name, rows in (
                ("performance", self._performance(arms, of_generator)),
                ("curve", self._curve(arms, MAIN[task])),
                ("score_curve", self._curve(arms, self.score) if self.score else ()),
                ("comparison", compared),
                ("matched", ({"mode": mode, **row} for mode, row in matched_rows(arms, MAIN[task], self.confidence))),
                ("per_class", self._per_class(arms, KINDS[task])),
                *class_curves(of_generator, task).items(),
            ):
                tables[name] += [{"generator": generator, **row} for row in rows]
            of_modes = {}
            for row in _main_of(compared, MAIN[task]):
                key = str(generator), row["mode"]
                by_number = {first: row} | {number: rows[key] for number, rows in repeated.items() if key in rows}
                if len(by_number) > 1:
                    of_modes[row["mode"]] = list(split_rows(by_number, patients, self.confidence))
                    arm = {"generator": generator, "mode": row["mode"]}
                    tables["splits"] += [{**arm, **of_split} for of_split in of_modes[row["mode"]]]
            verdicts += self._verdicts(compared, facts, MAIN[task], str(generator), thresholds, of_modes)
        if task != "segmentation" and not paired(all_runs):  # of segmenters, the audit of trust says it
            verdicts += [without_pairs(Subject(generator=name)) for name in dict.fromkeys(names)]
        return {
            **{name: pd.DataFrame(rows) for name, rows in tables.items()},
            "verdict": verdict_table(verdicts),
            "generators": _generators(runs, names),
        }

    def _decisive(self, runs: list[ScoredRun], task: str) -> dict[tuple[str, str], Row]:
        """Return TSTR against TRTR in the main measure on one split, by generator and mode."""
        scores, _ = share_trtr(gather_scores(runs, side_by_side=True))
        scores = scores[(scores["source"] == "real") & scores["alpha"].isin((0.0, 1.0))]
        rule = str(runs[0].facts().get("empty") or "brats")
        return {
            (str(generator), row["mode"]): row
            for generator, of_generator in scores.groupby("generator", sort=False)
            for row in _main_of(_contrasts(_arms(of_generator, task, rule), self.confidence), MAIN[task])
        }

    def _performance(self, arms: Arms, scores: pd.DataFrame) -> Iterator[Row]:
        """Yield every measure of the whole, over all seeds and of each."""
        for (mode, alpha, source), measures in arms.items():
            arm_rows = scores[(scores["mode"] == mode) & (scores["alpha"] == alpha)]
            seeds = sorted(arm_rows["seed"].unique())
            for (name, part), estimate in measures.items():
                if part == OVERALL:
                    arm = {"mode": mode, "alpha": alpha, "source": source, "measure": name}
                    yield {**arm, "seed": "all", **self._interval(estimate)}
                    for s, seed in enumerate(seeds):
                        yield {**arm, "seed": str(seed), **self._interval(estimate.of_seed(s))}

    def _per_class(self, arms: Arms, kind: str) -> Iterator[Row]:
        """Yield the measures of each class, finding or region, over all seeds."""
        for (mode, alpha, source), measures in arms.items():
            for (name, part), estimate in measures.items():
                if part != OVERALL:
                    arm = {"mode": mode, "alpha": alpha, "source": source, "class": part, "measure": name}
                    yield {**arm, **self._interval(estimate), "kind": kind}

    def _interval(self, estimate: Estimate) -> Row:
        low, high = estimate.interval(self.confidence)
        return {
            "value": float(estimate.values.mean()), "ci_low": low, "ci_high": high, "confidence": self.confidence,
            "n_cases": estimate.n_cases, "n_patients": estimate.n_patients, "n_seeds": len(estimate.values),
            "note": estimate.note,
        }  # fmt: skip

    def _curve(self, arms: Arms, main: str) -> Iterator[Row]:
        for mode in dict.fromkeys(mode for mode, _, _ in arms):
            for source in SOURCES:
                by_alpha = {
                    a: measures[main, OVERALL] for (m, a, s), measures in arms.items() if (m, s) == (mode, source)
                }
                if by_alpha:
                    rows = curve_rows(
                        by_alpha, n_boot=self.n_boot, confidence=self.confidence, seed=self.seed,
                        lower_is_better=main in LOWER_IS_BETTER,
                    )  # fmt: skip
                    yield from ({"mode": mode, "source": source, "measure": main, **row} for row in rows)

    def _comparisons(self, arms: Arms, scores: pd.DataFrame, task: str, thresholds: UtilityThresholds) -> Iterator[Row]:
        """Yield TSTR and the augmented arm against TRTR, and whether the outcome hangs on the rule for empty ones."""
        ruled = {}
        if task == "segmentation":
            real = scores[(scores["source"] == "real") & scores["alpha"].isin((0.0, 1.0))]
            ruled = {rule: _arms(with_empty_rule(real, rule), task, rule) for rule in ("brats", "nan")}
        for row in _contrasts(arms, self.confidence):
            readings = [
                reading(other_row, thresholds)
                for table in ruled.values()
                for other_row in _contrasts(table, self.confidence)
                if [other_row[key] for key in KEY] == [row[key] for key in KEY]
            ]
            yield {**row, "depends_on_empty_rule": len(set(readings)) > 1}

    def _verdicts(
        self, compared: list[Row], facts: list[Mapping], main: str, generator: str, thresholds: UtilityThresholds,
        splits: Mapping[str, list[Row]],
    ) -> Iterator[Verdict]:  # fmt: skip
        """Yield a verdict for each mix that has TSTR; without any mix, one that nothing was compared."""
        decisive = _main_of(compared, main)
        for row in decisive:
            mode = row["mode"] if len(decisive) > 1 else ""
            of_splits = splits.get(row["mode"], ())
            yield judge(row, facts, thresholds, Subject(generator=generator, mode=mode), of_splits)
        if not decisive:
            yield not_compared(thresholds, self.confidence, Subject(generator=generator))


TABLES = (
    "performance", "curve", "score_curve", "comparison", "matched", "per_class", "roc", "reliability", "confusion",
    "splits",
)  # fmt: skip
KEY = ("mode", "contrast", "measure")
KINDS = {"segmentation": "region", "classification": "class", "multilabel": "finding"}
"""What a case is scored in, in the words of the page."""


def _arms(scores: pd.DataFrame, task: str, rule: str) -> Arms:
    """Measure every arm of one generator."""
    arms = scores[["mode", "alpha", "source"]].drop_duplicates().sort_values("alpha", kind="stable")
    return {
        (mode, alpha, source): measure(scores[scores["mode"] == mode], alpha, source, task, rule)
        for mode, alpha, source in arms.itertuples(index=False, name=None)
    }


def _contrasts(arms: Arms, confidence: float) -> Iterator[Row]:
    for mode in dict.fromkeys(mode for mode, _, _ in arms):
        name = TSTR if Mix(0, mode).is_tstr else AUGMENTED if mode == "additive" else None
        first, trtr = arms.get((mode, 0.0, "real")), _trtr(arms, mode)
        if name and first and trtr:
            for row in comparison_rows(first, trtr, confidence):
                yield {"mode": mode, "contrast": name, "against": TRTR, **row}


def _main_of(compared: Iterable[Row], main: str) -> list[Row]:
    """Return TSTR against TRTR in the main measure, a row for each mode."""
    return [row for row in compared if (row["contrast"], row["measure"]) == (TSTR, main)]


def _trtr(arms: Arms, mode: str) -> Measures | None:
    """Return the arm of all real cases alone: the same recipe in every mix, so that any of them will do."""
    by_mode = {m: measures for (m, alpha, source), measures in arms.items() if (alpha, source) == (1.0, "real")}
    return by_mode.get(mode) or next(iter(by_mode.values()), None)


def _generators(runs: list[ScoredRun], names: list[str]) -> pd.DataFrame:
    targets = {name: generator_target(run.facts()) for run, name in zip(runs, names, strict=True)}
    rows = [
        {"generator": name, "class": target, "n_runs": names.count(name), "expected_outcome": expected_outcome(target)}
        for name, target in targets.items()
    ]
    return pd.DataFrame(rows)
