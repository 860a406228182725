"""The audit of subgroups: whether training on synthetic cases costs one group of patients more than another."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from synthtrust.audits.fidelity.measures import EMBEDDED
from synthtrust.audits.gap_difference import Arms, gap_difference
from synthtrust.audits.scores import NotApplicableError, Row, ScoredRun, gather_scores, task_of
from synthtrust.audits.sets import PaintedRun, SyntheticSet, painted_for, synthetic_sets
from synthtrust.audits.subgroups.attributes import (
    attributes_from,
    attributes_of_cohort,
    joined_attributes,
    sites,
    study_cases,
    volume_thirds,
)
from synthtrust.audits.subgroups.readings import ALIKE, OPEN, UNALIKE
from synthtrust.audits.subgroups.synthetic_set import (
    COPIES,
    FIDELITY,
    SHARES,
    GroupAnswer,
    GroupLimits,
    copies,
    fidelity,
    representation,
)
from synthtrust.audits.utility.comparison import compare
from synthtrust.audits.utility.estimate import OVERALL
from synthtrust.audits.utility.measures import MAIN, measure
from synthtrust.audits.utility.shared_trtr import share_trtr
from synthtrust.refusals import Refusal

log = logging.getLogger(__name__)

Tables = Mapping[str, pd.DataFrame]


@dataclass
class Subgroups:
    """Compares what synthetic training costs each group of patients, and what the synthetic set holds of each group."""

    takes_tables: ClassVar[bool] = True
    """It is asked after the other audits, and takes copies and coordinates of cases from their tables."""

    attributes: str | None = None
    """CSV file with a column ``case`` or ``patient`` and one for each attribute."""
    columns: list[str] | None = None
    """Attributes that are wanted, of it and of the table of the real cases; None for all."""
    volume: bool = True
    """Compare thirds of the labelled volume, of segmenters."""
    site: bool = True
    """Compare the sites that names of BraTS 2018 tell."""
    margin: float = 0.05
    """Largest difference between two groups' losses that does not matter [mean Dice, or area under the ROC curve]."""
    min_patients: int = 10
    """Patients of a group, of those that are counted in a table, below which nothing is shown of it."""
    min_patients_fidelity: int = 20
    """Real and synthetic patients of a group, below which its KID is not computed."""
    min_ratio: float = 0.8
    """Share of a group in the set over that among training cases, which each has to be shown to reach for SUPPORTED."""
    min_seeds: int = 3
    """Training seeds, below which nothing is SUPPORTED."""
    confidence: float = 0.95
    """Coverage of every interval, over all groups or pairs of one attribute together."""

    def __call__(
        self, runs: Iterable[ScoredRun], others: Mapping[str, Tables] | None = None
    ) -> dict[str, pd.DataFrame]:
        """Return tidy tables; those of runs have the columns ``generator``, ``mode`` and ``attribute``.

        - ``groups``: group, n_cases, n_patients, shown (False for a group of too few patients, which has no numbers),
          tstr, trtr and gap with their limits, simultaneous over the groups of one attribute (Bonferroni).
        - ``pairs``: first, second, difference (the gap of the second less that of the first), ci_low, ci_high,
          simultaneous over the pairs, n_patients, n_seeds.
        - ``answers``: whether groups lose alike: verdict, largest (the largest difference), n_groups, n_left_out (too
          few test patients), n_untested (groups of training cases alone).

        Those of synthetic sets have ``set``, ``generator`` and ``attribute``:

        - ``shares``, ``copies`` and ``fidelity``, each with ``group`` and ``shown``, ``copies_pairs`` and
          ``fidelity_pairs``: see `synthtrust.audits.subgroups.synthetic_set`.
        - ``set_answers``: question (the name of a table), verdict, groups (those that it is about), note.

        Args:
            runs: Finished runs.
            others: Audit -> its tables, of those that were asked before; without them copies and fidelity of groups are
                not measured.

        Raises:
            NotApplicableError: If nothing is known of the test cases, or no generator has TSTR and TRTR.
            Refusal: If the file of attributes cannot be used, or the runs cannot be compared.
        """
        runs = list(runs)
        task = task_of(runs)
        scores, _ = share_trtr(gather_scores(runs, side_by_side=True))
        scores = scores[scores["source"] == "real"]
        painted: list[Any] = [run for run in runs if hasattr(run, "data")]  # others have scores alone
        sets = _sets_of(painted)
        known = joined_attributes(list(self._known(runs, scores, task, painted, sets)))
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
        return {name: pd.DataFrame(rows) for name, rows in tables.items()} | self._of_sets(sets, known, others or {})

    def _of_sets(
        self,
        sets: Sequence[tuple[SyntheticSet, frozenset[str]]],
        known: Mapping[str, pd.Series],
        others: Mapping[str, Tables],
    ) -> dict[str, pd.DataFrame]:
        """Return the tables about each synthetic set by each attribute."""
        tables: dict[str, list[Row]] = {}
        for synthetic_set, train_ids in sets:
            for attribute, group_of in known.items():
                subject = {
                    "set": synthetic_set.name, "generator": synthetic_set.subject.generator, "attribute": attribute
                }  # fmt: skip
                answers = self._set_answers(synthetic_set, train_ids, group_of, others)
                for question, answer in answers.items():
                    of_question = {"question": question, "verdict": answer.verdict, "groups": tuple(answer.groups)}
                    tables.setdefault("set_answers", []).append({**subject, **of_question, "note": answer.note})
                    for name, of_table in ((question, answer.rows), (f"{question}_pairs", answer.pairs)):
                        if of_table:
                            tables.setdefault(name, []).extend({**subject, **row} for row in of_table)
        return {name: pd.DataFrame(rows) for name, rows in tables.items()}

    def _known(
        self,
        runs: Sequence[ScoredRun],
        scores: pd.DataFrame,
        task: str,
        painted: Sequence[PaintedRun],
        sets: Sequence[tuple[SyntheticSet, frozenset[str]]],
    ) -> Iterator[pd.DataFrame]:
        """Yield tables of attributes: of the file, of the cohort's own table, and what follows from cases."""
        in_sets = [case for one, _ in sets for case in (*one.train, *one.holdout, *one.own_cases)]
        of_sets = pd.DataFrame([(case.id, case.patient) for case in in_sets], columns=["case", "patient"])
        table = _kept_table(runs[0], "volumes" if task == "segmentation" else "classes")
        cases = study_cases(scores, table, of_sets)
        if self.attributes is not None:
            yield attributes_from(self.attributes, self.columns, cases)
        of_cohort = {case.id: case.attributes for run in painted[:1] if sets for case in run.cohort.cases}
        read = attributes_of_cohort(of_cohort, self.columns, cases)
        if read is not None:
            yield read
        elif self.columns and self.attributes is None:
            raise Refusal(
                f"Expected attributes {self.columns}, but the table of the real cases kept none of them. Read it with "
                f"cases.attributes=[...], or name a file with audit.subgroups.attributes."
            )
        if self.volume and task == "segmentation":
            yield volume_thirds(scores, table, cases)
        if self.site and (told := sites(cases)) is not None:
            yield told

    def _set_answers(
        self,
        synthetic_set: SyntheticSet,
        train_ids: frozenset[str],
        group_of: pd.Series,
        others: Mapping[str, Tables],
    ) -> dict[str, GroupAnswer]:
        """Ask the three questions about one set by one attribute."""
        limits = GroupLimits(self.min_patients, self.min_patients_fidelity, self.min_ratio, self.confidence)
        real = (*synthetic_set.train, *synthetic_set.holdout)
        elsewhere = {case.id for case in real} - train_ids
        own = [case for case in synthetic_set.own_cases if case.parent not in elsewhere]
        twins = [case for case in synthetic_set.synthetic if case.id in train_ids]
        train = [case for case in real if case.id in train_ids]
        quality = others.get("fidelity", {}).get("quality", pd.DataFrame())
        embedded = quality.attrs.get(EMBEDDED, {}).get(synthetic_set.name)
        return {
            SHARES: representation(group_of, train, own if synthetic_set.own_cases else twins, limits),
            COPIES: copies(group_of, synthetic_set.train, others.get("privacy", {}), synthetic_set.name, limits),
            FIDELITY: fidelity(group_of, embedded, limits),
        }

    def _attribute(self, scores: pd.DataFrame, group_of: pd.Series, task: str, rule: str) -> dict[str, list[Row]]:
        """Compare the groups of one attribute."""
        groups = scores["case"].map(group_of.astype(object))
        names = [name for name in group_of.cat.categories if (group_of == name).any()]
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
            "margin": self.margin, "n_groups": len(shown),
            "n_left_out": sum(0 < n < self.min_patients for n in patients.values()),
            "n_untested": sum(n == 0 for n in patients.values()),
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
        if any(pair["ci_low"] > self.margin or pair["ci_high"] < -self.margin for pair in pairs):  # NaN is neither
            return UNALIKE
        within = all(-self.margin < pair["ci_low"] and pair["ci_high"] < self.margin for pair in pairs)
        enough = pairs and min(pair["n_seeds"] for pair in pairs) >= self.min_seeds
        return ALIKE if pairs and within and enough else OPEN


