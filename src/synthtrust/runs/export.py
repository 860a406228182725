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
from synthtrust.files import aside, folder_aside, read_json, sha256_of, write_json, write_text
from synthtrust.refusals import Refusal
from synthtrust.runs.build import build_data, check_choices, spell_out_excluded
from synthtrust.runs.config_identity import DECISIVE, OF_THE_TRAINING, comparable_training, identity
from synthtrust.runs.owner import owned
from synthtrust.runs.run import DATA, Run
from synthtrust.runs.stored import targets_of
from synthtrust.runs.training import case_ids, check_same_config, check_twins, facts_of_mix, reads_files
from synthtrust.runs.trivial import write_trivial

log = logging.getLogger(__name__)

RECORD = "synthtrust.json"
"""The file in a written set that says which mix it holds."""

LAST_ID = 999
"""The largest number of a data set of nnU-Net, whose names have three digits."""

VARIABLES = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
"""Environment variables with the folders in which a number of nnU-Net must not stand twice."""

OF_THE_CASES = tuple(part for part in DECISIVE if part not in OF_THE_TRAINING)
"""Parts of the config that decide which cases are written."""

HOW_TO_TRAIN = """%s holds %d training, %d validation and %d test cases. To train nnU-Net on exactly these:
  nnUNetv2_plan_and_preprocess -d %s -c 2d
  cp %s/splits_final.json $nnUNet_preprocessed/%s/      (else it draws folds of its own)
  nnUNetv2_train %s 2d 0
  nnUNetv2_predict -d %s -c 2d -f 0 -i %s/imagesTs -o PREDICTIONS/%s
Then: python evaluate.py predictions=PREDICTIONS runs=%s"""


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
    spell_out_excluded(cfg)
    run = Run(Path(cfg.paths.output), trusted=targets_of(cfg))
    with owned(run.folder, wait=cfg.get("wait", True)):
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


def exported_runs(folder: str | Path, *, trusted: bool = False) -> list[Run]:
    """Return the folders of exported mixes in a folder, itself included, in order of path."""
    return [Run(path.parent, trusted) for path in sorted(Path(folder).rglob(EXPORT))]


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
    check_same_config(run, cfg, OF_THE_CASES)
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
    facts = {
        **facts_of_mix(cfg, data),
        "training": {"split": comparable_training(cfg)["split"]},
        "regions": {name: list(labels) for name, labels in data.cohort.regions(cfg.regions).items()},
        "empty": cfg.model.get("empty", "brats"),
    }
    of_the_training = ("batch_size", "patch_size")  # another trainer has its own
    facts = {name: value for name, value in facts.items() if name not in of_the_training}
    folder = _reserved(Path(cfg.export.root).absolute(), _name_of(cfg, run), cfg.export.first_id)
    try:
        with folder_aside(folder) as written:
            write_nnunet(written, data.cohort, parts)
            write_json(written / RECORD, {"run": run.name, **_origin(cfg, data), "labels": numbers})
    except BaseException:
        folder.rmdir()
        raise
    write_text(run.folder / CONFIG, OmegaConf.to_yaml(cfg, resolve=True))
    write_json(run.folder / DATA, case_ids(data))
    for name, table in data.tables().items():
        with aside(run.folder / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False)
    if data.mix.alpha == 1:
        write_trivial(run, facts, data.prepared_real("train"), data.prepared_real("test"))
    cases = {part: [nnunet_name(case) for case in getattr(parts, part)] for part in ("train", "val", "test")}
    write_json(run.folder / EXPORT, {"folder": str(folder), "labels": numbers, "cases": cases, "facts": facts})
    _say_how_to_train(folder, run, parts)
    return folder


def _name_of(cfg: DictConfig, run: Run) -> str:
    """Return the name of a set behind its number, which file systems and nnU-Net take."""
    return f"{str(cfg.name).replace('/', '_')}_{run.name}"


def _origin(cfg: DictConfig, data: MixedCases) -> dict[str, Any]:
    """Return which mix a set holds: the config that decides it, the ids, and the manifest of the twins."""
    values = identity(cfg)
    return {
        "config": {part: values.get(part) for part in OF_THE_CASES},
        "cases": case_ids(data),
        "manifest": {"folder": data.twins_folder.name, "sha256": sha256_of(data.twins_folder / MANIFEST)},
        "weights": "every training case once",
    }


def _reserved(root: Path, name: str, first: int) -> Path:
    """Make an empty folder for a set, under the first number that is free in all folders of nnU-Net.

    Raises:
        Refusal: If a set of this name is there already, or no number is free.
    """
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / ".synthtrust.lock"):
        for folder in sorted(root.glob(f"Dataset[0-9][0-9][0-9]_{escape(name)}")):
            if not any(folder.iterdir()):  # left by a process that was killed
                return folder
            raise Refusal(
                f"Expected no set of this name in {root}, but {folder.name} is there, from another folder of runs or "
                "another config. Remove it, or choose another name=..."
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
    number = str(int(folder.name[7:10]))
    sizes = (len(parts.train), len(parts.val), len(parts.test))
    log.info(
        HOW_TO_TRAIN, folder, *sizes, number, folder, folder.name, number, number, folder, run.name, run.folder.parent
    )
