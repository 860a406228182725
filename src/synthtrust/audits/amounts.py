"""How many real cases is a training set worth? Every mix against the learning curve of real cases alone."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
import pandas as pd

from synthtrust.audits.scores import NotApplicableError, Row, ScoredRun, check_recipe, gather_scores, task_of
from synthtrust.audits.utility.comparison import compare
from synthtrust.audits.utility.estimate import OVERALL, Estimate
from synthtrust.audits.utility.measures import MAIN, measure
from synthtrust.metrics.functional import worth_in_real_cases

Amount: TypeAlias = tuple[int, int]
"""Real and synthetic training cases."""

ARM = ["generator", "n_real", "n_synthetic"]

REAL_AGAIN = "duplicate_real"
"""A mode that shows real cases more than once: no point of the learning curve."""


@dataclass
class Amounts:
    """Says of each number of real and synthetic training cases how many real ones alone score as much.

    The learning curve is made of the runs on real cases alone: those with fewer of them (``data.n_real``, or the mode
    ``real_only``) and those at alpha 1. Patients are the unit of doubt; seeds add their own variance.
    """

    takes_sizes: ClassVar[bool] = True
    """Other audits are given the runs on one number of cases alone."""

    confidence: float = 0.95
    """Coverage of every interval."""

    def __call__(self, runs: Iterable[ScoredRun]) -> dict[str, pd.DataFrame]:
        """Return the table ``worth``, a row for each number of real and synthetic training cases.

        Columns: generator, n_real, n_synthetic, measure, value with ci_low and ci_high; gain with gain_low and
        gain_high, over the same number of real cases alone (NaN without such runs); worth with worth_low and
        worth_high, the real cases that score as much (NaN beyond the curve, 0 and infinity where a limit lies beyond
        it; all NaN for the real cases of the curve itself); confidence, n_patients, n_seeds, largest (the most real
        cases on the curve).

        Raises:
            NotApplicableError: If the runs do not hold real cases alone in two numbers at least, and a mix.
            ValueError: If the runs cannot be compared, see `synthtrust.audits.scores.gather_scores`.
        """
        runs = [run for run in runs if run.facts().get("drawn") and run.facts().get("mode") != REAL_AGAIN]
        curve_sizes = {_amount(run)[0] for run in runs if not _amount(run)[1]}
        if len(curve_sizes) < 2 or all(not _amount(run)[1] for run in runs):
            raise NotApplicableError(
                "Expected runs on real cases alone in two numbers at least, and a mix, to say what synthetic cases are "
                f"worth, but got {sorted(curve_sizes) or 'none'}. Train for example with data.n_real=20,40,80 alpha=1."
            )
        task = task_of(runs)
        check_recipe(runs)
        scores = gather_scores(runs, side_by_side=True, amounts=True)
        rule = str(runs[0].facts().get("empty") or "brats")
        arms = {}
        for generator, n_real, n_synthetic in scores[ARM].drop_duplicates().itertuples(index=False, name=None):
            of_arm = scores[ARM] == pd.Series([generator, n_real, n_synthetic], ARM)
            rows = _one_run_a_seed(scores[of_arm.all(axis=1)])
            measures = measure(rows, rows["alpha"].iloc[0], "real", task, rule)
            arms[str(generator), (int(n_real), int(n_synthetic))] = measures[MAIN[task], OVERALL]
        real = {amount[0]: arm for (_, amount), arm in arms.items() if not amount[1]}
        table = [
            {"generator": generator, "measure": MAIN[task], **row}
            for generator in dict.fromkeys(scores["generator"])
            for row in self._rows({amount: arm for (name, amount), arm in arms.items() if name == generator}, real)
        ]
        return {"worth": pd.DataFrame(table)}

    def _rows(self, arms: Mapping[Amount, Estimate], real: Mapping[int, Estimate]) -> Iterator[Row]:
        lines = {n: arm.on_the_line() for n, arm in real.items()}
        for (n_real, n_synthetic), arm in sorted(arms.items()):
            low, high = arm.interval(self.confidence)
            row = {
                "n_real": n_real, "n_synthetic": n_synthetic, "value": float(arm.values.mean()), "ci_low": low,
                "ci_high": high, **dict.fromkeys(("gain", "gain_low", "gain_high"), np.nan),
                **dict.fromkeys(("worth", "worth_low", "worth_high"), np.nan),
                "n_patients": arm.n_patients, "n_seeds": len(arm.values), "confidence": self.confidence,
                "largest": max(real),
            }  # fmt: skip
            if n_synthetic and n_real in real:
                gap = compare(arm, real[n_real], self.confidence, ratios=False)
                row |= {"gain": gap["gap"], "gain_low": gap["ci_low"], "gain_high": gap["ci_high"]}
            if n_synthetic:
                worth = worth_in_real_cases(arm.on_the_line(), lines, self.confidence)
                row |= {"worth": worth.value, "worth_low": worth.low, "worth_high": worth.high}
            yield row


def _amount(run: ScoredRun) -> Amount:
    drawn = run.facts()["drawn"]
    return int(drawn["real"]), int(drawn["synthetic"])


def _one_run_a_seed(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of one run for each seed, where several modes came to the same cases."""
    first = scores.groupby("seed")["run"].transform("first")
    return scores[scores["run"] == first].assign(alpha=scores["alpha"].iloc[0], mode=scores["mode"].iloc[0])
