"""What `precision=auto` stands for: what a run or its sweep was begun in, or else what is quick on the machine."""

import logging
from collections.abc import Iterator
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from synthtrust.conventions import CONFIG
from synthtrust.machine import AUTO, quick_precision
from synthtrust.runs.stored_file import read_config

log = logging.getLogger(__name__)


def settled(cfg: DictConfig, folder: Path) -> DictConfig:
    """Return the config of a run with a precision in the place of ``trainer.precision=auto``, and log it.

    A run that is resumed keeps its precision, and a run of a sweep takes that of the runs beside it, whatever is quick
    on this machine: runs in two precisions are not compared.

    A generator's ``precision=auto`` stays, since it is part of the name of the set, which is found again on any
    machine. Only where a run was begun before there was ``auto`` its generator's precision is kept, and with it its
    set.

    Args:
        cfg: The config of the run; is left as it is.
        folder: The folder of the run.
    """
    cfg = cfg.copy()
    before = next(_configs(folder), None)
    if OmegaConf.select(cfg, "trainer.precision") == AUTO:
        quick = quick_precision(str(cfg.trainer.get("accelerator", "auto")))
        kept = None if before is None else OmegaConf.select(before, "trainer.precision")
        cfg.trainer.precision = kept or quick
        log.info("Precision: %s%s", cfg.trainer.precision, f", as runs in {folder.parent} have it" if kept else "")
        if cfg.trainer.precision != quick:
            log.warning("This machine would choose %s, which is quicker on it.", quick)
    if before is not None and OmegaConf.select(cfg, "generator.precision") == AUTO and _same_generator(cfg, before):
        cfg.generator.precision = OmegaConf.select(before, "generator.precision") or AUTO
    return cfg


def _same_generator(cfg: DictConfig, before: DictConfig) -> bool:
    return bool(cfg.generator["_target_"] == OmegaConf.select(before, "generator._target_"))


def _configs(folder: Path) -> Iterator[DictConfig]:
    """Yield the config of a run that was begun, then those of the runs beside it."""
    for path in (folder / CONFIG, *sorted(folder.parent.glob(f"*/{CONFIG}"))):
        if path.is_file():
            yield read_config(path)
