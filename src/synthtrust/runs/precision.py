"""The meaning of `precision=auto`: the precision that a run or its sweep began with, or what is quick here."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from synthtrust.conventions import CONFIG
from synthtrust.machine import AUTO, quick_precision
from synthtrust.refusals import Refusal
from synthtrust.runs.stored_file import read_config

log = logging.getLogger(__name__)


def settled(cfg: DictConfig, folder: Path) -> DictConfig:
    """Return the config of a run in which a precision replaces ``trainer.precision=auto``, and log that precision.

    A resumed run keeps its precision, and a run of a sweep takes that of the runs beside it, whichever is quick on
    this machine, since runs in different precisions are not compared.

    A generator's ``precision=auto`` is kept, since it is part of the name of its set, which every machine must find.
    One exception: a run that began before ``auto`` existed keeps the precision of its generator, and thereby its set.

    Args:
        cfg: The config of the run, which is not changed.
        folder: The folder of the run.
    """
    cfg = cfg.copy()
    before = next(_configs(folder), None)
    if OmegaConf.select(cfg, "trainer.precision") == AUTO:
        quick = quick_precision(str(cfg.trainer.get("accelerator", "auto")))
        kept = None if before is None else OmegaConf.select(before, "trainer.precision")
        cfg.trainer.precision = kept or quick
        log.info("Precision: %s%s", cfg.trainer.precision, f", as the runs in {folder.parent} have" if kept else "")
        if cfg.trainer.precision != quick:
            log.warning("On this machine %s would be quicker.", quick)
    if before is not None and OmegaConf.select(cfg, "generator.precision") == AUTO and _same_generator(cfg, before):
        cfg.generator.precision = OmegaConf.select(before, "generator.precision") or AUTO
    return cfg


def _same_generator(cfg: DictConfig, before: DictConfig) -> bool:
    return bool(cfg.generator["_target_"] == OmegaConf.select(before, "generator._target_"))


def _configs(folder: Path) -> Iterator[DictConfig]:
    """Yield the stored config of a run, if it began before, and then those of the runs beside it."""
    if (folder / CONFIG).is_file():
        yield read_config(folder / CONFIG)
    for path in sorted(folder.parent.glob(f"*/{CONFIG}")):
        with suppress(Refusal, OSError):  # another run that is damaged is none of this one's business
            yield read_config(path)
