"""The scores of all runs in one tidy table, refused unless they can be compared, and the arrays that formulas take."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthtrust.audits.generator_names import files_of_generator, generator_names, generator_target
from synthtrust.audits.margins import Margins
from synthtrust.audits.probabilities import check_findings, check_probabilities
from synthtrust.audits.shared_columns import with_the_same_scores
from synthtrust.refusals import Refusal

Row = dict[str, Any]
SOURCES = ("real", "synthetic")
PARTS = {"segmentation": "region", "classification": "class", "multilabel": "class"}
"""Task of the runs -> the column that names what was scored within a case."""
EMPTY_VALUES = {"brats": 1.0, "nan": np.nan}
"""Name of the rule -> Dice of a region that is empty in reference and prediction."""


class NotApplicableError(ValueError):
    """The audit does not apply to such runs, though others may. It is no fault of the runs."""


class ScoredRun(Protocol):
    """What audits of scores need of a run."""

    @property
    def folder(self) -> Path:
        """Where it lies; messages name it so, since runs of two sweeps may share a name."""

    def scores(self) -> pd.DataFrame:
        """One row per test case, source and region (or class), with alpha, seed and mode."""

    def facts(self) -> Mapping[str, Any]:
        """Return what it was made from: task, cohort, generator, network, rule for empty regions."""


@dataclass(frozen=True)
class ArmScores:
    """The scores of one alpha on one kind of test cases."""

    scores: NDArray[np.float64]
    """Dice, ``(S, M, K)``."""
    patients: tuple[str, ...]
    """The patient of each of the M cases."""

    @property
    def n_patients(self) -> int:
        """How many patients the cases come from."""
        return len(set(self.patients))

    def by_patient(self, *, scored_only: bool = False) -> NDArray[np.float64]:
        r"""Return what each patient adds to T1, ``(S, P)``, patients in order of name: their mean is T1 of each seed.

        Where every case has every region and every patient one case, it is the mean over the patient's regions. Else T1
        is a mean of regions' means :math:`\mu_k` over the :math:`N_k` cases that were scored there, and a patient adds

        .. math:: \frac{1}{K} \sum_k \left(\mu_k + c_k \frac{P}{N_k} \sum_i (D_{ik} - \mu_k)\right)

        with the sum over the patient's scored cases, and :math:`c_k^2 = N_k (P - 1) / (P (N_k - 1))`, so that the
        variance over P is that of a mean over the cases that were scored.

        Args:
            scored_only: NaN for patients of whom no region was scored under any seed, and P without them; else they
                add what an average patient adds, and two arms that scored different cases keep the same patients.
        """
        names, patient = np.unique(np.asarray(self.patients), return_inverse=True)
        is_scored = np.isfinite(self.scores)  # (S, M, K)
        n_scored = is_scored.sum(axis=1)  # (S, K)
        counts = np.bincount(patient, is_scored.any(axis=(0, 2))) > 0
        n_patients = int(counts.sum()) if scored_only else len(names)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(is_scored, self.scores, 0.0).sum(axis=1) / n_scored  # (S, K), NaN where nothing was scored
            deviation = np.where(is_scored, self.scores - mean[:, None], 0.0)  # (S, M, K)
            is_partial = n_scored < len(patient)
            correction = np.sqrt(n_scored * (n_patients - 1) / (n_patients * (n_scored - 1)))
            weight = np.where(is_partial & (n_scored > 1), correction, 1.0) * n_patients / n_scored
        belongs = (patient == np.arange(len(names))[:, None]).astype(np.float64)  # (P, M)
        summed = belongs @ deviation  # (S, P, K)
        added: NDArray[np.float64] = (mean[:, None] + weight[:, None] * summed).mean(axis=2)
        if scored_only:
            added[:, ~counts] = np.nan
        return added


def task_of(runs: Iterable[ScoredRun]) -> str:
    """Return what the runs were trained for, see `synthtrust.cases.Cohort.task`; older segmenters do not say it.

    Raises:
        Refusal: If there is no run, or runs of several tasks.
    """
    runs = list(runs)
    if not runs:
        raise Refusal("Expected at least one finished run, but got none. Train first, or check the folder of runs.")
    tasks = {run.facts().get("task") or "segmentation": run.folder for run in runs}
    if len(tasks) > 1:
        raise Refusal(f"Expected runs of one task, but got {tasks}. Judge them apart.")
    return next(iter(tasks))


def paired(runs: Iterable[ScoredRun]) -> bool:
    """Return whether each synthetic case is the twin of a real one, in all runs; of older runs each one is."""
    return all(run.facts().get("paired", True) for run in runs)


def gather_scores(runs: Iterable[ScoredRun], *, side_by_side: bool = False, amounts: bool = False) -> pd.DataFrame:
    """Return the scores of all runs, with the run's folder as a column ``run`` and its generator as ``generator``.

    Args:
        runs: Finished runs.
        side_by_side: Allow runs of several generators, which are then told apart by the column.
        amounts: Return the scores on real cases alone, and allow runs on several numbers of training cases, told apart
            by the columns ``n_real`` and ``n_synthetic``: how many of each were drawn.

    Raises:
        NotApplicableError: If there are several generators that are not to stand side by side.
        Refusal: If there is no run, a run has no scores or scores one thing twice, a score is missing although the
            region is not empty, probabilities contradict themselves, two runs share generator, mode, alpha and seed, or
            the runs were not scored on the same cases, sources and regions, or differ in task, cohort, network or rule
            for empty regions.
    """
    runs = list(runs)
    task = task_of(runs)
    tables = with_the_same_scores([_checked_scores(run, task) for run in runs])
    if amounts:
        tables = [table[table["source"] == "real"] for table in tables]
    check_recipe(runs)
    names = generator_names(runs)
    _same_cases(runs, tables, names, PARTS[task])
    if len(set(names)) > 1 and not side_by_side:
        raise NotApplicableError(
            f"Expected runs with one generator, but got those of {', '.join(dict.fromkeys(names))}. Judge them apart."
        )
    tables = [table.assign(generator=name) for table, name in zip(tables, names, strict=True)]
    columns = ["generator", "mode", "alpha", "seed"]
    if amounts:
        tables = [_with_amounts(table, run.facts()["drawn"]) for table, run in zip(tables, runs, strict=True)]
        columns += ["n_real", "n_synthetic"]
    knobs = pd.concat([table[[*columns, "run"]].drop_duplicates() for table in tables])
    if (twice := knobs.duplicated(columns, keep=False)).any():
        raise Refusal(
            "Expected one run for each mode, alpha and seed, but got several with the same: "
            f"{knobs.loc[twice, 'run'].tolist()[:4]}. Judge them apart, or remove one."
        )
    return pd.concat(tables, ignore_index=True)


def _with_amounts(scores: pd.DataFrame, drawn: Mapping[str, int]) -> pd.DataFrame:
    return scores.assign(n_real=int(drawn["real"]), n_synthetic=int(drawn["synthetic"]))


def arm_scores(scores: pd.DataFrame, alpha: float, source: str, column: str = "dice") -> ArmScores:
    """Return the scores of one mode at one alpha as an array, cases in order of id, regions as they first appear.

    Args:
        scores: The scores of one mode.
        alpha: Share of real cases in training.
        source: ``real`` or ``synthetic``.
        column: The score, Dice or one of `synthtrust.conventions.SURFACE_SCORES`.
    """
    rows = scores[(scores["alpha"] == alpha) & (scores["source"] == source)]
    seed, seeds = pd.factorize(rows["seed"], sort=True)
    case, cases = pd.factorize(rows["case"], sort=True)
    regions = pd.Index(scores["region"].unique())
    cube = np.full((len(seeds), len(cases), len(regions)), np.nan)  # (S, M, K)
    cube[seed, case, regions.get_indexer(rows["region"])] = rows[column]
    _, first_row = np.unique(case, return_index=True)
    return ArmScores(cube, tuple(str(patient) for patient in rows["patient"].iloc[first_row]))


def with_empty_rule(scores: pd.DataFrame, rule: str) -> pd.DataFrame:
    """Return the scores as another rule for empty regions would have them.

    Both empty counts what the rule says, one empty counts 0, everything else stays.
    """
    no_reference, no_prediction = scores["n_reference"] == 0, scores["n_prediction"] == 0
    dice = scores["dice"].mask(no_reference ^ no_prediction, 0.0)
    return scores.assign(dice=dice.mask(no_reference & no_prediction, EMPTY_VALUES[rule]))


def _checked_scores(run: ScoredRun, task: str) -> pd.DataFrame:
    """Return the scores of one run, refused if they contradict themselves."""
    scores = run.scores()
    if scores.empty:
        raise Refusal(f"Expected scores in run {run.folder}, but got none. Train it again.")
    if (part := PARTS[task]) not in scores:
        raise Refusal(f"Expected a column {part!r} in the scores of a {task} run, but {run.folder} has "
                         f"{list(scores.columns)}.")  # fmt: skip
    scores = scores.assign(run=str(run.folder))
    key = ["case", "source", part]
    if (twice := scores.duplicated(key)).any():
        raise Refusal(f"Expected one score per case, source and {part}, but {run.folder} has two for "
                         f"{scores.loc[twice, key].iloc[0].tolist()}.")  # fmt: skip
    if task != "segmentation":
        return (check_probabilities if task == "classification" else check_findings)(scores, run.folder)
    empty = (scores["n_reference"] == 0) & (scores["n_prediction"] == 0)
    if (failed := scores["dice"].isna() & ~empty).any():
        raise Refusal(
            f"Expected a Dice wherever a region has voxels, but {run.folder} has NaN for "
            f"{scores.loc[failed, key].iloc[0].tolist()}. Score it again."
        )
    return scores


def check_recipe(runs: Sequence[ScoredRun]) -> None:
    """Refuse runs that differ in more than generator, mode, alpha, seed and split, and generators of two settings.

    Raises:
        Refusal: If there are such runs.
    """
    first: dict[str, tuple[Path, Any]] = {}
    for run in runs:
        for key, value in _recipe(run.facts()).items():
            folder, expected = first.setdefault(key, (run.folder, value))
            if value != expected:
                raise Refusal(
                    f"Expected runs with one {key}, but {folder} has {expected!r} and {run.folder} has {value!r}. "
                    "Judge them apart."
                )


def _recipe(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what has to be the same in all runs, or in all runs with one generator, as far as a run says it."""
    always = {key: facts.get(key) for key in ("cohort", "network", "empty", "classes")}
    training = {key: facts[key] for key in ("steps", "batch_size", "image_size", "surfaces") if key in facts}
    if facts.get("margins"):
        training["margins"] = Margins.of_run(facts["margins"]).settings()
    for key, value in facts.get("training", {}).items():
        training |= {f"{key}.{k}": v for k, v in value.items()} if isinstance(value, Mapping) else {key: value}
    training.pop("split.repeat", None)
    generator = facts.get("generator")
    painting = {}
    if isinstance(generator, Mapping):
        painter = " ".join(filter(None, (generator_target(facts), files_of_generator(facts))))
        painting = {f"{key} of {painter}": value for key, value in generator.items() if key != "seed"}
    return always | training | painting


