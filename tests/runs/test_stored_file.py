"""A stored config is read as it was written, and no few lines of it grow without end."""

import pytest
from omegaconf import OmegaConf

from synthtrust.runs import Run
from synthtrust.runs.stored_file import read_config


def test_a_config_is_read_as_it_was_saved(composed, tmp_path):
    cfg = composed("train", "cases=brats", "cases.root='/data/[réal]'", "paths.output=somewhere")
    (tmp_path / "config.yaml").write_text(OmegaConf.to_yaml(cfg, resolve=True), encoding="utf-8")
    assert Run(tmp_path).config == OmegaConf.load(tmp_path / "config.yaml")
    assert Run(tmp_path).config.cases.root == "/data/[réal]"


LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
ECHOES = "a0: x\n" + "".join(f"a{n}: ${{a{n - 1}}}${{a{n - 1}}}\n" for n in range(1, 40))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LAUGHS, "line 2 of .*has a reference to another part"),
        (ECHOES, "line 2 of .*has a reference to another part"),
        ("a: " + "[" * 100_000, "more than 32 levels"),
        ("a: x\n" * 300_000, "at most 1048576 bytes, but .* has 1500000"),
        ("[1, 2]", "it holds no keys and values"),
    ],
    ids=["aliases", "interpolations", "nesting", "length", "list"],
)
def test_what_would_grow_without_end_is_refused_by_name(tmp_path, text, message):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"^Expected .*config\.yaml") as refusal:
        read_config(tmp_path / "config.yaml")
    assert refusal.match(message)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"seed": 1, "seed": 2}', "{"], ids=["nesting", "twice", "cut"])
def test_facts_that_are_no_json_of_a_run_are_refused_by_name(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ValueError, match=r"^Expected .*run\.json as a run leaves it"):
        Run(tmp_path).facts()
