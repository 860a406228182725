"""Stored configs: read in bounded time and memory, whoever wrote them."""

from collections.abc import Collection
from pathlib import Path

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from synthtrust.door.renamed import with_new_names
from synthtrust.refusals import Refusal

LONGEST = 2**20  # [byte]; the config of a run has some thousand
DEEPEST = 32  # mappings and lists within each other; that of a run has 5

PARTS = ("cases", "data", "generator", "model", "split", "trainer")
"""Parts that the config of every run has."""


def read_config(path: str | Path, parts: Collection[str] = ()) -> DictConfig:
    """Read the config that a run has left; old names of keys and targets in it become the new ones.

    Args:
        path: The file.
        parts: What it has to have.

    Raises:
        Refusal: If it is longer or nested deeper than a config of a run is, refers to parts of itself (of
            which a few lines grow without end), is no mapping, or lacks a part.
    """
    path = Path(path)
    if (size := path.stat().st_size) > LONGEST:
        raise Refusal(f"Expected the config of a run in at most {LONGEST} bytes, but {path} has {size}.")
    try:
        text = path.read_text(encoding="utf-8")
        _check_spelt_out(text, path)
        config = OmegaConf.create(text)
    except Refusal:
        raise
    except (ValueError, YAMLError, AssertionError, OmegaConfBaseException) as error:
        raise _damaged(path, " ".join(f"{type(error).__name__}: {error}".split())) from error
    if not isinstance(config, DictConfig):
        raise _damaged(path, "it holds no keys and values")
    if missing := [part for part in parts if part not in config]:
        raise _damaged(path, f"it lacks {', '.join(missing)}")
    return with_new_names(config)


def _damaged(path: Path, problem: str) -> Refusal:
    return Refusal(
        f"Expected the config of a run in {path}, but {problem}. Get it from a copy, or remove its folder and train "
        "again."
    )


def _check_spelt_out(text: str, path: Path) -> None:
    """Refuse a text that is nested too deeply, or refers to parts of itself."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        refers = isinstance(event, yaml.AliasEvent) or (isinstance(event, yaml.ScalarEvent) and "${" in event.value)
        if refers or depth > DEEPEST:
            problem = "a reference to another part of it" if refers else f"more than {DEEPEST} levels"
            raise Refusal(
                f"Expected a config as a run writes it, spelt out, but line {event.start_mark.line + 1} of {path} has "
                f"{problem}."
            )
