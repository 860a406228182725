"""Old names of config keys, options and targets: a command with one is refused, a stored config is read as the new one.

An old name must not be the name of anything else by now: nobody could tell which of the two is meant.
"""

from collections.abc import Mapping
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from synthtrust.refusals import Refusal

KEYS: dict[str, str] = {
    "generator.white": "generator.intensity_percentile",
    "generator.pack": "generator.patch_fold",
    "generator.mirror": "generator.flip_axis",
    "generator.critic_channels": "generator.discriminator_channels",
    "generator.critic_layers": "generator.discriminator_layers",
    "generator.critics": "generator.discriminators",
    "generator.critic_lr": "generator.discriminator_lr",
    "audit.fidelity.fewest": "audit.fidelity.min_patients_computed",
    "audit.fidelity.enough": "audit.fidelity.min_patients",
    "audit.fidelity.most": "audit.fidelity.max_patients",
    "audit.fidelity.pairs": "audit.fidelity.max_pairs",
    "audit.fidelity.alike": "audit.fidelity.n_ms_ssim",
    "audit.privacy.p": "audit.privacy.significance",
    "audit.privacy.level": "audit.privacy.confidence",
    "audit.privacy.recall": "audit.privacy.min_control_recall",
    "audit.privacy.fewest_holdout": "audit.privacy.min_holdout_patients",
    "audit.privacy.fewest_synthetic": "audit.privacy.min_synthetic_images",
    "audit.privacy.wanted_holdout": "audit.privacy.ample_holdout_patients",
    "calibration.p": "calibration.significance",
    "calibration.level": "calibration.confidence",
    "calibration.recall": "calibration.min_control_recall",
    "calibration.fewest_holdout": "calibration.min_holdout_patients",
    "calibration.fewest_synthetic": "calibration.min_synthetic_images",
    "calibration.wanted_holdout": "calibration.ample_holdout_patients",
    "audit.trust.level": "audit.trust.confidence",
    "audit.utility.level": "audit.utility.confidence",
}
"""Old dotted key -> its new one, such as ``audit.utility.level`` -> ``audit.utility.confidence``."""

OPTIONS: dict[str, str] = {"generator=med_ddpm_small": "generator=brain_diffusion"}
"""Old ``group=option`` -> its new one, such as ``data=patches`` -> ``data=mixed``."""

TARGETS: dict[str, str] = {
    "synthtrust.data.MixedDataModule": "synthtrust.data.SegmentationDataModule",
    "synthtrust.data.MixedImages": "synthtrust.data.ClassificationDataModule",
}
"""Old dotted path of a ``_target_`` -> its new one."""

OURS = "synthtrust."
"""Prefix of this project's own targets. A plugin's class may have a key that is an old name of ours."""


def explain(old: str, new: str) -> str:
    """Return the sentence that a command with an old name is refused with.

    >>> explain("audit.utility.level", "audit.utility.confidence")
    'Expected audit.utility.confidence, but got audit.utility.level, its name before 0.1. Write the new name.'
    """
    return f"Expected {new}, but got {old}, its name before 0.1. Write the new name."


def refuse_old_names(cfg: DictConfig) -> None:
    """Refuse a config that holds an old key or target, which a user's own file or a ``+key`` may have brought in.

    Raises:
        Refusal: If there is one; the message has its new name.
    """
    plain = cast("dict[str, Any]", OmegaConf.to_container(cfg))
    for old, new in KEYS.items():
        if _holds(plain, old):
            raise Refusal(explain(old, new))
    for target in _targets(plain):
        if target in TARGETS:
            raise Refusal(explain(target, TARGETS[target]))


def with_new_names(cfg: DictConfig) -> DictConfig:
    """Return a stored config in which every old key and target has its new name; the given one is left as it is."""
    renamed: DictConfig = OmegaConf.create(_with_new_targets(OmegaConf.to_container(cfg)))
    for old, new in KEYS.items():
        if _holds(renamed, old):
            value = OmegaConf.select(renamed, old)
            _drop(renamed, old)
            if not _holds(renamed, new):
                OmegaConf.update(renamed, new, value, force_add=True)
    return renamed


def _holds(cfg: Mapping[Any, Any], key: str) -> bool:
    """Return whether a config has a key in a node of this project."""
    *parents, last = key.split(".")
    nodes = [cfg]
    for parent in parents:
        if not isinstance(node := nodes[-1].get(parent), Mapping):
            return False
        nodes.append(node)
    targets = [target for node in nodes[1:] if isinstance(target := node.get("_target_"), str)]
    return last in nodes[-1] and all(target.startswith(OURS) for target in targets)


def _drop(cfg: DictConfig, key: str) -> None:
    parent, _, last = key.rpartition(".")
    node = OmegaConf.select(cfg, parent) if parent else cfg
    del node[last]


def _targets(node: Any) -> list[str]:
    """Return every target in a plain config."""
    if isinstance(node, Mapping):
        own = [node["_target_"]] if isinstance(node.get("_target_"), str) else []
        return own + [target for value in node.values() for target in _targets(value)]
    return [target for value in node for target in _targets(value)] if isinstance(node, list) else []


def _with_new_targets(node: Any) -> Any:
    if isinstance(node, Mapping):
        renamed = {name: _with_new_targets(value) for name, value in node.items()}
        target = renamed.get("_target_")
        return renamed | ({"_target_": TARGETS[target]} if isinstance(target, str) and target in TARGETS else {})
    return [_with_new_targets(value) for value in node] if isinstance(node, list) else node
