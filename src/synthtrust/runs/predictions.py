"""Predictions of another trainer for exported mixes, scored as those of this project's networks are: into runs."""

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig

from synthtrust.cases import Case, CaseError, Cohort, Source, nnunet_name
from synthtrust.cases.formats.volumes import is_volume, read_header, stem_of
from synthtrust.cases.grid import check_same_grid
from synthtrust.conventions import CONFIG, EXPORT, FACTS, LESION_COLUMNS, LESIONS, SCORES, TRIVIAL
from synthtrust.files import folder_aside, read_json
from synthtrust.metrics import SurfaceRules, surfaces_of_case
from synthtrust.metrics.functional import overlap
from synthtrust.models import lesion_rows, region_rows
from synthtrust.progress import track
from synthtrust.refusals import Refusal
from synthtrust.runs.made import plain
from synthtrust.runs.own_files import DATA, checksums_in, write_facts
from synthtrust.runs.run import Run
from synthtrust.runs.surface_rules import asked_rules
from synthtrust.runs.training import with_mix
from synthtrust.tables import write_csv

VOLUMES = "volumes.csv"

WITHIN = ("", "fold_0/validation")
"""Folders of an arm in which predictions are looked for; the second is where nnU-Net leaves those of its fold."""

ARM = re.compile(r"alpha_[\d.]+_seed_\d+")
"""The beginning of the name of a run's folder."""


@dataclass(frozen=True)
class ExportedRun:
    """The folder of an exported mix: a run that another trainer makes."""

    run: Run
    folder: Path
    """The raw data set that was written for that trainer."""
    numbers: Mapping[str, int]
    """Label name -> its number in the files of that set, and so in predictions."""
    cases: Mapping[str, Sequence[str]]
    """Part -> names of its cases in that set."""
    facts: Mapping[str, Any]
    """What a reader of the scores should know about the cases."""

    @classmethod
    def read(cls, run: Run) -> "ExportedRun":
        """Read what an export has left in the folder of a run.

        Raises:
            Refusal: If it is damaged.
        """
        try:
            left = read_json(run.folder / EXPORT)
            return cls(run, Path(left["folder"]), left["labels"], left["cases"], left["facts"])
        except (ValueError, KeyError, TypeError) as error:
            raise Refusal(
                f"Expected {run.folder / EXPORT} as an export leaves it, but could not read it: {error}. Export again."
            ) from error


def exported_runs(folder: str | Path, *, trusted: bool = False) -> list[ExportedRun]:
    """Return the exported mixes in a folder, itself included, in order of path."""
    return [ExportedRun.read(Run(path.parent, trusted)) for path in sorted(Path(folder).rglob(EXPORT))]


def score_predictions(cfg: DictConfig, folders: Sequence[str]) -> Path:
    """Score the label maps of another trainer on the real and synthetic test cases of exported mixes.

    Nothing is written before every file of every mix was scored. A folder of runs is left that every audit can read;
    scored again, the same predictions replace it.

    Args:
        cfg: The config of an evaluation, with ``predictions``: a folder with a folder for each exported mix, or a
            table of them.
        folders: Folders of exported mixes.

    Returns:
        The folder of the scored runs, ``paths.runs`` with the name of ``predictions``.

    Raises:
        CaseError: If a prediction is no label map, lies on another grid than its case, or holds an unknown value.
        Refusal: If a mix or a case has no prediction, there are others besides, or the folder of scored runs is in
            use for something else.
    """
    given = Path(cfg.predictions).absolute()
    exported = [arm for folder in folders for arm in exported_runs(folder, trusted=cfg.trusted)]
    home = Path(cfg.paths.runs) / stem_of_table(given)
    files = {arm.run.folder: _files_of(arm, folder) for arm, folder in _folders_of(given, exported)}
    for arm in exported:
        _check_free(home / arm.run.name, given)
    cohorts: dict[str, Cohort] = {}
    scored = [_scores(arm, files[arm.run.folder], cohorts, _rules(arm, cfg.get("surfaces"))) for arm in exported]
    for arm, results in zip(exported, scored, strict=True):
        _write(arm, results, home / arm.run.name, given)
    return home


