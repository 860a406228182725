"""The audit of the onset, from runs on the sets of one training's steps to the step at which it began to memorise."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import pandas as pd

from synthtrust.audits.onset.measures import (
    COPIES,
    MEMBERSHIP,
    NEAREST,
    TSTR,
    Bounded,
    Distances,
    leak_measures,
)
from synthtrust.audits.onset.reading import Look, OnsetReading, TestLook, images_needed, read_onset
from synthtrust.audits.privacy.settings import PrivacySettings
from synthtrust.audits.scores import NotApplicableError, Row, ScoredRun, gather_scores, task_of
from synthtrust.audits.sets import PaintedRun, SyntheticSet, synthetic_sets
from synthtrust.audits.spaces import RandomConvolutions, Space
from synthtrust.audits.utility.estimate import OVERALL
from synthtrust.audits.utility.measures import MAIN, measure
from synthtrust.cases import Mix
from synthtrust.files import fingerprint
from synthtrust.progress import stage
from synthtrust.refusals import Refusal
from synthtrust.verdicts import Reason

BOUNDED = (COPIES, MEMBERSHIP)
"""The measures of a leak whose bounds decide, at every step."""
LEAKS = (*BOUNDED, NEAREST)
"""The measures that decide, at every step."""
NAN = float("nan")


class StepRun(PaintedRun, ScoredRun, Protocol):
    """What this audit needs of a run."""


@dataclass
class Training:
    """One training of a generator, with the set that each of its steps painted."""

    generator: str
    """The class that painted."""
    n_train: int
    """Training cases."""
    seed: int
    study: str
    """The folder of its runs."""
    sets: dict[int, SyntheticSet]
    """Step -> the set."""
    runs: dict[int, list[StepRun]]
    """Step -> the runs on it."""


@dataclass
class Onset(PrivacySettings):
    """Names the last step of a generator's training that lies below the limits of a leak, and the first that leaks.

    Bounds of copies and of membership decide, and the test of the nearest-real share (P3), each as the privacy audit
    asks it; TSTR and KID say what the step is worth. Limits are settled before looking, and how many steps are looked
    at is counted, see `read_onset`.
    """

    takes_steps: ClassVar[bool] = True
    """Other audits are given the runs on one step alone."""
    takes_sizes: ClassVar[bool] = True

    max_copies: float = 0.01
    """Share of copies that a set may have at most."""
    space: Space = field(default_factory=RandomConvolutions)
    """The feature space of KID."""
    max_patients: int = 1000
    """Greatest number of patients on each side of KID."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.max_copies < 1:
            raise Refusal(f"Expected audit.onset.max_copies above 0 and below 1, but got {self.max_copies}.")
        if not 0.5 < self.confidence < 1:
            raise Refusal(f"Expected audit.onset.confidence above 0.5 and below 1, but got {self.confidence}.")

    def __call__(self, runs: Iterable[StepRun]) -> dict[str, pd.DataFrame]:
        """Return tidy tables, each with the columns generator, n_train, seed and study, which name a training.

        - ``looks``: step, measure (``copies``, ``membership``, ``nearest_share``, ``KID``, ``TSTR``), value, ci_low,
          ci_high, upper (the bound of this look), lower (that of all looks together), limit, p and expected (of the
          nearest-real share), n, decides, score (what TSTR is measured in), confidence, note.
        - ``answers``: code, last_below, first_above, n_steps, first_step, last_step, reasons, thresholds.

        Raises:
            NotApplicableError: If no training painted sets at two steps.
            Refusal: If there are too few unseen cases, too few synthetic ones for any bound below its limit, or too few
                permutations for so many steps.
            CaseError: If an image cannot be used.
        """
        trainings = list(trainings_of(list(runs)))
        for training in trainings:
            self._check(training)
        looks: list[Row] = []
        answers: list[Row] = []
        distances = Distances(self.space, self.max_patients, self.confidence, self.seed)
        for training in trainings:
            name = {
                "generator": training.generator, "n_train": training.n_train, "seed": training.seed,
                "study": training.study,
            }  # fmt: skip
            rows = [row for step in sorted(training.sets) for row in self._rows(training, step, distances)]
            looks += [{**name, **row} for row in rows]
            answers.append({**name, **self._answer(rows)})
        return {"looks": pd.DataFrame(looks), "answers": pd.DataFrame(answers)}

    def _check(self, training: Training) -> None:
        needed, n_steps = images_needed(self.max_copies, self.confidence), len(training.sets)
        if self.significance * (self.n_permutations + 1) <= n_steps:
            raise Refusal(
                f"Expected audit.onset.n_permutations of at least {math.floor(n_steps / self.significance)}, so that a "
                f"p below {self.significance:g} divided by {n_steps} steps is possible, but got {self.n_permutations}."
            )
        for step, synthetic_set in training.sets.items():
            n_unseen = len({case.patient for case in synthetic_set.holdout})
            if n_unseen < self.min_holdout_patients:
                raise Refusal(
                    f"Expected at least {self.min_holdout_patients} patients that the generator never saw, to say what "
                    f"chance reaches, but got {n_unseen}. Raise split.test."
                )
            if synthetic_set.n_cases < needed:
                raise Refusal(
                    f"Expected at least {needed} synthetic images at each step, since fewer cannot show that less than "
                    f"{self.max_copies:g} of them are copies, but got {synthetic_set.n_cases} at step {step}. Raise "
                    "split.test, or audit.onset.max_copies."
                )

    def _rows(self, training: Training, step: int, distances: Distances) -> Iterator[Row]:
        limits = {COPIES: self.max_copies, MEMBERSHIP: self.auc_bound}
        n_looks = len(training.sets) * len(BOUNDED)
        with stage(f"Step {step} of {training.generator} on {training.n_train} cases"):
            measured = [*leak_measures(training.sets[step], self, n_looks), distances.of(training.sets[step])]
        measured += _tstr(training.runs[step], self.confidence)
        for one in measured:
            yield {
                "step": step, "measure": one.measure, "value": one.value, "ci_low": one.low, "ci_high": one.high,
                "upper": one.upper, "lower": one.lower, "limit": limits.get(one.measure, NAN), "p": one.p,
                "expected": one.expected, "n": one.n, "decides": one.measure in LEAKS, "score": one.score,
                "confidence": self.confidence, "note": one.note,
            }  # fmt: skip

    def _answer(self, rows: Sequence[Row]) -> Row:
        steps = sorted({row["step"] for row in rows})
        looks = [self._look(row, len(steps)) for row in rows if row["decides"]]
        reading = read_onset(looks)
        return {
            "code": reading.code, "last_below": _or_nan(reading.last_below),
            "first_above": _or_nan(reading.first_above), "n_steps": len(steps), "first_step": steps[0],
            "last_step": steps[-1], "reasons": tuple(_reasons(reading, self.confidence)),
            "thresholds": {
                "max_copies": self.max_copies, "auc_bound": self.auc_bound, "copy_threshold": self.copy_threshold,
                "significance": self.significance, "confidence": self.confidence,
            },
        }  # fmt: skip

    def _look(self, row: Row, n_steps: int) -> Look | TestLook:
        if row["measure"] in BOUNDED:
            return Look(row["step"], row["measure"], row["lower"], row["upper"], row["limit"])
        share = row["value"], row["ci_low"], row["expected"], row["p"]
        return TestLook(row["step"], row["measure"], *share, self.significance, n_steps)


