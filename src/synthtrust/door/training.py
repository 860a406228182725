"""The whole config of a training, checked before anything costs; what only the cases can tell is checked with them."""

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig

from synthtrust.conventions import (
    CHOICES,
    CONFOUNDED,
    CONTROLS,
    VALIDATE,
    check_alpha,
    check_kept_steps,
    check_steps,
    check_val,
)
from synthtrust.door.gpu import count_gpus
from synthtrust.door.rules import check_values, value_of
from synthtrust.door.trackers import check_trackers
from synthtrust.refusals import Refusal
from synthtrust.strategies import check_strategy

TASKS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "cases.read_brats", "cases.read_msd", "cases.read_nnunet", "cases.read_volume_table", "cases.phantom",
            "data.SegmentationDataModule", "models.Segmenter", "generators.Tissue", "generators.MedDDPM",
            "generators.BrainDiffusion", "generators.SpadeGAN", "generators.MaskSwap", "generators.Folder",
            "generators.LabelledSet", "generators.EditedMasks",
        ),
        "segmentation",
    ),
    **dict.fromkeys(
        (
            "cases.read_medmnist", "cases.read_table", "cases.read_class_folders", "cases.phantom_slices",
            "data.ClassificationDataModule", "models.Classifier", "generators.ClassMixture",
            "generators.ClassDiffusion", "generators.ClassFolder", "generators.ClassTable",
            "generators.LabelShuffle",
        ),
        "classification",
    ),
}  # fmt: skip
"""Target of this project -> the only task it serves; others serve both, or are asked when they are imported."""


def check_training(cfg: DictConfig) -> None:
    """Refuse a config that cannot work, as far as that shows without reading a case.

    Raises:
        Refusal: If the experiment is one of evaluate.py, which would compose and train something else; or a value
            is out of its range, a path does not exist, options are for two tasks, or there is no such GPU.
    """
    if "calibration" in cfg:
        raise Refusal(
            f"Expected an experiment of train.py, but got {cfg.name}, which trains nothing. Use evaluate.py "
            f"experiment={cfg.name}."
        )
    check_alpha(cfg.alpha)
    check_steps(cfg.steps, cfg.val_every)
    check_values(cfg)
    _check_tasks(cfg)
    choice = value_of(cfg, "data.val", "mix"), cfg.alpha, value_of(cfg, "data.mode", "complement")
    if choice[2] in CONTROLS and cfg.alpha == 0:
        raise Refusal(
            f"Expected alpha above 0 for data.mode={choice[2]}, which trains on real cases without twins, but got "
            f"{cfg.alpha}: no case is left. Leave 0 out of the sweep, as experiment=alpha_controls does."
        )
    _check_confounded(cfg, choice[2])
    check_val(*choice, allow_real_val=value_of(cfg, "data.allow_real_val", default=False))
    if value_of(cfg, "export") is not None:
        _check_export(cfg, choice[2])
    check_trackers(cfg)
    _check_pictures(cfg)
    _check_kept_steps(cfg)
    check_strategy(value_of(cfg, "trainer.strategy"))
    _check_devices(cfg.trainer)


def _check_confounded(cfg: DictConfig, mode: str) -> None:
    """Refuse cases whose source depends on a class that they have not, and a class of which no source depends."""
    confounder = value_of(cfg, "data.confounder")
    if mode == CONFOUNDED and confounder is None and _task(cfg.data) == "segmentation":
        raise Refusal(
            "Expected data.confounder=LABEL for data.mode=confounded of cases with label maps, whose volume of that "
            "label is their class, but got null. Choose a label, or cases with classes (data=images)."
        )
    if mode != CONFOUNDED and confounder is not None:
        raise Refusal(
            f"Expected data.mode=confounded for data.confounder={confounder}, but got data.mode={mode}. Leave it out."
        )
    if mode == CONFOUNDED and value_of(cfg, "data.n_synthetic") is not None:
        raise Refusal(
            "Expected data.n_synthetic=null for data.mode=confounded, which takes as many synthetic cases of a class "
            f"as it has real ones, but got {value_of(cfg, 'data.n_synthetic')}. Use data.n_real."
        )


def _check_pictures(cfg: DictConfig) -> None:
    """Refuse pictures of validations that do not take place."""
    every = value_of(cfg, "track.pictures_every", 0)
    if every % cfg.val_every:
        raise Refusal(
            f"Expected track.pictures_every to be a multiple of val_every={cfg.val_every}, since pictures are of "
            f"validations, but got {every}."
        )


def _check_kept_steps(cfg: DictConfig) -> None:
    """Refuse a step of the generator's training that is not kept."""
    kept = value_of(cfg, "generator.keep_steps")
    max_steps = value_of(cfg, "generator.max_steps") or max(kept or [0])
    if max_steps and str(value_of(cfg, "generator._target_", "")).startswith("synthtrust."):
        check_kept_steps(value_of(cfg, "generator.step"), kept, max_steps)


def _check_export(cfg: DictConfig, mode: str) -> None:
    """Refuse to write a mix that a raw data set of nnU-Net cannot hold."""
    if _task(cfg.data) == "classification":
        raise Refusal(
            f"Expected cases with label maps for export={cfg.export.format}, but got data for classification. Choose "
            f"for example {CHOICES['segmentation']}."
        )
    if value_of(cfg, "stage") == VALIDATE:
        raise Refusal(
            "Expected stage=test or prepare for an export, which trains nothing, but got stage=validate. Leave it out."
        )
    if mode == "duplicate_real":
        raise Refusal(
            "Expected a mix of cases that are there once, since nnU-Net draws all cases equally often, but got "
            "data.mode=duplicate_real. Choose real_only: nnU-Net takes as many steps however few cases there are."
        )


def _check_tasks(cfg: DictConfig) -> None:
    """Refuse options for two tasks, as far as their names tell."""
    task = {group: _task(cfg[group]) for group in ("cases", "generator", "data", "model")}
    choices = " or ".join(f"{choice} ({name})" for name, choice in CHOICES.items())
    if None not in (task["model"], task["data"]) and task["model"] != task["data"]:
        raise Refusal(
            f"Expected model and data for one task, but got a model for {task['model']} and data for {task['data']}. "
            f"Choose for example {choices}."
        )
    asked = task["model"] or task["data"]
    for group, noun in (("cases", "cases"), ("generator", "a generator")):
        if None not in (asked, task[group]) and asked != task[group] and not cfg.cases.get("list", False):
            raise Refusal(
                f"Expected {noun} for {asked}, as model and data are, but {cfg[group]._target_} is for {task[group]}. "
                f"Choose for example {choices}, or another {group}=..."
            )


def _task(node: DictConfig) -> str | None:
    target = str(node.get("_target_", ""))
    return TASKS.get(target.removeprefix("synthtrust.")) if target.startswith("synthtrust.") else None


def _check_devices(trainer: DictConfig) -> None:
    """Refuse a GPU that is not there."""
    if trainer.get("accelerator") not in ("gpu", "cuda") or (known := count_gpus()) is None:
        return
    wanted = _number_of(value_of(trainer, "devices"))
    if known < wanted:
        raise Refusal(
            f"Expected {wanted} GPU{'s' * (wanted > 1)} for trainer.accelerator={trainer.accelerator}, but PyTorch can "
            f"use {known or 'none'} here. Use trainer=default for whatever there is, or trainer=cpu."
        )


def _number_of(devices: Any) -> int:
    """Return how many devices are asked for at least."""
    if isinstance(devices, list):
        return max(1, len(devices))
    return max(1, int(devices)) if str(devices).isdigit() else 1