NUMBERS = (
    "tstr", "tstr_low", "tstr_high", "trtr", "trtr_low", "trtr_high", "gap", "ci_low", "ci_high", "confidence",
)  # fmt: skip


def _sets_of(painted: Sequence[PaintedRun]) -> list[tuple[SyntheticSet, frozenset[str]]]:
    """Return the synthetic set of each generator, with the ids of the real training cases beside it.

    None where the real cases cannot be read any more: the groups of test cases are compared all the same.
    """
    try:
        sets = synthetic_sets(painted)
    except Refusal as refusal:
        log.warning("Groups of the synthetic set are left out: %s", refusal)
        return []
    ids = [frozenset(run.data()["splits"]["train"]) for _, run in painted_for(painted)]
    return list(zip(sets, ids, strict=True))


def _kept_table(run: Any, name: str) -> pd.DataFrame | None:
    """Return the table of all real cases that a run keeps; None of one that keeps none."""
    read = getattr(run, name, None)
    return read() if callable(read) else None


def _arms(scores: pd.DataFrame, task: str, rule: str) -> Arms:
    """Return TSTR and TRTR of one group in the main measure."""
    tstr, trtr = (measure(scores, alpha, "real", task, rule)[MAIN[task], OVERALL] for alpha in (0.0, 1.0))
    return tstr, trtr