def stem_of_table(predictions: Path) -> str:
    """Return the name of a folder of predictions, or of a table of such folders without its ending.

    >>> stem_of_table(Path("out/nnunet_2d")), stem_of_table(Path("out/nnunet_2d.csv"))
    ('nnunet_2d', 'nnunet_2d')
    """
    return predictions.stem if predictions.suffix.lower() in (".csv", ".tsv") else predictions.name


def _folders_of(given: Path, exported: Sequence[ExportedRun]) -> list[tuple[ExportedRun, Path]]:
    """Return the folder with the predictions of each exported mix.

    Raises:
        Refusal: If one has none or the name of another, or there is a folder of a mix that was not exported.
    """
    names = [arm.run.name for arm in exported]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Refusal(
            f"Expected one exported mix of each name, but {twice[0]} is there several times. Name their folders in "
            "runs=[...], and evaluate them apart."
        )
    known = _table(given) if given.is_file() else {path.name: path for path in given.iterdir() if path.is_dir()}
    folders = []
    for arm in exported:
        folder = known.get(arm.run.name, known.get(arm.folder.name))
        if folder is None or not folder.is_dir():
            raise Refusal(
                f"Expected a folder with the predictions of {arm.run.name} in {given}, but there is none. Call it so, "
                f"or choose the exported mixes that you trained on with runs=..."
            )
        folders.append((arm, folder))
    used = {folder for _, folder in folders}
    listed = given.is_file()
    if extra := [name for name, path in known.items() if path not in used and (listed or ARM.match(name))]:
        raise Refusal(
            f"Expected predictions of exported mixes in {given}, but {extra[0]} is none of {names[:8]}. Leave it out, "
            "or name the folder of its export in runs=..."
        )
    return folders


def _table(file: Path) -> dict[str, Path]:
    """Return run -> folder of a table with these two columns, folders relative to the table."""
    table = pd.read_csv(file, sep=None, engine="python", dtype=str, keep_default_na=False)
    if missing := [name for name in ("run", "folder") if name not in table]:
        raise Refusal(f"Expected columns run and folder in {file}, but {missing[0]} is missing.")
    return {run: file.parent / folder for run, folder in zip(table["run"], table["folder"], strict=True)}


def _files_of(arm: ExportedRun, folder: Path) -> dict[str, Path]:
    """Return the prediction of each test case by the case's name in the set.

    Raises:
        Refusal: If a test case has none or two, or a file is that of no case.
    """
    files: dict[str, Path] = {}
    for within in WITHIN:
        for path in sorted((folder / within).iterdir()) if (folder / within).is_dir() else ():
            if not path.is_file() or not is_volume(path):
                continue
            if (name := stem_of(path)) in files:
                raise Refusal(f"Expected one prediction of {name}, but got {files[name]} and {path}. Remove one.")
            files[name] = path
    test, others = set(arm.cases["test"]), set(arm.cases["val"])
    if extra := sorted(files.keys() - test - others):
        raise Refusal(
            f"Expected predictions of the test cases of {arm.run.name}, such as {arm.cases['test'][0]}, but "
            f"{files[extra[0]]} is none of them. Call it as its case is called in {arm.folder / 'imagesTs'}, or "
            "remove it."
        )
    if missing := [name for name in arm.cases["test"] if name not in files]:
        raise Refusal(
            f"Expected a prediction of every test case in {folder}, but {missing[0]} has none, nor have "
            f"{len(missing) - 1} others. Predict all of {arm.folder / 'imagesTs'}."
        )
    return {name: files[name] for name in arm.cases["test"]}


@dataclass(frozen=True)
class _Results:
    """What the predictions for one exported mix score."""

    scores: pd.DataFrame
    """Tidy, as a training has them."""
    lesions: pd.DataFrame
    rules: SurfaceRules | None
    """By which surfaces and lesions were scored; None: not at all."""


def _rules(arm: ExportedRun, asked: DictConfig | None) -> SurfaceRules | None:
    """Return the rules that an evaluation asks for, or else those that the export was made with."""
    own = arm.run.config.get("surfaces")
    if own is not None and not own.score:
        return None
    return asked_rules(asked, arm.facts.get("spacing_mm"), None if own is None else plain(own))


