"""From config to objects; the only place that instantiates."""

from typing import Any

from hydra.utils import instantiate
from lightning import Trainer
from omegaconf import DictConfig, OmegaConf

from synthtrust.cases import Cohort, Splits
from synthtrust.cases.parity import check_parity, parity, print_parity
from synthtrust.data import MixedDataModule
from synthtrust.generators import synthesize
from synthtrust.generators.guards import check_overlap, training_ids_of
from synthtrust.models import Segmenter

OF_THE_DOOR = ("list", "skip_refused")
"""Keys of ``cases`` that are the entry script's, not the reader's."""


def make(cfg: DictConfig, **arguments: Any) -> Any:
    """Instantiate what a config node describes."""
    return instantiate(cfg, **arguments)


def read_cases(cfg: DictConfig) -> Cohort:
    """Read the cohort of a config, refused cases included."""
    reader = {key: value for key, value in plain(cfg.cases).items() if key not in OF_THE_DOOR}
    cohort: Cohort = make(OmegaConf.create(reader))
    return cohort


def build_data(cfg: DictConfig) -> MixedDataModule:
    """Read the real cases, split them, paint or find their twins, and mix both.

    Raises:
        CaseError: If the cohort or a case cannot be used, the generator learned from patients it is scored on, or a
            network would see real cases and twins through two different preprocessings.
        ValueError: If the splits or the mix are impossible.
    """
    cohort = read_cases(cfg).complete(skip_refused=cfg.cases.skip_refused)
    splits: Splits = make(cfg.split)(cohort.cases)
    paint = sorted((*splits.train, *splits.val, *splits.test), key=lambda case: case.id)
    generator = make(cfg.generator)
    overlap = check_overlap(training_ids_of(generator, splits.train), splits, allow_overlap=cfg.allow_overlap)
    twins = synthesize(generator, cohort, splits.train, paint, cfg.paths.synthetic)
    compared = parity(splits.train, twins.cases, cohort.modalities, n=4)
    print_parity(compared)
    check_parity(compared)
    # Hydra turns dataclasses among its arguments into dicts: what is not config goes to the partial
    data: MixedDataModule = make(cfg.data)(cohort=cohort, splits=splits, twins=twins.cases)
    data.overlap = overlap.facts
    return data


def build_model(cfg: DictConfig, cohort: Cohort) -> Segmenter:
    """Make the model for a cohort's modalities and labels.

    Raises:
        ValueError: If the config asks for a region that the cohort has not.
    """
    model: Segmenter = make(cfg.model)(
        in_channels=len(cohort.modalities),
        n_labels=max(cohort.labels.values()) + 1,
        regions=cohort.regions(cfg.regions),
    )
    return model


def build_trainer(cfg: DictConfig) -> Trainer:
    """Make the Trainer with its callbacks, loggers and plugins."""
    trainer: Trainer = make(cfg.trainer)
    return trainer


def plain(cfg: DictConfig) -> dict[str, Any]:
    """Return a config as plain values, every interpolation resolved."""
    values = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    if not isinstance(values, dict):
        raise TypeError(f"Expected a config of keys and values, but got {type(values).__name__}.")
    return {str(key): value for key, value in values.items()}
