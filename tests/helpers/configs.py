"""Configs as an entry script would compose them; the options of groups are composed once for all tests of a process."""

import pickle
import re
from functools import cache

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import OverrideType
from omegaconf import OmegaConf

from synthtrust.door.names import groups
from synthtrust.plugins import conf_dir

GROUPS = frozenset(groups())


def parse_each_text_once():
    """Let OmegaConf parse each text once in a process; Hydra reads all files anew for every config."""
    parsed, load = {}, yaml.load

    def remembered(stream, Loader):  # noqa: N803
        if Loader.__name__ != "OmegaConfLoader":
            return load(stream, Loader=Loader)
        text = stream if isinstance(stream, str) else stream.read()
        if text not in parsed:
            try:
                parsed[text] = load(text, Loader=Loader)
            except yaml.YAMLError:
                if isinstance(stream, str):
                    raise
                stream.seek(0)
                return load(stream, Loader=Loader)  # the error names the file
        return parsed[text]

    yaml.load = remembered


def compose_by_hydra(name, *overrides, with_hydra=False):
    """Compose a config as Hydra does, in a tenth of a second; with the node of Hydra's own if that is asked for."""
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        return compose(name, overrides=list(overrides), return_hydra_config=with_hydra)


def compose_quickly(name, *overrides):
    """Compose the same config: that of its options of groups, composed once, with its values set."""
    choices = [text for text in overrides if re.split("[@=]", text)[0] in GROUPS]
    values = [_read(text) for text in overrides if text not in choices]
    if any(value is None for value in values):
        return compose_by_hydra(name, *overrides)
    config = pickle.loads(_composed(name, tuple(choices)))
    for key, value in values:
        OmegaConf.update(config, key, value, merge=True)
    return config


@cache
def _composed(name, choices):
    return pickle.dumps(compose_by_hydra(name, *choices))


@cache
def _read(text):
    """Return the key and the value of an override; None if it adds or removes a key, or sweeps."""
    (override,) = OverridesParser.create().parse_overrides([text])
    plain = override.type is OverrideType.CHANGE and not override.is_sweep_override()
    return (override.key_or_group, override.value()) if plain and not text.startswith("hydra") else None
