"""The check that a value has the kind of its default: a list for a list, a number for a number."""

from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig

from synthtrust.door.rules import RULES, value_of
from synthtrust.refusals import Refusal

CHECKED = ("cases", "generator", "split", "data", "margins", "audit", "calibration", "plan", "pictures_predicted")
"""Nodes of the config that are checked; arguments of other libraries may have other kinds than their defaults."""
OTHERS = ("augment", "spaces", "embedding")
"""Nodes below them that hold arguments of other libraries, and are not checked."""


def check_kinds(cfg: DictConfig, default: DictConfig) -> None:
    """Refuse a config with a value of another kind than its default.

    Not checked are a value or a default of null, and a default that is a text, since a text may stand for any kind.

    Args:
        cfg: The config with everything that the user set.
        default: The same options of all groups, with nothing set.

    Raises:
        Refusal: If there is such a value.
    """
    for group in CHECKED:
        values, defaults = value_of(cfg, group), value_of(default, group)
        for key, value, usual in _pairs(values, defaults, group):
            if key not in RULES and (wanted := _wanted(value, usual)):
                raise Refusal(f"Expected {key} to be {wanted}, such as {_shown(usual)}, but got {_shown(value)}.")


def _pairs(values: Any, defaults: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield each key that both configs have, with its value and its default."""
    if not (isinstance(values, dict) and isinstance(defaults, dict)):
        yield path, values, defaults
        return
    names = values.keys() & defaults.keys() - {*OTHERS}
    for name in sorted(names, key=lambda name: isinstance(values[name], dict)):  # a node may refer to what is beside it
        yield from _pairs(values[name], defaults[name], f"{path}.{name}")


def _wanted(value: Any, default: Any) -> str | None:
    """Return the kind that a value should have, in words; None if it has that kind.

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
    """Return a value as a user would type it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
