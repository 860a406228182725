"""What a config node describes, made: the only place that instantiates. Cases are read here without PyTorch."""

from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from synthtrust.cases import CaseError, Cohort

OF_THE_DOOR = ("list", "skip_refused", "exclude", "save_refused", "verify")
"""Keys of ``cases`` that the command reads, and that no reader is given."""


def make(cfg: DictConfig, **arguments: Any) -> Any:
    """Instantiate what a config node describes."""
    return instantiate(cfg, **arguments)


def plain(cfg: DictConfig) -> dict[str, Any]:
    """Return a config as plain values, every interpolation resolved."""
    values = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    if not isinstance(values, dict):
        raise TypeError(f"Expected a config of keys and values, but got {type(values).__name__}.")
    return {str(key): value for key, value in values.items()}


def read_cases(cfg: DictConfig) -> Cohort:
    """Read the cohort of a config by its headers, refused and excluded cases included."""
    reader = {key: value for key, value in plain(cfg.cases).items() if key not in OF_THE_DOOR}
    cohort: Cohort = make(OmegaConf.create(reader))
    if not isinstance(cohort, Cohort):  # as with `_partial_`
        raise CaseError(f"Expected a reader of cases at cases._target_, but it returned {type(cohort).__name__}.")
    return cohort
