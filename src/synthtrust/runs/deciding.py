"""What of a config decides the scores of a run, and what two runs that are compared have to share."""

from inspect import signature
from typing import Any

from hydra.utils import get_class, get_object
from omegaconf import DictConfig

from synthtrust.generators.importer import Importer
from synthtrust.runs.build import plain

DECISIVE = (
    "cases", "split", "duplicates", "allow_overlap", "generator", "data", "model", "regions", "alpha", "seed", "steps",
    "val_every", "trainer",
)  # fmt: skip
"""Parts of the config that decide the scores; a folder never mixes two of them."""

IDLE_OF_CASES = ("list", "save_refused")
"""Parts of ``cases`` that decide nothing."""

OF_THE_MIX = ("alpha", "seed", "mode", "val", "allow_real_val", "cache", "num_workers", "steps_per_epoch")
"""Parts of ``data`` in which compared runs may differ."""

OF_THE_WEIGHTS = (
    "precision", "deterministic", "gradient_clip_val", "gradient_clip_algorithm", "accumulate_grad_batches",
    "sync_batchnorm", "max_steps", "max_epochs", "max_time", "limit_train_batches", "limit_val_batches",
    "overfit_batches", "fast_dev_run", "check_val_every_n_epoch", "val_check_interval", "num_nodes", "devices",
)  # fmt: skip
"""Parts of ``trainer`` that decide the weights, or which of them are kept; the others say where and how it is shown."""


def deciding(cfg: DictConfig) -> dict[str, Any]:
    """Return a config's parts, as it was for what older ones do not have, without what decides nothing."""
    values = {"duplicates": "refuse", "allow_overlap": False, **plain(cfg)}
    kind = get_class(cfg.generator["_target_"])
    # whose twins an importer found, and whom a generator says that it learned from, are not nothing to a run
    idle: frozenset[str] = (
        frozenset() if issubclass(kind, Importer) else getattr(kind, "not_in_recipe", frozenset()) - {"train_ids"}
    )
    return values | {
        "cases": {"exclude": None, **_spelt_out({n: v for n, v in values["cases"].items() if n not in IDLE_OF_CASES})},
        "split": _spelt_out(values["split"]),
        "data": {name: value for name, value in values["data"].items() if name != "allow_real_val"},
        "generator": {name: value for name, value in _spelt_out(values["generator"]).items() if name not in idle},
        "trainer": _weighty(values["trainer"]),
    }


def training_of(cfg: DictConfig) -> dict[str, Any]:
    """Return what two runs have to share, so that nothing but their cases tells them apart."""
    values = plain(cfg)
    data = {name: value for name, value in values["data"].items() if name not in OF_THE_MIX}
    as_it_is = {part: values[part] for part in ("model", "val_every")}
    return {**as_it_is, "split": _spelt_out(values["split"]), "data": data, "trainer": _weighty(values["trainer"])}


def _spelt_out(node: dict[str, Any]) -> dict[str, Any]:
    """Return what a config describes with the defaults of its target, which an older config may leave unsaid."""
    known = signature(get_object(node["_target_"])).parameters.values()
    defaults = {one.name: one.default for one in known if one.default is not one.empty}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in (defaults | node).items()}


def _weighty(trainer: dict[str, Any]) -> dict[str, Any]:
    """Return what of a Trainer decides the weights."""
    values = {name: value for name, value in _spelt_out(trainer).items() if name in OF_THE_WEIGHTS}
    devices = values["devices"]  # how many, not which
    return values | {"devices": str(len(devices) if isinstance(devices, list) else devices)}
