"""The values of a config, read all at once, are those that the config gives one by one."""

import pytest
from omegaconf import OmegaConf

from synthtrust.door.names import leaves
from synthtrust.door.rules import RULES, Values, value_of


@pytest.mark.parametrize("words", [["train", "experiment=tstr"], ["evaluate", "experiment=controls"]], ids=str)
def test_values_read_at_once_are_those_read_one_by_one(composed, words):
    cfg = composed(*words, "paths.output=somewhere")
    given = {key for key, value in leaves(OmegaConf.to_container(cfg)) if value != "???"}
    keys = given | RULES.keys() | {key.rpartition(".")[0] or key for key in given}
    values = Values(cfg)
    resolved = {key: values.get(key, "absent") for key in keys}
    assert resolved == {key: value_of(cfg, key, "absent") for key in keys}
    assert "absent" in resolved.values()
    assert resolved["paths.output"] == "somewhere"


def test_a_value_that_stands_elsewhere_is_followed_there():
    cfg = OmegaConf.create({"a": {"b": "${c}", "d": "${e}"}, "c": [1, "${f}"], "e": {"key": 2}, "f": 3, "g": "${a.d}"})
    values = Values(cfg)
    assert (values.get("a.b"), values.get("c"), values.get("a.d.key")) == ([1, 3], [1, 3], 2)
    assert values.get("g") == {"key": 2}
    assert values.get("a.z", 7) == 7
