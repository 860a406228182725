"""The rules for single values of a config: for each key a condition, and the condition in words."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf

from synthtrust.conventions import (
    LEAST,
    MODES,
    OVERLAPS,
    POLICIES,
    PRECISIONS,
    RANGES,
    STAGES,
    SURFACE_SCORES,
    VALS,
    is_distance,
    is_number,
    is_size,
    is_whole,
)
from synthtrust.door.names import did_you_mean, leaves, nearest_path
from synthtrust.refusals import Refusal

LIGHTNINGS_PRECISIONS = (
    "auto", "transformer-engine", "transformer-engine-float16", "16-true", "16-mixed", "bf16-true", "bf16-mixed",
    "32-true", "64-true", "64", "32", "16", "bf16", 64, 32, 16,
)  # fmt: skip
ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps", "tpu")
OURS = "synthtrust."
"""Prefix of the targets whose keys the rules are about; a plugin may use the same keys for something else."""


@dataclass(frozen=True)
class Rule:
    """A condition on a value."""

    words: str
    """The condition in words, as they stand between "Expected <key>" and "but got"."""
    holds: Callable[[Any], bool]
    """Return whether a value meets the condition."""
    options: tuple[Any, ...] = ()
    """All values that are allowed; empty where they cannot be listed."""


def _among(*options: Any) -> Rule:
    known = [(type(option), option) for option in options]  # True is 1 for Python, not for a user
    return Rule(f"among {_listed(options)}", lambda value: (type(value), value) in known, options)


def _whole(least: int, most: float = math.inf) -> Rule:
    limits = f"of at least {least}" if most == math.inf else f"from {least} to {most:.0f}"
    return Rule(f"to be a whole number {limits}", lambda value: is_whole(value, least, most))


def _or_null(rule: Rule) -> Rule:
    return replace(rule, words=f"{rule.words}, or null", holds=lambda value: value is None or rule.holds(value))


def _each(rule: Rule, words: str) -> Rule:
    return Rule(words, lambda value: isinstance(value, list) and bool(value) and all(map(rule.holds, value)))


def _listed(options: Sequence[Any]) -> str:
    """Return options as a user would type them."""
    return ", ".join(str(option).lower() if isinstance(option, bool) else str(option) for option in options)


SIZE = Rule("to be a share (below 1) or a whole number of patients", is_size)
SIDES = _each(_whole(1), "to be a list of side lengths, such as [48, 48]")
SIDE_OR_SIDES = Rule(
    "to be a side length or a list of them, such as 64 or [64, 48]",
    lambda value: is_whole(value, 1) or SIDES.holds(value),
)
AT_LEAST_0 = Rule("to be a number of at least 0", lambda value: is_number(value, 0) and value < math.inf)
REGIONS = _each(Rule("", lambda value: isinstance(value, str)), "to be a list of regions, such as [ET, TC, WT]")
TRUTH = _among(True, False)
TOLERANCE = Rule(
    "to be a distance above 0 mm, or one for each region, such as {ET: 1, TC: 2}",
    lambda value: (
        is_distance(value) or (isinstance(value, dict) and bool(value) and all(map(is_distance, value.values())))
    ),
)

RULES: Mapping[str, Rule] = {
    "seed": _whole(0, 2**32 - 1),
    "stage": _among(*STAGES),
    "duplicates": _among(*POLICIES),
    "allow_overlap": _among(*OVERLAPS),
    "wait": TRUTH,
    "compile": TRUTH,
    "channels_last": TRUTH,
    "threads": _or_null(_whole(1)),
    "trusted": TRUTH,
    "regions": _or_null(REGIONS),
    "plan.pilot": _or_null(Rule("to be a folder of runs", lambda value: isinstance(value, str))),
    "plan.sd_patients": Rule("to be a number of at least 0", lambda value: is_number(value, 0)),
    "plan.sd_seeds": Rule("to be a number of at least 0", lambda value: is_number(value, 0)),
    "plan.loss": Rule("to be a number from -1 to 1", lambda value: is_number(value, -1, 1)),
    "plan.margins": _each(Rule("", lambda value: is_number(value, 0, 1)), "to be a list of numbers from 0 to 1"),
    "plan.patients": _each(_whole(2), "to be a list of whole numbers of at least 2"),
    "plan.seeds": _each(_whole(1), "to be a list of whole numbers of at least 1"),
    "plan.confidence": Rule("to be a number from 0.5 to 1", lambda value: is_number(value, 0.5, 1)),
    "margins.primary": _among("difference", "ratio"),
    "margins.largest_share": Rule("to be a number from 0 to 1", lambda value: is_number(value, 0, 1)),
    "margins.justification": _or_null(Rule("to be a sentence", lambda value: isinstance(value, str))),
    "margins.margin": Rule("to be a number of at least 0", lambda value: is_number(value, 0)),
    "margins.ratio_margin": Rule("to be a number from 0 to 1", lambda value: is_number(value, 0, 1)),
    "surfaces.score": TRUTH,
    "surfaces.add": TRUTH,
    "surfaces.tolerance": _or_null(TOLERANCE),
    "surfaces.lesion_dilation": _or_null(AT_LEAST_0),
    "surfaces.lesion_min_volume": _or_null(AT_LEAST_0),
    "audit.utility.score": _or_null(_among(*SURFACE_SCORES)),
    "track.pictures_every": _whole(0),
    "track.pictures": _whole(1),
    "track.files": TRUTH,
    "split.seed": _whole(0),
    "split.test": SIZE,
    "split.val": SIZE,
    "split.published": TRUTH,
    "split.repeat": _whole(0),
    "split.test_patients": _or_null(
        Rule("to be ids in brackets, or a text or CSV file with them", lambda value: isinstance(value, str | list))
    ),
    "predictions": _or_null(Rule("to be a folder, or a table of folders", lambda value: isinstance(value, str))),
    "export.root": Rule("to be a folder", lambda value: isinstance(value, str)),
    "export.first_id": _whole(1, 999),
    "export.suffix": Rule("to be the end of a folder's name, such as _nnunet", lambda value: isinstance(value, str)),
    "cases.list": TRUTH,
    "cases.skip_refused": TRUTH,
    "cases.exclude": _or_null(
        Rule("to be ids in brackets, or a text or CSV file with them", lambda value: isinstance(value, str | list))
    ),
    "cases.attributes": _or_null(
        _each(Rule("", lambda value: isinstance(value, str)), "to be a list of columns, such as [age, scanner]")
    ),
    "cases.verify": TRUTH,
    "cases.save_refused": _or_null(Rule("to be the name of a CSV file", lambda value: isinstance(value, str))),
    "data.mode": _among(*MODES),
    "data.confounder": _or_null(Rule("to be a label, such as ET", lambda value: isinstance(value, str))),
    "data.n_real": _or_null(_whole(1)),
    "data.n_synthetic": _or_null(_whole(0)),
    "data.val": _among(*VALS),
    "data.allow_real_val": TRUTH,
    "data.val_pairs": TRUTH,
    "data.batch_size": _whole(1),
    "data.num_workers": _whole(0),
    "data.foreground": Rule("to be a share from 0 to 1", lambda value: is_number(value, 0, 1)),
    "data.patch_size": SIDES,
    "data.size": _or_null(SIDE_OR_SIDES),
    "generator.size": _or_null(SIDES),
    "generator.patch_size": _or_null(SIDES),
    "generator.keep_steps": _or_null(_each(_whole(1), "to be a list of rising steps, such as [100,200,400]")),
    "generator.precision": _among(*PRECISIONS),
    "trainer.accelerator": _among(*ACCELERATORS),
    "trainer.precision": _or_null(_among(*LIGHTNINGS_PRECISIONS)),
    "pictures": _whole(0),
}
"""Key of a config -> its rule; a key without a rule is not checked, nor is a rule for a key that the config lacks."""

PATHS = (
    "cases.root", "cases.file", "cases.exclude", "split.test_patients", "generator.root", "generator.file",
    "generator.weights", "generator.train_ids", "generator.label_with", "predictions",
)  # fmt: skip
"""Keys whose text is the path of a file or folder that is read."""

PAINTER = "generator.painter"
"""Node of a generator that paints for another one."""

T = TypeVar("T")


def check_values(cfg: DictConfig) -> None:
    """Refuse the first value that breaks its rule.

    Raises:
        Refusal: If there is such a value, or a value is missing.
    """
    values = Values(cfg)
    if missing := sorted(key for key, value in leaves(values.plain) if value == "???"):
        raise Refusal(f"Expected a value for {missing[0]}, but got none. Add {missing[0]}=... to the command.")
    numbers = _of_the_generator(values) | _of_the_generator(values, PAINTER)
    for key, rule in (_with_painter(RULES) | numbers).items():
        if _is_ours(values, key) and (value := values.get(key, absent := object())) is not absent:
            _check(key, value, rule)
    for key in _with_painter(dict.fromkeys(PATHS)):
        if _is_ours(values, key) and isinstance(path := values.get(key), str) and not Path(path).exists():
            raise Refusal(f"Expected a file or folder at {key}, but {path!r} does not exist.{nearest_path(path)}")


class Values:
    """The values of a config by key, as ``value_of`` gives them; many are read in the time of one there."""

    def __init__(self, cfg: DictConfig) -> None:
        self.cfg = cfg
        self.plain: Any = OmegaConf.to_container(cfg)

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value as plain Python, with all interpolations resolved."""
        node = self.plain
        for name in key.split("."):
            if isinstance(node, str) and "${" in node:
                return value_of(self.cfg, key, default)
            if not isinstance(node, dict) or name not in node:
                return default
            node = node[name]
        return value_of(self.cfg, key, default) if "${" in str(node) else node


