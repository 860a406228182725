"""The mix of a run, written for another trainer: a raw data set of nnU-Net, and a folder that knows what it holds."""

import logging
import os
from glob import escape
from pathlib import Path
from typing import Any

from filelock import FileLock
from omegaconf import DictConfig, OmegaConf

from synthtrust.cases import MixedParts, label_numbers, nnunet_name, write_nnunet
from synthtrust.cases.manifest import NAME as MANIFEST
from synthtrust.cases.nnunet_set import check_parts
from synthtrust.conventions import CONFIG, EXPORT
from synthtrust.data import MixedCases, SegmentationDataModule
from synthtrust.files import folder_aside, read_json, sha256_of, write_json, write_text
from synthtrust.refusals import Refusal
from synthtrust.runs.build import build_data, check_choices, spell_out_ids
from synthtrust.runs.config_identity import comparable_training, identity_of_mix
from synthtrust.runs.facts import case_ids, facts_of_mix
from synthtrust.runs.own_files import DATA, write_facts
from synthtrust.runs.owner import owned
from synthtrust.runs.run import Run
from synthtrust.runs.stored import targets_of
from synthtrust.runs.training import check_same_config, check_twins, reads_files
from synthtrust.runs.trivial import write_trivial
from synthtrust.tables import write_csv

log = logging.getLogger(__name__)

RECORD = "synthtrust.json"
"""The file in a written set that says which mix it holds."""

LAST_ID = 999
"""The largest number of a data set of nnU-Net, whose names have three digits."""

VARIABLES = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
"""Environment variables with the folders in which a number of nnU-Net must not stand twice."""

HOW_TO_TRAIN = """{folder} holds %d training, %d validation and %d test cases. To train nnU-Net on exactly these:
  nnUNetv2_plan_and_preprocess -d {number} -c 2d
  cp {folder}/splits_final.json $nnUNet_preprocessed/{name}/      (or nnU-Net draws folds of its own)
  nnUNetv2_train {number} 2d 0
  nnUNetv2_predict -d {number} -c 2d -f 0 -i {folder}/imagesTs -o PREDICTIONS/{arm}
Then score them: evaluate.py predictions=PREDICTIONS runs={runs}"""


def export_run(cfg: DictConfig) -> Path:
    """Write the mix that a run of this config would be trained on as a raw data set of nnU-Net; find it if it is there.

    The set lies in ``export.root``, under the next free number from ``export.first_id`` on. ``paths.output`` gets what
    `score_predictions` needs of it: config, ids, facts, volumes, and the trivial predictor beside a mix of real cases.

    Returns:
        The folder of the set.

    Raises:
        CaseError: If the cohort or a case cannot be used.
        Refusal: If the folder holds another mix, nnU-Net cannot express it, or no number is free.
    """
    check_choices(cfg)
    spell_out_ids(cfg)
    run = Run(Path(cfg.paths.output), trusted=targets_of(cfg))
    with owned(run.folder, wait=cfg.get("wait", True), together=False):
        known = _known_set(run, cfg)
        if known is not None and not reads_files(cfg):
            log.info("Found: %s", known)
            return known
        data = build_data(cfg)
        if known is not None:
            check_twins(run, data)
            log.info("Found: %s", known)
            return known
        return _export(run, cfg, data)


def _known_set(run: Run, cfg: DictConfig) -> Path | None:
    """Return the set that was written before, if it is still there.

    Raises:
        Refusal: If the folder holds another mix, or a trained run.
    """
    if run.finished or run.last.exists():
        raise Refusal(
            f"Expected a folder for an export alone, but {run.folder} holds a trained run. Choose another "
            "export.suffix, or another name=..."
        )
    if not (run.folder / EXPORT).exists():
        return None
    check_same_config(run, identity_of_mix(cfg), identity_of_mix(run.config))
    folder = Path(read_json(run.folder / EXPORT)["folder"])
    return folder if folder.parent == Path(cfg.export.root).absolute() and (folder / RECORD).is_file() else None


