"""A run: one folder that knows its config, its checkpoint, its cases and its scores."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from synthtrust.cases import Case, Cohort, Mix, read_manifest
from synthtrust.cases.geometry import CANONICAL
from synthtrust.conventions import CONFIG, FACTS, LAST, LESIONS, SCORES, TRIVIAL
from synthtrust.metrics.functional.placements import auc_by_class
from synthtrust.refusals import MissingFileRefusal, Refusal
from synthtrust.runs.made import read_cases
from synthtrust.runs.own_files import DATA, read_facts, read_table
from synthtrust.runs.stored import check_stored
from synthtrust.runs.stored_file import PARTS, read_config


@dataclass(frozen=True)
class Run:
    """A folder that ``train.py`` left. ``run.json`` is written last: with it, the run is finished."""

    folder: Path
    trusted: bool | frozenset[str] = False
    """Whether its config may name whatever code it likes, or what besides the closed list of ``runs.stored``."""
    cohorts: dict[str, Cohort] = field(default_factory=dict, repr=False, compare=False)
    """Real cases that were read, by the config that names them: those of a sweep are read once, see `find_runs`."""

    @property
    def name(self) -> str:
        """The folder's name, such as ``alpha_0.5_seed_1``."""
        return self.folder.name

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return (self.folder / FACTS).is_file()

    @property
    def best(self) -> Path:
        """The checkpoint with the best validation score."""
        return self.folder / "checkpoints" / "best.ckpt"

    @property
    def last(self) -> Path:
        """The newest checkpoint, to resume from."""
        return self.folder / LAST

    @cached_property
    def config(self) -> DictConfig:
        """The config it was made from, resolved to plain values, as far as it names what a run may name.

        Raises:
            CaseError: If it names something else, see ``synthtrust.runs.stored``.
            Refusal: If it is no config that a run writes, see ``synthtrust.runs.stored_file``.
        """
        return self._read_config()

    def facts(self) -> dict[str, Any]:
        """Return what ``run.json`` says: model, generator, versions, hardware, seconds, command."""
        return read_facts(self.folder / FACTS)

    @property
    def mix(self) -> Mix:
        """How its training set was drawn."""
        facts = self.facts()
        return Mix(facts["alpha"], facts["mode"], facts["seed"], facts.get("n_real"), facts.get("n_synthetic"))

    def data(self) -> dict[str, Any]:
        """Return what ``data.json`` says: ids of the splits, ids drawn for the mix, the synthetic set's folder."""
        return read_facts(self.folder / DATA)

    @property
    def task(self) -> str:
        """``segmentation``, ``classification`` or ``multilabel``; older runs, which do not say it, are the first."""
        return str(self.facts().get("task", "segmentation"))

    def scores(self) -> pd.DataFrame:
        """One row per test case, source and region or class, behind alpha, seed and mode.

        Columns of a segmenter: case, patient, source, region, dice, n_reference, n_prediction [voxels], and those of
        its surfaces and lesions where they were scored, see ``synthtrust.models.region_rows``; of a classifier: case,
        patient, source, target, class, probability; of findings present (1 or 0) behind the class, and no target. A
        segmenter of real cases has ``trivial_dice`` as well: what position alone scores there.
        """
        scores = self._table(SCORES)
        if not (self.folder / TRIVIAL).is_file():
            return scores
        trivial = self._table(TRIVIAL).assign(source="real")
        return scores.merge(trivial, on=["case", "source", "region"], how="left", validate="one_to_one")

    def lesions(self) -> pd.DataFrame | None:
        """One row per lesion of a test case, see ``synthtrust.models.lesion_rows``; None where they were not scored."""
        return self._table(LESIONS) if (self.folder / LESIONS).is_file() else None

    def volumes(self) -> pd.DataFrame:
        """One row per real case and label: case, patient, part, source, region, n_voxels, volume_ml."""
        return self._table("volumes.csv")

    def classes(self) -> pd.DataFrame:
        """One row per real case of a classification: case, patient, part, source, class.

        Of findings a row for each of them, with 1 or 0 in the column ``present``.
        """
        return self._table("classes.csv")

    @cached_property
    def cohort(self) -> Cohort:
        """The real cases, read again from where they lie.

        Raises:
            CaseError: As `config`; that the network or anything else is what a run may name, is not asked for.
        """
        config = self._read_config(called=("cases",))
        key = str(config.cases)
        if key not in self.cohorts:
            self.cohorts[key] = read_cases(config)
        return self.cohorts[key]

    @cached_property
    def twins(self) -> Cohort:
        """Their twins."""
        return read_manifest(self.data()["twins"])

    def real_case(self, case_id: str) -> Case:
        """Return a real case by id."""
        return _find(self.cohort.cases, case_id)

    def twin(self, case_id: str) -> Case:
        """Return the twin of a real case by id."""
        return _find(self.twins.cases, case_id)

    def _read_config(self, called: Collection[str] | None = None) -> DictConfig:
        """Read the stored config and check it, see ``check_stored``."""
        config = read_config(self.folder / CONFIG, PARTS if called is None else called)
        if self.trusted is not True:
            check_stored(config, self.folder / CONFIG, self.trusted or frozenset(), called)
        return config

    def _table(self, name: str) -> pd.DataFrame:
        checksums = self.facts().get("files", {}) if self.finished else {}
        return read_table(self.folder / name, checksums.get(name))