def _scores(
    arm: ExportedRun, files: Mapping[str, Path], cohorts: dict[str, Cohort], rules: SurfaceRules | None
) -> _Results:
    """Return what the predictions for one exported mix score."""
    run = arm.run
    key = str(run.config.cases)
    cohorts[key] = cohorts.get(key) or run.cohort
    real = {nnunet_name(case): case for case in cohorts[key].cases}
    known = {**real, **{nnunet_name(case): case for case in run.twins.cases}}
    rows: list[dict[str, Any]] = []
    of_lesions: list[dict[str, Any]] = []
    for name, file in track(files.items(), f"Scoring {run.name}"):
        if name not in known:
            raise CaseError(
                f"Expected the test case {name} of {run.folder}, but it is not among its cases any more. Export again."
            )
        of_case, lesions = _rows_of(arm, known[name], file, cohorts[key].labels, rules)
        rows, of_lesions = rows + of_case, of_lesions + lesions
    lesions_table = with_mix(pd.DataFrame(of_lesions, columns=LESION_COLUMNS), arm.facts)
    return _Results(with_mix(pd.DataFrame(rows), arm.facts), lesions_table, rules)


def _rows_of(
    arm: ExportedRun, case: Case, file: Path, labels: Mapping[str, int], rules: SurfaceRules | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    check_same_grid(file, case.require_label_map())
    numbers = {number: labels[name] for name, number in arm.numbers.items()}
    named = ", ".join(f"{number} {name}" for name, number in arm.numbers.items())
    predicted = Case(
        case.id,
        {},
        file,
        source=Source(case.source),
        relabel={0: 0, **numbers},
        label_hint=f"Predictions have the numbers of {arm.folder / 'dataset.json'}: 0 background, {named}.",
    )
    regions = {name: tuple(values) for name, values in arm.facts["regions"].items()}
    prediction, reference = (torch.from_numpy(labelled.load_label())[None] for labelled in (predicted, case))
    counts = torch.stack(overlap(prediction, reference, list(regions.values())), -1)[0]  # (K, 3)
    if rules is None:
        return region_rows(case, case.source.value, counts, regions, arm.facts["empty"]), []
    shape, affine = read_header(case.require_label_map())
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    surfaces = surfaces_of_case(
        prediction[0].numpy(), reference[0].numpy(), spacing, float(np.linalg.norm(spacing * shape[:3])), regions,
        rules, arm.facts["empty"],
    )  # fmt: skip
    rows = region_rows(case, case.source.value, counts, regions, arm.facts["empty"], surfaces)
    return rows, list(lesion_rows(case, case.source.value, regions, surfaces))


def _check_free(folder: Path, given: Path) -> None:
    """Refuse a folder for scores that holds something else.

    Raises:
        Refusal: If it holds an exported mix, or a run of other predictions or of this project's own.
    """
    if (folder / EXPORT).exists():
        raise Refusal(f"Expected predictions in a folder of another name, but {folder} is an exported mix. Rename it.")
    if folder.exists() and any(folder.iterdir()):
        known = Run(folder).facts().get("predictions") if (folder / FACTS).is_file() else None
        if known != str(given):
            raise Refusal(
                f"Expected {folder} to be free for the scores of {given}, but it holds "
                f"{'a run of this project' if known is None else f'those of {known}'}. Rename one of the two."
            )


def _write(arm: ExportedRun, results: _Results, folder: Path, given: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with folder_aside(folder) as written:
        for name in (CONFIG, DATA, VOLUMES, TRIVIAL):
            if (arm.run.folder / name).is_file():
                shutil.copyfile(arm.run.folder / name, written / name)
        write_csv(written / SCORES, results.scores)
        facts = dict(arm.facts)
        if results.rules is not None:
            write_csv(written / LESIONS, results.lesions)
            facts["surfaces"] = results.rules.facts(list(arm.facts["regions"]))
        network = f"{stem_of_table(given)} (predictions of another trainer)"
        facts |= {"network": network, "predictions": str(given), "files": checksums_in(written)}
        write_facts(written / FACTS, facts)