def value_of(cfg: DictConfig, key: str, default: Any = None) -> Any:
    """Return a value of a config as plain Python, with all interpolations resolved."""
    *above, last = key.split(".")
    node = OmegaConf.select(cfg, ".".join(above)) if above else cfg
    if not isinstance(node, DictConfig) or last not in node:
        return default
    value = node[last]
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _check(key: str, value: Any, rule: Rule) -> None:
    if not rule.holds(value):
        near = did_you_mean(get_close_matches(str(value), map(str, rule.options), n=1))
        raise Refusal(f"Expected {key} {rule.words}, but got {value!r}.{near}")


def _is_ours(values: Values, key: str) -> bool:
    """Return whether the rules apply to a key: at the top, or in a group of this project or of the trainer."""
    group = key.partition(".")[0]
    target = str(values.get(f"{PAINTER if key.startswith(PAINTER) else group}._target_", ""))
    return "." not in key or group in ("trainer", "margins") or not target or target.startswith(OURS)


def _of_the_generator(values: Values, node: str = "generator") -> dict[str, Rule]:
    """Return the rules for the numbers of a generator's training; lists have a rule for each of their numbers."""
    rules: dict[str, Rule] = {}
    for name, least in LEAST.items():
        several = isinstance(values.get(f"{node}.{name}"), list)
        of_each = _each(_whole(least), f"to be whole numbers, each of at least {least}")
        rules[f"{node}.{name}"] = of_each if several else _or_null(_whole(least))
    for name, (words, holds) in RANGES.items():
        rules[f"{node}.{name}"] = _or_null(Rule(f"to be a number {words}", _in_range(holds)))
    return rules


def _with_painter(of_keys: Mapping[str, T]) -> dict[str, T]:
    """Return what is known of keys, and the same of a generator that paints for another one."""
    group = "generator."
    painter = {f"{PAINTER}.{key.removeprefix(group)}": of_keys[key] for key in of_keys if key.startswith(group)}
    return {**painter, **of_keys}


def _in_range(holds: Callable[[float], bool]) -> Callable[[Any], bool]:
    return lambda value: is_number(value) and holds(value)
