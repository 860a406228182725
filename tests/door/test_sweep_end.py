"""However a sweep ends, its table says how each run did, and the command that goes on."""

import json
import os
import signal

import pytest

from helpers.commands import run_here

pytestmark = pytest.mark.usefixtures("elsewhere")

TINY = (
    "cases.n_cases=6", "cases.shape=[24,28,20]", "model=unet", "model.net.channels=[4,8]", "model.net.strides=[2]",
    "data.patch_size=[16,16,16]", "data.batch_size=1", "steps=2", "val_every=2", "split.test=1", "split.val=1",
    "generator=replay", "trainer.enable_progress_bar=false", "trainer.accelerator=cpu",
)  # fmt: skip


def test_a_sweep_goes_on_past_a_job_that_fails_and_tells_how_each_ended(elsewhere, capsys):
    failing = elsewhere / "runs" / "swept" / "alpha_0.0_seed_0"
    (failing / "data.json").mkdir(parents=True)  # in the way of a file that the run writes
    words = (*TINY, "name=swept", "alpha=0.0,1.0", "-m")
    assert run_here("train.py", *words) == "1"
    shown = capsys.readouterr().out
    assert "alpha=0.0" in shown
    assert "Error: Expected a free place" in shown
    assert json.loads((failing / "status.json").read_text())["status"] == "failed"
    assert "Move away what is there." in (failing / "train.log").read_text()
    assert "Run 1 of 2, alpha_0.0_seed_0, failed" in shown
    assert "A sweep of 2 runs." in shown
    assert "Run 2 of 2, alpha_1.0_seed_0, finished: Mean Dice" in shown
    assert "The same command makes those that are not: python train.py" in shown
    other = failing.with_name("alpha_1.0_seed_0")
    assert json.loads((other / "status.json").read_text()) == {"status": "finished", "why": ""}
    (failing / "data.json").rmdir()
    assert run_here("train.py", *words) == ""
    ended = [json.loads((folder / "status.json").read_text())["status"] for folder in (failing, other)]
    assert ended == ["finished", "found"]
    assert "Next, the page: python evaluate.py runs=runs/swept" in capsys.readouterr().out


def test_a_signal_ends_a_sweep_with_its_table_and_the_command_that_goes_on(elsewhere, monkeypatch, capsys, caplog):
    monkeypatch.setattr("synthtrust.runs.train_run", lambda cfg: os.kill(os.getpid(), signal.SIGTERM))
    assert run_here("train.py", "name=cut", "alpha=0.0,1.0", "-m") == "143"
    shown = capsys.readouterr()
    assert "interrupted" in shown.out
    assert "not started" in shown.out
    assert "the same command goes on: python train.py name=cut alpha=0.0,1.0 -m" in shown.out + shown.err + caplog.text
    assert not (elsewhere / "runs" / "cut" / "alpha_1.0_seed_0").exists()


def test_a_killed_job_is_not_passed_over_in_the_table(elsewhere, monkeypatch, capsys):
    monkeypatch.setattr("synthtrust.runs.train_run", lambda cfg: None)
    monkeypatch.setattr("synthtrust.door.callback.Door.on_job_end", lambda *_, **__: None)  # never came to it
    assert run_here("train.py", "name=cut", "alpha=0.0,1.0", "-m") == "1"
    assert "no status" in capsys.readouterr().out