def trainings_of(runs: Sequence[StepRun]) -> Iterator[Training]:
    """Yield each training of a generator that painted sets at two steps or more.

    Raises:
        NotApplicableError: If there is none.
        Refusal: If two sets of a training are of one step.
    """
    by_folder: dict[Path, list[StepRun]] = {}
    for run in runs:
        by_folder.setdefault(Path(str(run.data()["twins"])), []).append(run)
    trainings: dict[str, Training] = {}
    for synthetic_set in synthetic_sets(runs):
        made_by = synthetic_set.manifest["made_by"]
        parameters = made_by.get("parameters") or {}
        step = parameters.get("step", parameters.get("max_steps"))
        if step is None:
            continue
        on_it = by_folder[synthetic_set.folder]
        named = synthetic_set.subject.generator, len(synthetic_set.train), int(parameters.get("seed", 0))
        training = trainings.setdefault(
            _training_key(made_by), Training(*named, on_it[0].folder.parent.name, sets={}, runs={})
        )
        if (other := training.sets.get(int(step))) is not None:
            raise Refusal(
                f"Expected one set of each step of a training, but {other.name} and {synthetic_set.name} are both of "
                f"step {step}. Judge them apart."
            )
        training.sets[int(step)] = synthetic_set
        training.runs[int(step)] = on_it
    several = [training for training in trainings.values() if len(training.sets) > 1]
    if not several:
        raise NotApplicableError(
            "Expected sets that one training of a generator painted at two steps at least, to say when it began to "
            f"memorise, but got {len(trainings)} of one step. Train for example with experiment=onset -m."
        )
    yield from sorted(several, key=lambda training: (training.generator, training.n_train, training.seed))


