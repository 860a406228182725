"""The right name for a misspelt one: Hydra itself would advise to add the wrong one."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from synthtrust.door.renamed import KEYS, explain
from synthtrust.plugins import conf_dir

MOST_BESIDE = 10_000
"""Entries of a folder that a misspelt path is compared with."""


def misspelt(error: OmegaConfBaseException) -> str:
    """Return a sentence about a key that the config does not have, with the nearest that it has."""
    key = str(error.full_key)
    if key in KEYS:
        return explain(key, KEYS[key])
    group, _, subkey = key.partition(".")
    if others := [option for option in options_of(group) if subkey in _keys_of(group, option)]:
        return f"Expected a key of the config, but got {key}. It is one of {group}={', '.join(others)}."
    return f"Expected a key of the config, but got {key}.{did_you_mean(_nearest(key, error.parent_node))}"


def _nearest(key: str, parent: object) -> list[str]:
    """Return the key of a config that looks most like another, if any does: first among those beside it."""
    if not isinstance(parent, DictConfig):
        return []
    path, _, last = key.rpartition(".")
    beside = [str(name) for name in (*parent, *(() if path else groups()))]
    near = get_close_matches(last, beside, n=1)
    everywhere = [name for name, _ in leaves(OmegaConf.to_container(parent._get_root()))]
    return [f"{path}.{name}" if path else name for name in near] or get_close_matches(key, everywhere, n=1, cutoff=0.8)


def did_you_mean(near: Sequence[str]) -> str:
    """Return the question that goes behind a refusal, or nothing.

    >>> did_you_mean(["alpha"]), did_you_mean([])
    (' Did you mean alpha?', '')
    """
    return f" Did you mean {near[0]}?" if near else ""


def nearest_path(path: str | Path) -> str:
    """Return the question whether the nearest file or folder was meant; nothing if the path exists, or none is like it.

    The first part of the path that does not exist is compared with what lies beside it.
    """
    path = Path(path)
    known = next((above for above in (path, *path.parents) if above.exists()), None)
    if known is None or known == path or not known.is_dir():
        return ""
    missing = path.relative_to(known).parts
    try:
        names = [entry.name for entry in islice(known.iterdir(), MOST_BESIDE)]
    except OSError:
        return ""
    for near in get_close_matches(missing[0], names, n=3):
        if (known / near).joinpath(*missing[1:]).exists():
            return did_you_mean([str((known / near).joinpath(*missing[1:]))])
    return ""


def groups() -> list[str]:
    """Return the groups that have options, also those of which none is chosen."""
    return sorted(path.name for path in Path(conf_dir()).iterdir() if path.is_dir())


def options_of(group: str) -> list[str]:
    """Return the options of a group that a user may choose."""
    return sorted(path.stem for path in (Path(conf_dir()) / group).glob("[!_]*.yaml"))


def _keys_of(group: str, option: str) -> list[str]:
    """Return the keys that an option's own file has."""
    content = yaml.safe_load((Path(conf_dir()) / group / f"{option}.yaml").read_text(encoding="utf-8"))
    return list(content) if isinstance(content, dict) else []


def leaves(node: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Give the dotted keys of a plain config that hold a value, and their values, without those of Hydra's own."""
    if not isinstance(node, dict):
        yield path, node
        return
    for name, value in node.items():
        if path or name != "hydra":
            yield from leaves(value, f"{path}.{name}" if path else str(name))
