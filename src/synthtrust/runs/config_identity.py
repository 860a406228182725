"""What in a config decides the scores of a run, and what two runs that are compared have to share."""

from inspect import signature
from typing import Any

from hydra.utils import get_class, get_object
from omegaconf import DictConfig

from synthtrust.generators.importer import Importer
from synthtrust.runs.made import plain

DECISIVE = (
    "cases", "split", "duplicates", "allow_overlap", "generator", "data", "model", "regions", "alpha", "seed", "steps",
    "val_every", "trainer", "export",
)  # fmt: skip
"""Parts of the config that decide the scores; a folder never mixes two of them."""

OF_THE_TRAINING = ("model", "steps", "val_every", "trainer")
"""Those that decide nothing about which cases a mix holds."""

OF_THE_BATCHES = (
    "cache", "num_workers", "steps_per_epoch", "batch_size", "patch_size", "foreground", "augment", "size",
)  # fmt: skip
"""Parts of ``data`` that decide nothing about which cases a mix holds."""

IDLE_OF_CASES = ("list", "save_refused", "verify")
"""Parts of ``cases`` that decide nothing."""

IDLE_OF_DATA = ("allow_real_val", "val_pairs")
"""Parts of ``data`` that decide nothing."""

UNSAID_OF_DATA = (("n_real", None), ("n_synthetic", None), ("confounder", None))
"""Defaults in ``data`` that an older config leaves unsaid."""

OF_THE_MIX = (
    "alpha", "seed", "mode", "confounder", "n_real", "n_synthetic", "val", "allow_real_val", "val_pairs", "cache",
    "num_workers", "steps_per_epoch",
)  # fmt: skip
"""Parts of ``data`` in which compared runs may differ."""

OF_THE_WEIGHTS = (
    "precision", "deterministic", "gradient_clip_val", "gradient_clip_algorithm", "accumulate_grad_batches",
    "sync_batchnorm", "max_steps", "max_epochs", "max_time", "limit_train_batches", "limit_val_batches",
    "overfit_batches", "fast_dev_run", "check_val_every_n_epoch", "val_check_interval", "num_nodes", "devices",
)  # fmt: skip
"""Parts of ``trainer`` that decide the weights, or which of them are kept; the others say where and how it is shown."""


def identity(cfg: DictConfig) -> dict[str, Any]:
    """Return a config without what decides nothing, and with the defaults that an older one leaves unsaid."""
    values = {"duplicates": "refuse", "allow_overlap": False, **plain(cfg)}
    kind = get_class(cfg.generator["_target_"])
    # which twins an importer finds, and from whom a generator says that it learned, do matter to a run
    idle: frozenset[str] = (
        frozenset() if issubclass(kind, Importer) else getattr(kind, "not_in_recipe", frozenset()) - {"train_ids"}
    )
    return values | {
        "cases": {
            "exclude": None,
            **_with_defaults({n: v for n, v in values["cases"].items() if n not in IDLE_OF_CASES}),
        },
        "split": _with_defaults(values["split"]),
        "data": {
            name: value
            for name, value in values["data"].items()
            if name not in IDLE_OF_DATA and (name, value) not in UNSAID_OF_DATA
        },
        "generator": {name: value for name, value in _with_defaults(values["generator"]).items() if name not in idle},
        "trainer": _weight_deciding(values["trainer"]),
        "export": (values.get("export") or {}).get("format"),
    }


def identity_of_mix(cfg: DictConfig) -> dict[str, Any]:
    """Return the parts of a config that decide which cases a mix holds, whoever trains on it."""
    values = {part: value for part, value in identity(cfg).items() if part in DECISIVE and part not in OF_THE_TRAINING}
    said_apart = (*OF_THE_BATCHES, "alpha", "seed")
    return values | {"data": {name: value for name, value in values["data"].items() if name not in said_apart}}


def comparable_training(cfg: DictConfig) -> dict[str, Any]:
    """Return what two runs have to share, so that they differ in nothing but their cases."""
    values = plain(cfg)
    data = {name: value for name, value in values["data"].items() if name not in OF_THE_MIX}
    as_it_is = {part: values[part] for part in ("model", "val_every")}
    return {
        **as_it_is,
        "split": _with_defaults(values["split"]),
        "data": data,
        "trainer": _weight_deciding(values["trainer"]),
    }


def _with_defaults(node: dict[str, Any]) -> dict[str, Any]:
    """Return a config node with the defaults of its target, which an older config may leave unsaid."""
    known = signature(get_object(node["_target_"])).parameters.values()
    defaults = {parameter.name: parameter.default for parameter in known if parameter.default is not parameter.empty}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in (defaults | node).items()}


def _weight_deciding(trainer: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a Trainer that decide the weights."""
    values = {name: value for name, value in _with_defaults(trainer).items() if name in OF_THE_WEIGHTS}
    devices = values["devices"]  # how many, not which
    return values | {"devices": str(len(devices) if isinstance(devices, list) else devices)}
