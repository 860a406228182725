"""The audit of subgroups: whether training on synthetic cases costs one group of patients more than another."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from synthtrust.audits.gap_difference import Arms, gap_difference
from synthtrust.audits.scores import NotApplicableError, Row, ScoredRun, gather_scores, task_of
from synthtrust.audits.subgroups.attributes import attributes_from, joined_attributes, sites, volume_thirds
from synthtrust.audits.utility.comparison import compare
from synthtrust.audits.utility.estimate import OVERALL
from synthtrust.audits.utility.measures import MAIN, measure
from synthtrust.audits.utility.shared_trtr import share_trtr

UNALIKE, ALIKE, OPEN = "NOT SUPPORTED", "SUPPORTED", "INCONCLUSIVE"
"""Whether groups lose alike: one loses more than another, none does by more than the margin, or it cannot be told."""


@dataclass
class Subgroups:
    """Compares what synthetic training costs each group of patients, by attributes that are known of them."""

    attributes: str | None = None
    """CSV file with a column ``case`` or ``patient`` and one for each attribute."""
    columns: list[str] | None = None
    """Attributes that are wanted of it; None for all."""
    volume: bool = True
    """Compare thirds of the labelled volume, of segmenters."""
    site: bool = True
    """Compare the sites that names of BraTS 2018 tell."""
    margin: float = 0.05
    """Largest difference between two groups' losses that does not matter [mean Dice, or area under the ROC curve]."""
    min_patients: int = 10
    """Test patients of a group, below which nothing is shown of it."""
    min_seeds: int = 3
    """Training seeds, below which nothing is SUPPORTED."""
    confidence: float = 0.95
    """Coverage of every interval, over all groups or pairs of one attribute together."""

    def __call__(self, runs: Iterable[ScoredRun]) -> dict[str, pd.DataFrame]:
        """Return tidy tables, each with the columns ``generator``, ``mode`` and ``attribute``.

        - ``groups``: group, n_cases, n_patients, shown (False for a group of too few patients, which has no numbers),
          tstr, trtr and gap with their limits, simultaneous over the groups of one attribute (Bonferroni).
        - ``pairs``: first, second, difference (the gap of the second less that of the first), ci_low, ci_high,
          simultaneous over the pairs, n_patients, n_seeds.
        - ``answers``: whether groups lose alike: verdict, largest (the largest difference), n_groups, n_left_out.

        Raises:
            NotApplicableError: If nothing is known of the test cases, or no generator has TSTR and TRTR.
            Refusal: If the file of attributes cannot be used, or the runs cannot be compared.
        """
        runs = list(runs)
        task = task_of(runs)
        scores, _ = share_trtr(gather_scores(runs, side_by_side=True))
        scores = scores[scores["source"] == "real"]
        known = joined_attributes(list(self._known(scores, task)))
        if not known:
            raise NotApplicableError("Nothing is known of the test cases. Set audit.subgroups.attributes=FILE.csv.")
        rule = str(runs[0].facts().get("empty") or "brats")
        tables: dict[str, list[Row]] = {"groups": [], "pairs": [], "answers": []}
        for (generator, mode), rows in scores.groupby(["generator", "mode"], sort=False):
            if not {0.0, 1.0} <= set(rows["alpha"]):
                continue
            for attribute, group_of in known.items():
                subject = {"generator": generator, "mode": mode, "attribute": attribute}
                for name, attribute_rows in self._attribute(rows, group_of, task, rule).items():
                    tables[name] += [{**subject, **row} for row in attribute_rows]
        if not tables["groups"]:
            raise NotApplicableError("Expected runs of alpha 0 and alpha 1 to compare groups, but got others.")
        return {name: pd.DataFrame(rows) for name, rows in tables.items()}

    def _known(self, scores: pd.DataFrame, task: str) -> Iterator[pd.DataFrame]:
        if self.attributes is not None:
            yield attributes_from(self.attributes, self.columns, scores)
        if self.volume and task == "segmentation":
            yield volume_thirds(scores)
        if self.site and (told := sites(scores)) is not None:
            yield told

    def _attribute(self, scores: pd.DataFrame, group_of: pd.Series, task: str, rule: str) -> dict[str, list[Row]]:
        """Compare the groups of one attribute."""
        groups = scores["case"].map(group_of.astype(object))
        names = [name for name in group_of.cat.categories if (groups == name).any()]
        patients = {name: scores.loc[groups == name, "patient"].nunique() for name in names}
        shown = [name for name in names if patients[name] >= self.min_patients]
        rows, arms = [], {}
        for name in names:
            of_group = scores[groups == name]
            row = {"group": name, "n_cases": of_group["case"].nunique(), "n_patients": patients[name]}
            if name in shown:
                arms[name] = _arms(of_group, task, rule)
                row |= self._numbers(arms[name], len(shown))
            rows.append({**dict.fromkeys(NUMBERS, np.nan), **row, "shown": name in shown})
        pairs = list(self._pairs(shown, arms))
        answer = {
            "verdict": self._answer(pairs), "largest": max((abs(pair["difference"]) for pair in pairs), default=np.nan),
            "margin": self.margin, "n_groups": len(shown), "n_left_out": len(names) - len(shown),
        }  # fmt: skip
        return {"groups": rows, "pairs": pairs, "answers": [answer]}

    def _numbers(self, arms: Arms, n_groups: int) -> Row:
        row = compare(*arms, 1 - (1 - self.confidence) / n_groups)
        return {
            "tstr": row["value"], "tstr_low": row["value_low"], "tstr_high": row["value_high"],
            "trtr": row["reference"], "trtr_low": row["reference_low"], "trtr_high": row["reference_high"],
            "gap": row["gap"], "ci_low": row["ci_low"], "ci_high": row["ci_high"], "confidence": self.confidence,
        }  # fmt: skip

    def _pairs(self, names: Sequence[str], arms: dict[str, Arms]) -> Iterator[Row]:
        """Yield how much the losses of two groups differ, for each pair."""
        pairs = list(combinations(names, 2))
        for first, second in pairs:
            interval = gap_difference(arms[first], arms[second], 1 - (1 - self.confidence) / len(pairs))
            yield {
                "first": first, "second": second, "difference": interval.value, "ci_low": interval.low,
                "ci_high": interval.high, "confidence": self.confidence, "n_patients": interval.n_patients,
                "n_seeds": interval.n_seeds,
            }  # fmt: skip

    def _answer(self, pairs: Sequence[Row]) -> str:
        if any(pair["ci_low"] > 0 or pair["ci_high"] < 0 for pair in pairs):  # NaN is neither
            return UNALIKE
        within = all(-self.margin < pair["ci_low"] and pair["ci_high"] < self.margin for pair in pairs)
        enough = pairs and min(pair["n_seeds"] for pair in pairs) >= self.min_seeds
        return ALIKE if pairs and within and enough else OPEN


NUMBERS = (
    "tstr", "tstr_low", "tstr_high", "trtr", "trtr_low", "trtr_high", "gap", "ci_low", "ci_high", "confidence",
)  # fmt: skip


def _arms(scores: pd.DataFrame, task: str, rule: str) -> Arms:
    """Return TSTR and TRTR of one group in the main measure."""
    tstr, trtr = (measure(scores, alpha, "real", task, rule)[MAIN[task], OVERALL] for alpha in (0.0, 1.0))
    return tstr, trtr
