"""A run folder that somebody sent is data: whatever its config or its checkpoint names, nothing of theirs is run."""

import ast
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from helpers.commands import ROOT, run_here
from synthtrust.cases import CaseError, Cohort
from synthtrust.checkpoints import AtomicCheckpointIO, load_checkpoint
from synthtrust.door.names import options_of
from synthtrust.runs import Run, find_runs, trained_model
from synthtrust.runs.stored import check_stored, targets_of
from synthtrust.runs.stored_file import PARTS, read_config
from synthtrust.testing import tiny_cohort

FILE = Path("config.yaml")
SMALL = (
    "model=unet", "model.net.channels=[4,8]", "model.net.strides=[2]", "data.patch_size=[8,8,8]", "steps=2",
    "val_every=1", "split.test=2", "split.val=1", "trainer.accelerator=cpu",
)  # fmt: skip


class Bomb:
    """Leaves a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def bomb(tmp_path):
    """Files that run code when they are read the wrong way, and the file that they would leave."""
    left = tmp_path / "left"
    (tmp_path / "bomb.pkl").write_bytes(pickle.dumps(Bomb(left)))
    np.save(tmp_path / "bomb.npy", np.array([Bomb(left)], dtype=object), allow_pickle=True)
    torch.save({"state_dict": Bomb(left)}, tmp_path / "bomb.pt")
    return tmp_path


def stored(composed, *options):
    """Return a config as a run has it, every interpolation resolved."""
    cfg = composed("train", "paths.output=out", "cases=phantom", *options)
    return OmegaConf.create(OmegaConf.to_container(cfg, resolve=True))


EACH_IMAGE = "{_target_: synthtrust.data.EachImage, transforms: [{_target_: monai.transforms.RandRotate90}]}"
IMAGES = ["data=images", "model=resnet_small"]
OFFERED = [[f"{group}={name}"] for group in ("generator", "trainer", "logger") for name in options_of(group)] + [
    *([f"model={name}"] for name in ("unet", "segresnet", "swin_unetr", "swin_unetr_small")),
    *(["data=images", f"model={name}"] for name in ("densenet", "efficientnet", "resnet18", "resnet_small", "vit")),
    [*IMAGES, "~data.augment", f"+data.augment={EACH_IMAGE}"],
]


@pytest.mark.parametrize("options", OFFERED, ids=str)
def test_whatever_this_project_offers_may_be_stored(composed, options):
    gaps = ["generator.root=somewhere"] if "folder" in options[0] else []
    check_stored(stored(composed, *options, *gaps), FILE)


@pytest.mark.parametrize("reader", options_of("cases"))
def test_every_reader_may_be_stored(composed, reader):
    cfg = composed("train", f"cases={reader}", "paths.output=out")
    cfg.cases = {key: "x" if OmegaConf.is_missing(cfg.cases, key) else cfg.cases[key] for key in cfg.cases}
    check_stored(OmegaConf.create(OmegaConf.to_container(cfg, resolve=True)), FILE)


TRIES = [
    {"_target_": "pandas.read_pickle", "filepath_or_buffer": "bomb.pkl"},
    {"_target_": "torch.load", "f": "bomb.pt", "weights_only": False},
    {"_target_": "numpy.load", "file": "bomb.npy", "allow_pickle": True},
    {"_target_": "sympy.sympify", "a": "__import__('pathlib').Path('left').touch()"},
    {"_target_": "pathlib.Path.touch", "_args_": [{"_target_": "pathlib.Path", "_args_": ["left"]}]},
    {"_target_": "builtins.eval", "_args_": ["open('left', 'w')"]},
    {"_target_": "hydra.utils.instantiate", "config": {"_target_": "torch.load", "f": "bomb.pt"}},
    # names that an allowed module only imports
    {"_target_": "monai.networks.nets.resnet.torch.load", "f": "bomb.pt", "weights_only": False},
    {"_target_": "synthtrust.cases.case.Path.touch", "self": "left"},
    {"_target_": "synthtrust.cases.write_manifest", "folder": "."},
    {"_target_": "synthtrust.files.write_text", "path": "left", "text": ""},
    {"_target_": "synthtrust.checkpoints.torch.load", "f": "bomb.pt", "weights_only": False},
    {"_target_": "monai.networks.utils.save_state", "src": {}, "path": "left"},
    {"_target_": "monai.losses.PerceptualLoss", "spatial_dims": 2, "network_type": "radimagenet_resnet50"},
    {"_target_": "torch.nn.init.zeros_", "tensor": None},
    {"_target_": "synthtrust.cases.phantom.volumes._make", "folder": "left", "recipe": {}},  # which makes a folder
    {"_target_": "lightning.Trainer"},
    {"_target_": ["torch.load"]},
    {"_args_": [1]},
    {"_recursive_": False},
]
KEYS = ["cases", "cases.folder", "model", "model.net", "model.net.act", "model.loss", "model.optimizer",
          "model.scheduler", "split", "generator", "generator.seed", "data", "data.augment", "name"]  # fmt: skip


@pytest.mark.parametrize("tried", TRIES, ids=lambda tried: str(next(iter(tried.values()))))
def test_nothing_else_may_be_stored_anywhere(bomb, monkeypatch, tried):
    monkeypatch.chdir(bomb)
    for key in KEYS:
        cfg = OmegaConf.create({"name": "sent"})
        OmegaConf.update(cfg, key, tried)
        with pytest.raises(
            CaseError, match=rf"at {key}(\._|\[).* in config.yaml, .*, which was not called\."
        ) as refusal:
            check_stored(cfg, FILE)
        assert len(str(refusal.value).splitlines()) == 1
    assert not (bomb / "left").exists()


def test_an_interpolation_is_not_resolved(composed, monkeypatch):
    monkeypatch.setenv("SECRET", "s3cret")
    cfg = stored(composed)
    for key in ("name", "cases.folder", "paths.runs"):
        planted = cfg.copy()
        OmegaConf.update(planted, key, "${oc.env:SECRET}")
        with pytest.raises(CaseError, match=rf"^Expected a plain value at {key} ") as refusal:
            check_stored(planted, FILE)
        assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        "cases: ${oc.env:SECRET}",
        '"${oc.env:SECRET}": 1',
        r'cases: "\x24{oc.env:SECRET}"',
        r'cases: "\u0024\u007boc.env:SECRET}"',
        'cases: "$\\\n  {oc.env:SECRET}"',
        "cases: !!str ${oc.env:SECRET}",
        "cases: |\n  ${oc.env:SECRET}",
        "cases: [{a: '$${${oc.decode:SECRET}}'}]",
        "cases: ${oc.select:SECRET}\n---\ncases: 1",
        "cases: ${number:${oc.env:SECRET}}",
    ],
)
def test_no_way_of_writing_an_interpolation_is_read(monkeypatch, tmp_path, text):
    monkeypatch.setenv("SECRET", "s3cret")
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"^Expected a config as a run writes it, spelt out") as refusal:
        read_config(tmp_path / "config.yaml")
    assert "s3cret" not in str(refusal.value)


def test_cases_of_a_sent_run_are_cases_or_are_refused(tmp_path):
    sent = {"cases": {"_target_": "synthtrust.cases.read_manifest", "_partial_": True, "folder": "."}}
    OmegaConf.save(OmegaConf.create(sent), tmp_path / "config.yaml")
    with pytest.raises(CaseError, match=r"^Expected a reader of cases at cases\._target_, but it returned"):
        _ = Run(tmp_path).cohort


def test_what_a_user_types_himself_is_his_to_choose(composed):
    cfg = stored(composed, "model=unet", "model.net._target_=my.Network", "+model.net._args_=[1]")
    with pytest.raises(CaseError):
        check_stored(cfg, FILE)
    check_stored(cfg, FILE, targets_of(cfg))


def test_a_plugin_that_cannot_be_imported_is_refused_and_the_log_has_the_reason(
    composed, monkeypatch, tmp_path, caplog
):
    (tmp_path / "broken_guest.py").write_text("raise RuntimeError('no such device')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("synthtrust.runs.stored.plugin_packages", lambda: frozenset({"broken_guest"}))
    cfg = stored(composed, "generator=replay", "generator._target_=broken_guest.Again")
    with caplog.at_level("DEBUG"), pytest.raises(CaseError, match=r"but got 'broken_guest\.Again'"):
        check_stored(cfg, FILE)
    assert "broken_guest.Again cannot be imported" in caplog.text
    assert "no such device" in caplog.text


def test_a_plugin_that_is_installed_may_be_named(composed, monkeypatch, tmp_path):
    (tmp_path / "guest.py").write_text(
        "from dataclasses import dataclass\nfrom os import system\nfrom synthtrust.generators import Replay\n"
        "@dataclass\nclass Again(Replay):\n    pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    cfg = stored(composed, "generator=replay", "generator._target_=guest.Again")
    with pytest.raises(CaseError, match=r"but got 'guest\.Again'"):
        check_stored(cfg, FILE)
    monkeypatch.setattr("synthtrust.runs.stored.plugin_packages", lambda: frozenset({"guest"}))
    check_stored(cfg, FILE)
    cfg.generator._target_ = "guest.system"  # which the plugin only imports
    with pytest.raises(CaseError, match=r"but got 'guest\.system'"):
        check_stored(cfg, FILE)


def test_a_trusted_folder_is_not_asked(composed, tmp_path):
    parts = {key: {} for key in PARTS} | {"cases": {"_target_": "my.reader"}}
    OmegaConf.save(OmegaConf.create(parts), tmp_path / "config.yaml")
    with pytest.raises(CaseError, match=r"Say trusted=true to evaluate\.py"):
        _ = Run(tmp_path).config
    assert Run(tmp_path, trusted=True).config.cases._target_ == "my.reader"


def send(folder, composed):
    """Return a run folder as somebody might send it."""
    folder.mkdir(parents=True)
    cfg = stored(composed, "model=unet")
    OmegaConf.set_struct(cfg, value=False)
    cfg.cases = {"_target_": "pandas.read_pickle", "filepath_or_buffer": "bomb.pkl"}
    OmegaConf.save(cfg, folder / "config.yaml")
    facts = {"task": "segmentation", "labels": {"ET": 3}, "orientation": "RAS"}
    (folder / "run.json").write_text(json.dumps(facts | {"alpha": 1, "seed": 0, "mode": "complement"}))
    (folder / "data.json").write_text('{"splits": {}, "twins": "."}')
    (folder / "scores.csv").write_text(
        "alpha,seed,mode,case,patient,source,region,dice\n1.0,0,complement,a,a,real,ET,1\n"
    )
    (folder / "volumes.csv").write_text("case,patient\n")
    (folder / "checkpoints").mkdir()
    torch.save({"state_dict": {}}, folder / "checkpoints" / "last.ckpt")


def test_neither_command_runs_what_a_sent_folder_names(composed, bomb, monkeypatch):
    monkeypatch.chdir(bomb)
    send(bomb / "runs" / "sent" / "alpha_0.5_seed_0", composed)
    refused = run_here("train.py", "name=sent", "model=unet", "trainer.accelerator=cpu")
    assert refused.startswith("Error: Expected a reader of synthtrust.cases at cases._target_ in ")
    refused = run_here("evaluate.py", "runs=runs/sent", "audit=[privacy]")
    assert refused.startswith("Error: Expected ")
    assert len(refused.splitlines()) == 1
    (run,) = find_runs("runs/sent")
    for ask in (lambda: run.cohort, lambda: trained_model(run, Cohort("a", (), ("t1",), {"ET": 3}))):
        with pytest.raises(CaseError, match=r"^Expected a reader of synthtrust\.cases at cases\._target_ in "):
            ask()
    assert not (bomb / "left").exists()


def test_evaluating_never_runs_the_command_of_a_stored_generator(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny_cohort(tmp_path / "real", count=6)
    words = ["cases=brats", "cases.root=real", "cases.modalities=[flair,t1ce]", "name=sent", "alpha=0.5", *SMALL]
    assert run_here("train.py", *words, "generator=noise") == ""
    (file,) = tmp_path.glob("runs/sent/**/config.yaml")
    config = OmegaConf.load(file)
    config.generator = {
        "_target_": "synthtrust.generators.Command",
        "command": "touch left; touch {out}/x",
        "shell": True,
    }
    OmegaConf.save(config, file)
    (run,) = find_runs("runs/sent")
    assert run.config.generator.command.startswith("touch left")  # it may be stored, since it is only read
    run_here("evaluate.py", "runs=runs/sent")
    assert (tmp_path / "reports" / "sent" / "index.html").is_file()
    assert not (tmp_path / "left").exists()


def test_a_checkpoint_is_weights_or_is_refused(bomb):
    for path in (bomb / "bomb.pt", bomb / "bomb.pkl", bomb / "bomb.npy"):
        for load in (load_checkpoint, AtomicCheckpointIO().load_checkpoint):
            with pytest.raises(ValueError, match=r"^Expected weights and plain values in .*was not executed"):
                load(path)
    with pytest.raises(ValueError, match=r"^Expected weights"):
        AtomicCheckpointIO().load_checkpoint(bomb / "bomb.pt", weights_only=False)
    assert not (bomb / "left").exists()


SAFE = {"torch.load": ("weights_only", True), "np.load": ("allow_pickle", False)}
UNSAFE = (
    "pickle.load",
    "pickle.loads",
    "pd.read_pickle",
    "joblib.load",
    "yaml.load",
    "yaml.unsafe_load",
    "eval",
    "exec",
)


def test_no_file_is_read_in_a_way_that_runs_code():
    seen = set()
    for path in sorted((ROOT / "src").rglob("*.py")):
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        for call in calls:
            name = ast.unparse(call.func)
            assert name not in UNSAFE, f"{path}: {name}"
            if name in SAFE:
                word, value = SAFE[name]
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
                assert given.get(word) == str(value), f"{path}:{call.lineno}"
                seen.add(name)
    assert seen == set(SAFE)
