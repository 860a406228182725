"""A value is of its default's kind: a list where a list stands, a number where a number stands."""

from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig

from synthtrust.door.rules import RULES, value_of
from synthtrust.refusals import Refusal

CHECKED = ("cases", "generator", "split", "data", "margins", "audit", "calibration")
"""Nodes of this project's own; arguments of other libraries may well be of another kind than in the conf."""
OTHERS = ("augment", "spaces", "embedding")
"""Nodes among them with other people's arguments."""


def check_kinds(cfg: DictConfig, default: DictConfig) -> None:
    """Refuse a value of another kind than the config has by itself.

    A default of null says nothing about the kind, and null is left to whoever reads it; a text may stand for whatever.

    Args:
        cfg: A config with everything that a user set.
        default: The same choices of options, with nothing set.

    Raises:
        Refusal: If there is one.
    """
    for group in CHECKED:
        values, defaults = value_of(cfg, group), value_of(default, group)
        for key, value, usual in _pairs(values, defaults, group):
            if key not in RULES and (wanted := _wanted(value, usual)):
                raise Refusal(f"Expected {key} to be {wanted}, such as {_shown(usual)}, but got {_shown(value)}.")


def _pairs(values: Any, defaults: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Give each key that both have, with its value here and by default."""
    if not (isinstance(values, dict) and isinstance(defaults, dict)):
        yield path, values, defaults
        return
    for name in values.keys() & defaults.keys() - {*OTHERS}:
        yield from _pairs(values[name], defaults[name], f"{path}.{name}")


def _wanted(value: Any, default: Any) -> str | None:
    """Return the kind that a value should be of, None if it is.

    >>> _wanted(48, [48, 56]), _wanted([1], 2), _wanted("a", 0.5), _wanted(1, 0.5), _wanted(None, [1])
    ('a list', 'a number', 'a number', None, None)
    """
    if value is None or default is None or isinstance(default, str):
        return None
    for kind, words in ((bool, "true or false"), (int | float, "a number"), (list, "a list"), (dict, "a mapping")):
        if isinstance(default, kind):
            same = isinstance(value, kind) and isinstance(value, bool) == isinstance(default, bool)
            return None if same else words
    return None


def _shown(value: Any) -> str:
    """Return a value as one types it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
