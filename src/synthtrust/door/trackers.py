"""Trackers of experiments, checked before anything costs: their packages, and what they can be told of a page."""

from collections.abc import Mapping
from importlib.util import find_spec

from omegaconf import DictConfig

from synthtrust.refusals import Refusal

PACKAGES_OF_TRACKERS: Mapping[str, tuple[str, ...]] = {
    "TensorBoardLogger": ("tensorboard", "tensorboardX"), "MLFlowLogger": ("mlflow",), "WandbLogger": ("wandb",),
}  # fmt: skip
"""Class of a tracker -> packages of which it needs one, the first of which an extra of this project brings."""


def check_trackers(cfg: DictConfig) -> None:
    """Refuse a tracker whose package is not installed.

    Raises:
        Refusal: If there is one.
    """
    for name in cfg.get("logger") or ():
        packages = PACKAGES_OF_TRACKERS.get(_class_of(cfg, name), ())
        if packages and not any(find_spec(package) for package in packages):
            raise Refusal(
                f"Expected {packages[0]} for logger={name}, but it is not installed. Run pip install "
                f"{packages[0]}, or choose logger=csv."
            )


def check_page_trackers(cfg: DictConfig) -> None:
    """Refuse a tracker that cannot be told of a page, or whose package is not installed.

    Raises:
        Refusal: If there is one.
    """
    if any(_class_of(cfg, name) == "TensorBoardLogger" for name in cfg.get("logger") or ()):
        raise Refusal(
            "Expected logger=wandb or logger=mlflow for a page and its tables, but got tensorboard, which keeps curves "
            "alone. Leave it out: the page is a file."
        )
    check_trackers(cfg)


def _class_of(cfg: DictConfig, name: str) -> str:
    return str(cfg.logger[name].get("_target_", "")).rpartition(".")[2]