def _training_key(made_by: Mapping[str, Any]) -> str:
    parameters = {name: value for name, value in made_by["parameters"].items() if name != "step"}
    return fingerprint([made_by["generator"], parameters, made_by.get("train")])


def _tstr(runs: Sequence[StepRun], confidence: float) -> list[Bounded]:
    """Return what networks that were trained on the set alone score on real test cases; nothing without such runs."""
    trained = [run for run in runs if Mix(run.facts()["alpha"], run.facts()["mode"]).is_tstr]
    if not trained:
        return []
    task, scores = task_of(trained), gather_scores(trained, side_by_side=True)
    rule = str(trained[0].facts().get("empty") or "brats")
    estimate = measure(scores, 0.0, "real", task, rule)[MAIN[task], OVERALL]
    low, high = estimate.interval(confidence)
    note = f"{estimate.n_patients} test patients, {len(estimate.values)} training seeds of the network"
    value = float(np.mean(estimate.values))
    return [Bounded(TSTR, value, low, high, estimate.n_patients, score=MAIN[task], note=note)]


def _or_nan(step: int | None) -> float:
    return NAN if step is None else float(step)


def _reasons(reading: OnsetReading, confidence: float) -> Iterator[Reason]:
    """Yield what the answer hangs on, look by look; a look that shows a leak ended the series, too."""
    for look in (look for look in reading.stopped_by if look not in reading.shown_by):
        if isinstance(look, TestLook):
            text = f"{_share_of(look)}, below {look.significance:g}, the significance of the privacy audit)"
        else:
            text = (
                f"At step {look.step} {NAMES[look.measure]} may be {look.upper:.3f}, above {look.limit:g} (one-sided "
                f"bound of {100 * confidence:g} %)"
            )
        if not np.isfinite(look.p if isinstance(look, TestLook) else look.upper):
            text = f"At step {look.step} {NAMES[look.measure]} could not be measured"
        yield Reason(f"{look.measure}_not_below", f"{text}.")
    for look in reading.shown_by:
        if isinstance(look, TestLook):
            text = f"{_share_of(look)}, below {look.significance:g} divided by {look.n_tests} steps)"
        else:
            text = (
                f"At step {look.step} {NAMES[look.measure]} is at least {look.lower:.3f}, above {look.limit:g} (bound "
                f"of {100 * confidence:g} % over all steps together)"
            )
        yield Reason(f"{look.measure}_above", f"{text}.")


def _share_of(look: TestLook) -> str:
    """Return the beginning of a sentence, up to the p in parentheses."""
    return (
        f"At step {look.step} a share of {look.value:.3f} of the images lies nearest to a training case, where "
        f"{look.expected:.3f} is expected (P3, p = {look.p:.3f}"
    )


NAMES = {
    COPIES: "the share of copies",
    MEMBERSHIP: "the area of membership inference",
    NEAREST: "the share of images nearest to a training case",
}
"""Measure of a leak -> how a sentence calls it."""
