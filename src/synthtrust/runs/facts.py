"""What a run says of itself: the cases behind its scores, the network, the machine."""

import platform
from importlib.metadata import version
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from lightning import Trainer
from omegaconf import DictConfig

from synthtrust.cases.manifest import PACKAGES
from synthtrust.data import MixedCases
from synthtrust.machine import arithmetic, cores, peak_memory_gib, processor
from synthtrust.runs.build import Model
from synthtrust.runs.config_identity import comparable_training
from synthtrust.runs.made import plain


def facts_of(cfg: DictConfig, trainer: Trainer, model: Model, data: MixedCases) -> dict[str, Any]:
    """Return what a reader of the scores should know about how they were made."""
    device = trainer.strategy.root_device
    return {
        **facts_of_mix(cfg, data),
        "training": comparable_training(cfg),
        "network": type(model.net).__name__,
        "parameters": sum(p.numel() for p in model.net.parameters()),
        "steps": int(trainer.global_step),
        **model.facts,
        "best_val_score": _number(trainer.checkpoint_callback),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else processor(),
        "devices": trainer.world_size,
        "precision": str(cfg.trainer.precision),
        "cores": cores(),
        "arithmetic": arithmetic(),
        "peak_memory_gib": round(peak_memory_gib(), 2),
    }


def facts_of_mix(cfg: DictConfig, data: MixedCases) -> dict[str, Any]:
    """Return what a reader should know about the cases of a mix, whoever trains on it."""
    overrides = list(HydraConfig.get().overrides.task) if HydraConfig.initialized() else []
    return {
        "task": data.cohort.task,
        **data.facts,
        "alpha": float(data.mix.alpha),
        "seed": int(data.mix.seed),
        "mode": data.mix.mode,
        "n_real": data.mix.n_real,
        "n_synthetic": data.mix.n_synthetic,
        "generator": plain(cfg.generator),
        "margins": plain(cfg.margins),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
        "command": " ".join(["python train.py", *overrides]),
    }


def _number(checkpoint: Any) -> float | None:
    score = getattr(checkpoint, "best_model_score", None)
    return None if score is None else round(float(score), 6)


def case_ids(data: MixedCases) -> dict[str, Any]:
    """Return the ids of the cases by split, of those left out and of those drawn, and the folder of the twins."""
    return {
        "splits": data.splits.ids,
        "left_out": data.left_out,
        "refused": [{"case": case.case, "where": str(case.where), "why": case.why} for case in data.refused],
        "drawn": data.drawn,
        "twins": str(data.twins_folder.absolute()),
        "orientation": data.orientation,
    }
