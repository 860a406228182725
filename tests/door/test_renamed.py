"""An old name is refused with the new one, or read as it where a run has stored it."""

from pathlib import Path

import pytest
import yaml
from hydra.utils import get_object
from omegaconf import OmegaConf

from helpers.commands import refusal
from synthtrust.door.names import groups, options_of
from synthtrust.door.renamed import KEYS, OPTIONS, TARGETS, with_new_names
from synthtrust.plugins import conf_dir
from synthtrust.runs.stored_file import read_config

PAINTER = "synthtrust.generators.OldTissue"


@pytest.fixture
def names(monkeypatch):
    """Return some names that were never there."""
    monkeypatch.setitem(KEYS, "generator.wobble", "generator.jitter")
    monkeypatch.setitem(KEYS, "audit.privacy.precise", "audit.privacy.exact")
    monkeypatch.setitem(OPTIONS, "model=unett", "model=unet")
    monkeypatch.setitem(TARGETS, PAINTER, "synthtrust.generators.Tissue")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Commands find no runs, and leave nothing, but in an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("swept", [[], ["-m"]], ids=["run", "sweep"])
@pytest.mark.parametrize(
    ("script", "word", "new", "old"),
    [
        ("train.py", "generator.wobble=1", "generator.jitter", "generator.wobble"),
        ("train.py", "+generator.wobble=1", "generator.jitter", "generator.wobble"),
        ("evaluate.py", "audit.privacy.precise=true", "audit.privacy.exact", "audit.privacy.precise"),
        ("train.py", "model=unett", "model=unet", "model=unett"),
        ("train.py", f"generator._target_={PAINTER}", "synthtrust.generators.Tissue", PAINTER),
    ],
)
def test_an_old_name_is_refused_with_the_new_one(names, script, word, new, old, swept):
    refused = refusal(script, word, *swept)
    assert refused.startswith(f"Error: Expected {new}, but got {old}, its name before 0.1.")
    assert len(refused.splitlines()) == 1


def test_a_name_that_never_was_is_still_misspelt(names):
    assert "Did you mean generator.jitter?" in refusal("train.py", "generator.jiter=1")


def test_a_plugins_generator_may_have_a_key_that_is_an_old_name_of_ours(names):
    assert "its name before" not in refusal("train.py", "generator._target_=plugin.Own", "+generator.wobble=1")


def test_a_stored_config_is_read_with_the_new_names(names, tmp_path):
    stored = {"generator": {"_target_": PAINTER, "wobble": 2.0}, "trainer": {"logger": [{"_target_": PAINTER}]}}
    (tmp_path / "config.yaml").write_text(OmegaConf.to_yaml(stored))
    assert read_config(tmp_path / "config.yaml") == {
        "generator": {"_target_": "synthtrust.generators.Tissue", "jitter": 2.0},
        "trainer": {"logger": [{"_target_": "synthtrust.generators.Tissue"}]},
    }


def test_what_a_stored_config_says_under_the_new_name_stays(names):
    stored = OmegaConf.create({"generator": {"wobble": 2.0, "jitter": 1.0}})
    assert with_new_names(stored) == {"generator": {"jitter": 1.0}}
    assert "wobble" in stored.generator


def test_no_old_name_is_in_use_and_every_new_one_is(composed):
    options = {f"{group}={option}" for group in groups() for option in options_of(group)}
    assert not set(OPTIONS) & options
    assert set(OPTIONS.values()) <= options
    for target in TARGETS.values():
        assert get_object(target)
    keys = {key for script in ("train", "evaluate") for key in _keys(OmegaConf.to_container(composed(script)), "")}
    keys |= set(_keys(OmegaConf.to_container(composed("evaluate", "experiment=controls")), ""))
    for file in Path(conf_dir()).glob("*/*.yaml"):
        group = "" if file.parent.name == "experiment" else file.parent.name
        keys |= set(_keys(yaml.safe_load(file.read_text(encoding="utf-8")), group))
    assert not set(KEYS) & keys
    assert set(KEYS.values()) <= keys


def _keys(node, path):
    """Give every dotted key of a plain config."""
    for name, value in node.items() if isinstance(node, dict) else ():
        key = f"{path}.{name}" if path else str(name)
        yield key
        yield from _keys(value, key)