def _same_cases(runs: list[ScoredRun], tables: list[pd.DataFrame], names: list[str], part: str) -> None:
    """Refuse runs with other real cases than the first, or other synthetic ones than the first of their generator.

    Twins have the ids of their real cases; synthetic cases that are the twins of none have ids of their own.
    """
    first: dict[str, int] = {}
    columns = (part, "source", "case") if paired(runs) else (part, "source")
    for index, (run, table, name) in enumerate(zip(runs, tables, names, strict=True)):
        for column in columns:
            expected, actual = (set(t[column].unique()) for t in (tables[0], table))
            _same(expected, actual, f"the same test {column}s", runs[0].folder, run.folder)
        peers = {"real": 0, "synthetic": first.setdefault(name, index)}  # a set may lack a class that others have
        for source in table["source"].unique():
            peer = peers[source]
            expected, actual = (_scored_items(t[t["source"] == source]) for t in (tables[peer], table))
            _same(expected, actual, f"the same {source} test cases", runs[peer].folder, run.folder)


def _scored_items(scores: pd.DataFrame) -> set[str]:
    """Return the cases, with their class where they have one, or each with each finding."""
    if "present" in scores:
        absent = scores["present"].map({0: " without ", 1: " with "})
        return set((scores["case"] + absent + scores["class"]).unique())
    classes = " (" + scores["target"] + ")" if "target" in scores else ""
    return set((scores["case"] + classes).unique())


def _same(expected: set[str], actual: set[str], description: str, first_name: Path, other_name: Path) -> None:
    if expected != actual:
        raise Refusal(
            f"Expected {description} in every run, but only {first_name} has {sorted(expected - actual)[:5]} and only "
            f"{other_name} has {sorted(actual - expected)[:5]}. Judge them apart, or score one again."
        )