def _export(run: Run, cfg: DictConfig, data: MixedCases) -> Path:
    """Write a set, and then what its run's folder keeps of it."""
    if not isinstance(data, SegmentationDataModule):
        raise Refusal(f"Expected cases with label maps for export={cfg.export.format}, but got {data.cohort.task}.")
    parts = MixedParts(
        tuple(data.train_cases), tuple(data.val_cases), tuple(case for cases in data.parts["test"] for case in cases)
    )
    check_parts(data.cohort, parts)
    numbers = label_numbers(data.cohort.labels)
    facts = _facts(cfg, data)
    write_text(run.folder / CONFIG, OmegaConf.to_yaml(cfg, resolve=True))
    write_facts(run.folder / DATA, case_ids(data))
    for name, table in data.tables().items():
        write_csv(run.folder / f"{name}.csv", table)
    if data.mix.alpha == 1:
        write_trivial(run, facts, data.prepared_real("train"), data.prepared_real("test"))
    record = {"run": run.name, **_origin(cfg, data), "labels": numbers}
    name = f"{str(cfg.name).replace('/', '_')}_{run.name}"
    folder = reserved_folder(Path(cfg.export.root).absolute(), name, cfg.export.first_id, record)
    if not (folder / RECORD).exists():
        try:
            with folder_aside(folder) as written:
                write_nnunet(written, data.cohort, parts)
                write_json(written / RECORD, record)
        except BaseException:
            folder.rmdir()
            raise
    cases = {part: [nnunet_name(case) for case in getattr(parts, part)] for part in ("train", "val", "test")}
    write_json(run.folder / EXPORT, {"folder": str(folder), "labels": numbers, "cases": cases, "facts": facts})
    _say_how_to_train(folder, run, parts)
    return folder


def _facts(cfg: DictConfig, data: SegmentationDataModule) -> dict[str, Any]:
    """Return what a reader of scores should know about the cases of a mix that another trainer learned from."""
    of_the_training = ("batch_size", "patch_size")  # of a trainer that does not train this
    facts = {name: value for name, value in facts_of_mix(cfg, data).items() if name not in of_the_training}
    return {
        **facts,
        "training": {"split": comparable_training(cfg)["split"]},
        "regions": {name: list(labels) for name, labels in data.cohort.regions(cfg.regions).items()},
        "empty": cfg.model.get("empty", "brats"),
    }


def _origin(cfg: DictConfig, data: MixedCases) -> dict[str, Any]:
    """Return which mix a set holds: the config that decides it, the ids, and the manifest of the twins."""
    ids = case_ids(data)
    return {
        "config": identity_of_mix(cfg),
        "cases": {name: ids[name] for name in ("splits", "left_out", "drawn")},
        "manifest": {"folder": data.twins_folder.name, "sha256": sha256_of(data.twins_folder / MANIFEST)},
        "weights": "every training case once",
    }


def reserved_folder(root: Path, name: str, first: int, record: dict[str, Any]) -> Path:
    """Return the folder of a set: the one with this very record, or an empty one under the first free number.

    A number is free if no folder of nnU-Net has a data set of that number.

    Raises:
        Refusal: If another set of this name is there, or no number is free.
    """
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / ".synthtrust.lock"):
        for folder in sorted(root.glob(f"Dataset[0-9][0-9][0-9]_{escape(name)}")):
            is_empty = not any(folder.iterdir())  # left by a process that was killed
            if is_empty or ((folder / RECORD).is_file() and read_json(folder / RECORD) == record):
                return folder
            raise Refusal(
                f"Expected no other set of this name in {root}, but {folder.name} holds another mix. Remove it, or "
                "choose another name=..."
            )
        folders = [root, *(Path(path) for variable in VARIABLES if (path := os.environ.get(variable)))]
        taken = {path.name[:10] for folder in folders if folder.is_dir() for path in folder.iterdir()}
        for number in range(first, LAST_ID + 1):
            if f"Dataset{number:03d}" not in taken:
                (folder := root / f"Dataset{number:03d}_{name}").mkdir()
                return folder
    raise Refusal(
        f"Expected a free number from {first} to {LAST_ID} in {root}, but all are taken. Lower export.first_id."
    )


def _say_how_to_train(folder: Path, run: Run, parts: MixedParts) -> None:
    sizes = (len(parts.train), len(parts.val), len(parts.test))
    log.info(
        HOW_TO_TRAIN.format(
            folder=folder, name=folder.name, number=int(folder.name[7:10]), arm=run.name, runs=run.folder.parent
        ),
        *sizes,
    )
