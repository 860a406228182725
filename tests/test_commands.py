"""Every command in the documents, and every option in the conf, passes the real command line and the door."""

import re
import shlex
from itertools import zip_longest
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from helpers.commands import ROOT, refusal
from helpers.configs import compose_by_hydra
from synthtrust.door.names import options_of

DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "conf/**/*.yaml", "src/**/*.py", "*.py")
    for path in ROOT.glob(pattern)
    if path.name != "options.md"  # written from conf when the site is built
)
COMMAND = re.compile(r"python (?:train|evaluate)\.py(?![\w\"])(?:\"[^\"`]*\"|\\\n|[^\n`\"])*")
PLUGINS = ("generator=transplant",)
"""Options of the example plugin, which is not installed here; its own tests run it."""
READ = re.compile(r"^((?:cases|generator|split)\.(?:root|file|weights|train_ids|exclude|test_patients))=([^\[].*)$")


def commands():
    """Return every command in the documents, once, beside the document where it stands first."""
    first = {}
    for path in DOCUMENTS:
        for match in COMMAND.finditer(path.read_text(encoding="utf-8")):
            words = tuple(words_of(re.sub(r"\n +", "\n", re.sub(r"\\\n[# ]*", " ", match[0]))))
            first.setdefault(words, path.relative_to(ROOT))
    return [pytest.param(words, id=f"{path}: {' '.join(words)[:60]}") for words, path in first.items()]


def words_of(command):
    """Return the words of a command, without the remark behind it."""
    command = re.split(r" {4,}| +# ", command)[0]
    return [word for word in shlex.split(command.partition("python ")[2]) if word != "#"]


def prepare(word, folder):
    """Put something that is there in the place of what a word names."""
    if match := READ.match(word):
        path = folder / "read" / Path(match[2]).name.replace("...", "x")
        path.parent.mkdir(exist_ok=True)
        path.touch()  # the door asks whether it is there, and nothing else
        return f"{match[1]}={path}"
    if word.startswith("predictions="):
        (folder / word.partition("=")[2]).mkdir(parents=True, exist_ok=True)
    if word.startswith(("runs=", "plan.pilot=")):
        for run in word.partition("=")[2].strip("[]").split(","):
            leave_a_run(folder / run)
    return word


def leave_a_run(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("run.json", "scores.csv", "export.json"):
        (folder / name).touch()


@pytest.mark.parametrize("words", commands())
def test_every_command_of_the_documents_may_enter(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("synthtrust.door.training.count_gpus", lambda: 8)  # the reader's machine may have them
    monkeypatch.setattr("synthtrust.door.engines.is_installed", lambda module: True)
    monkeypatch.setattr("synthtrust.door.trackers.find_spec", lambda name: "there")  # and trackers, too
    leave_a_run(tmp_path / "runs" / "one")
    if set(words) & {*PLUGINS}:
        pytest.skip("an option of a plugin")
    if "--help" not in words:
        assert refusal(words[0], *(prepare(word, tmp_path) for word in words[1:])) == ""


def typed(value):
    """Return a value as one types it in a command."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {typed(item)}' for name, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(typed, value))}]"
    if isinstance(value, str):
        quoted = value.replace("'", "\\'")
        return f"'{quoted}'"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


def leaves(node, path=""):
    """Give the values of a config by key, lists and empty mappings whole, but for keys that no command may name."""
    for name, value in node.items():
        key = f"{path}.{name}" if path else name
        if isinstance(value, dict) and value:
            yield from leaves(value, key)
        elif re.fullmatch(r"[\w.]+", key):
            yield key, value


GROUPS = ("cases", "generator", "data", "model", "trainer", "callbacks", "logger", "export")
CHOICES = [[f"{group}={name}" for name in options_of(group)] for group in GROUPS]
EVERYTHING = [
    ("train.py", []),
    *(("train.py", [choice for choice in choices if choice]) for choices in zip_longest(*CHOICES)),
    *(
        ("evaluate.py", options)
        for options in ([], ["experiment=controls"], ["experiment=twin_controls"], ["experiment=plan"])
    ),
]


@pytest.mark.parametrize(("script", "options"), EVERYTHING, ids=str)
def test_every_key_takes_its_own_default_from_the_command_line(composed, script, options):
    name = script.removesuffix(".py")
    before = OmegaConf.to_container(composed(name, *options))
    nodes = {option.partition("=")[0] for option in options} - {"experiment"}  # where none is chosen, all keys
    sets = [
        f"{key}={typed(value)}"
        for key, value in leaves(before)
        if value != "???" and (not nodes or key.partition(".")[0] in nodes)
    ]
    assert not [override for override in sets if override.endswith("={}")]  # only null takes any mapping
    assert OmegaConf.to_container(compose_by_hydra(name, *options, *sets)) == before


@pytest.mark.parametrize(
    ("words", "key", "value"),
    [
        (["cases=table", "cases.columns={label: diagnosis}"], "cases.columns", {"label": "diagnosis"}),
        (["cases=table", "cases.columns={label: diagnosis, patient: subject}"], "cases.columns.patient", "subject"),
        (["cases=table", "cases.classes=[a,b]"], "cases.classes", ["a", "b"]),
        (["cases=table", "cases.labels=[effusion,mass]"], "cases.labels", ["effusion", "mass"]),
        (["cases=table", 'cases.separator="|"'], "cases.separator", "|"),
        (
            ["cases=brats", "cases.label_values={1: ET, 2: NCR, 3: null}"],
            "cases.label_values",
            {1: "ET", 2: "NCR", 3: None},
        ),
        (
            ["cases=brats", 'cases.patterns={t1: "{case}/{case}_t1.nii.gz"}'],
            "cases.patterns.t1",
            "{case}/{case}_t1.nii.gz",
        ),
        (["cases=class_folders", "cases.files=images/*"], "cases.files", "images/*"),
        (["cases.exclude=[a,7]"], "cases.exclude", ["a", 7]),
        (["data=images", "data.size=64"], "data.size", 64),
        (["data=images", "data.size=[64,48]"], "data.size", [64, 48]),
        (["regions=[ET,TC,WT]"], "regions", ["ET", "TC", "WT"]),
        (["split.test_patients=[a,b]"], "split.test_patients", ["a", "b"]),
        (["generator=folder", "generator.train_ids=[a,b]"], "generator.train_ids", ["a", "b"]),
        (["model=resnet_small", "model.class_weights=balanced"], "model.class_weights", "balanced"),
        (["model=resnet_small", "model.class_weights=[1.0,2.0]"], "model.class_weights", [1.0, 2.0]),
    ],
    ids=str,
)
def test_an_option_that_is_null_takes_what_its_comment_says(composed, words, key, value):
    cfg = OmegaConf.select(composed("train", *words), key)
    assert (OmegaConf.to_container(cfg) if OmegaConf.is_config(cfg) else cfg) == value
