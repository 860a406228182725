"""Repeated splits by the commands: runs of their own, and one page."""

import json
from pathlib import Path

import pandas as pd
import pytest

from helpers.commands import knock, refusal, run_here

TINY = (
    "cases.n_cases=8", "cases.shape=[24,28,20]", "model=unet", "model.net.channels=[4,8]", "model.net.strides=[2]",
    "data.patch_size=[16,16,16]", "data.batch_size=1", "steps=2", "val_every=2", "split.test=2", "split.val=1",
    "generator=replay", "trainer.enable_progress_bar=false", "trainer.accelerator=cpu",
)  # fmt: skip


def test_repeated_splits_are_trained_beside_each_other_and_make_one_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    swept = ("alpha=0.0,1.0", "seed=0", "split.repeat=0,1", "name=repeated", "-m")
    assert run_here("train.py", *TINY, *swept) == ""
    for repeat in (0, 1):
        assert run_here("train.py", *TINY, "alpha=1.0", "seed=1", f"split.repeat={repeat}", "name=repeated") == ""
    folders = {path.name: path for path in (tmp_path / "runs" / "repeated").glob("alpha_*")}
    assert len(folders) == 6
    tested = [
        tuple(json.loads((folders[name] / "data.json").read_text())["splits"]["test"])
        for name in ("alpha_0.0_seed_0", "alpha_1.0_seed_1", "alpha_0.0_seed_0_split_1", "alpha_1.0_seed_1_split_1")
    ]
    assert tested[0] == tested[1] != tested[2] == tested[3]
    asked = ("runs=runs/repeated", "audit.utility.n_boot=20", "audit=[utility,trust,fidelity]", "pictures=1")
    assert run_here("evaluate.py", *asked) == ""
    splits = pd.read_csv(tmp_path / "reports" / "repeated" / "utility_splits.csv", dtype={"split": str})
    assert splits["split"].tolist() == ["0", "1", "all"]
    facts = json.loads((tmp_path / "reports" / "repeated" / "report.json").read_text())["facts"]
    assert facts["splits"] == [0, 1]
    assert "over repeated splits" in (tmp_path / "reports" / "repeated" / "index.html").read_text(encoding="utf-8")


def test_a_repeat_that_is_no_number_is_refused():
    assert "Expected split.repeat to be a whole number of at least 0" in refusal("train.py", "split.repeat=-1")


@pytest.mark.parametrize(
    ("options", "behind"),
    [((), ""), (("data.mode=real_only",), "_real_only"), (("split.repeat=2",), "_split_2"),
     (("split.repeat=1", "data.mode=independent"), "_independent_split_1")],
)  # fmt: skip
def test_folder_and_tracked_run_tell_mode_and_split(options, behind):
    (config,) = knock("train.py", "logger=wandb", "alpha=0.5", *options)
    assert Path(config.hydra.run.dir).name == f"alpha_0.5_seed_0{behind}"
    assert config.logger.wandb.name == f"alpha_0.5_seed_0{behind}"
    assert config.logger.wandb.id == f"train_alpha_0.5_seed_0{behind}"
