"""The values of a config, read all at once, are those that the config gives one by one."""

import pytest
from omegaconf import OmegaConf

from synthtrust.door.names import leaves
from synthtrust.door.rules import RULES, Values, check_values, value_of
from synthtrust.refusals import Refusal


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


@pytest.mark.parametrize("value", ["max_steps=0", "precision=half", "weights=nowhere.pt", "lr=-1"])
def test_a_generator_that_paints_for_another_one_has_the_same_rules(composed, value):
    words = ["generator=edited_masks", "generator@generator.painter=med_ddpm", "paths.output=somewhere"]
    check_values(composed("train", *words))
    with pytest.raises(Refusal, match=rf"^Expected .*generator\.painter\.{value.partition('=')[0]}"):
        check_values(composed("train", *words, f"generator.painter.{value}"))
