"""Stored configs: read in bounded time and memory, whoever wrote them."""

from pathlib import Path

import yaml
from omegaconf import DictConfig, OmegaConf

from synthtrust.door.renamed import with_new_names
from synthtrust.refusals import Refusal

LONGEST = 2**20  # [byte]; the config of a run has some thousand
DEEPEST = 32  # mappings and lists within each other; that of a run has 5


def read_config(path: str | Path) -> DictConfig:
    """Read the config that a run has left; old names of keys and targets in it become the new ones.

    Raises:
        Refusal: If it is longer or nested deeper than a config of a run is, refers to parts of itself (of
            which a few lines grow without end), or is no mapping.
    """
    path = Path(path)
    if (size := path.stat().st_size) > LONGEST:
        raise Refusal(f"Expected the config of a run in at most {LONGEST} bytes, but {path} has {size}.")
    text = path.read_text(encoding="utf-8")
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
    config = OmegaConf.create(text)
    if not isinstance(config, DictConfig):
        raise Refusal(f"Expected keys and values in {path}, but got a list.")
    return with_new_names(config)