def find_runs(folder: str | Path, *, trusted: bool = False) -> list[Run]:
    """Find the finished runs in a folder, itself included, in order of path.

    Args:
        folder: A run, or a folder of runs.
        trusted: Whether code that their configs name may be run, whatever it is.

    Raises:
        MissingFileRefusal: If there is none.
    """
    files, shared = sorted(Path(folder).rglob(FACTS)), dict[str, Cohort]()
    runs = [Run(path.parent, trusted, shared) for path in files if (path.parent / SCORES).is_file()]
    if not runs:
        raise MissingFileRefusal(f"Expected finished runs in {folder}, but found none. Train some with train.py first.")
    return runs


def headline(scores: pd.DataFrame) -> tuple[str, float]:
    """Return the name and the value of a run's number, from its scores on real test cases.

    The macro AUC is the mean over classes of the area under the ROC curve of one class against the rest, or over
    findings of having one against not having it; NaN when a class has no test case, or a finding none on either side,
    since a mean over the others would be another question's answer.

    >>> table = pd.DataFrame({"source": "real", "case": list("aabb"), "target": list("xxyy"), "class": list("xyxy")})
    >>> headline(table.assign(probability=[0.9, 0.1, 0.2, 0.8]))
    ('Macro AUC', 1.0)
    """
    real = scores[scores["source"] == "real"]
    if "dice" in real:
        return "Mean Dice", float(real["dice"].mean())
    classes = list(real["class"].unique())
    wide = real.pivot(index="case", columns="class", values="probability")[classes]
    if "present" in real:
        present = real.pivot(index="case", columns="class", values="present")[classes]
        return "Macro AUC", float(np.mean(auc_by_class(wide.to_numpy(), present.to_numpy())[0]))
    target = real.drop_duplicates("case").set_index("case")["target"].loc[wide.index]
    areas, _ = auc_by_class(wide.to_numpy(), [classes.index(name) for name in target])
    return "Macro AUC", float(np.mean(areas))


def headlines(scores: pd.DataFrame) -> dict[str, Any]:
    """Return the name of a run's number, and its value on real and on synthetic test cases; None where it has none.

    >>> headlines(pd.DataFrame({"source": ["real", "synthetic"], "dice": [0.5, 0.75]}))
    {'measure': 'Mean Dice', 'real': 0.5, 'synthetic': 0.75}
    """
    values: dict[str, Any] = {"measure": headline(scores)[0]}
    for source in ("real", "synthetic"):
        rows = scores[scores["source"] == source]
        value = headline(rows.assign(source="real"))[1] if len(rows) else float("nan")
        values[source] = round(value, 6) if np.isfinite(value) else None
    return values


def check_orientation(run: Run, facts: Mapping[str, Any], expected: str) -> None:
    """Refuse a network that was trained on arrays of another orientation: it would score a mirrored patient.

    Args:
        run: The run, which is named in the error.
        facts: What the run says about itself, with ``orientation``; older runs have none.
        expected: The orientation of the arrays that it is to see; empty for plane images.

    Raises:
        Refusal: If the run was trained on another orientation.
    """
    if facts.get("orientation", "") != expected:
        raise Refusal(
            f"Expected a run that was trained on volumes in {expected} orientation, but {run.folder} was trained on "
            "arrays in the order of their files, by an older version. Train it again under another name=...."
        )


def check_network(run: Run) -> None:
    """Refuse a run whose scores are those of predictions by another trainer: there is no network to ask.

    Raises:
        Refusal: If it is one.
    """
    if (predictions := run.facts().get("predictions")) is not None:
        raise Refusal(
            f"Expected a run with a network of its own, but {run.folder} has the scores of predictions that another "
            f"trainer made, {predictions}. Choose a run that train.py has trained."
        )


def trained_model(run: Run, cohort: Cohort, size: Sequence[int] = ()) -> Any:
    """Return the model of a run in evaluation mode, on the GPU if there is one.

    Args:
        run: A finished run.
        cohort: Cases with the run's modalities and labels.
        size: Side lengths of the images, for a classifier.

    Raises:
        Refusal: If the run was trained on volumes as their files had them, by an older version, or has no network.
    """
    import torch

    from synthtrust.checkpoints import load_checkpoint
    from synthtrust.runs.build import build_model

    check_network(run)
    plane = len(run.facts().get("image_size", ())) == 2
    check_orientation(run, run.facts(), "" if plane else CANONICAL)
    model = build_model(run.config, cohort, size)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    weights: Any = load_checkpoint(run.best, device).get("state_dict")
    try:
        model.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise Refusal(
            f"Expected the weights of its network in {run.best}, but got those of another. Get the folder from a copy, "
            "or remove it and train again."
        ) from error
    return model.eval().to(device)


def _find(cases: Sequence[Case], case_id: str) -> Case:
    for case in cases:
        if case.id == case_id:
            return case
    raise KeyError(f"Expected case {case_id!r} among {len(cases)} cases, but it is not there.")
