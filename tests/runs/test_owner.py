"""A run's folder has one owner at a time, and nobody waits for a process that is dead."""

import json
import logging
import os
import subprocess
import sys
import threading
import time

import pytest

from helpers.commands import ROOT
from synthtrust.runs import owner
from synthtrust.runs.owner import owned

HOLD = """
import json, pathlib, sys, time
from filelock import FileLock
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
with FileLock(folder / "run.lock"):
    facts = {"host": "node7", "pid": 1, "job": "4711", "began": "2025-01-01T00:00:00+00:00"}
    (folder / "owner.json").write_text(json.dumps(facts))
    print("owned", flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "SLURM_PROCID", "SLURM_NTASKS", *owner.JOB_IDS):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def other(tmp_path):
    """Another process that owns the folder."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdout.readline() == "owned\n"
        yield process
        process.kill()


def test_the_owner_is_named_by_host_and_job(tmp_path, other):
    named = r"^Expected a run that nobody else .* owned by process 1 on node7, job 4711, since 2025"
    with pytest.raises(ValueError, match=named), owned(tmp_path / "run", wait=False):
        pass


def test_who_waits_says_so_and_goes_on_when_the_owner_was_killed(tmp_path, other, caplog):
    with caplog.at_level(logging.WARNING):
        threading.Timer(0.5, other.kill).start()
        with owned(tmp_path / "run"):
            assert json.loads((tmp_path / "run" / "owner.json").read_text())["pid"] == os.getpid()
    assert other.poll() is not None
    assert "owned by process 1 on node7, job 4711" in caplog.text
    assert not (tmp_path / "run" / "owner.json").exists()


def test_an_error_ends_the_ownership(tmp_path):
    with pytest.raises(KeyError), owned(tmp_path / "run"):
        raise KeyError
    with owned(tmp_path / "run", wait=False):
        pass


@pytest.mark.parametrize(
    "rank", [{"LOCAL_RANK": "1"}, {"SLURM_PROCID": "1", "LOCAL_RANK": "0"}, {"RANK": "2"}], ids=str
)
def test_a_rank_beside_the_first_one_asks_for_no_lock(tmp_path, other, monkeypatch, rank):
    for name, value in rank.items():
        monkeypatch.setenv(name, value)
    with owned(tmp_path / "run", wait=False):
        pass


def test_ranks_that_train_alone_each_ask_for_the_lock(tmp_path, other, monkeypatch):
    """As two processes of torchrun without trainer.devices=2, of which the second waits and finds the run."""
    monkeypatch.setenv("RANK", "1")
    refused = pytest.raises(ValueError, match=r"^Expected a run that nobody else")
    with refused, owned(tmp_path / "run", wait=False, together=False):
        pass


def test_the_first_of_several_ranks_does_not_wait(tmp_path, other, monkeypatch):
    monkeypatch.setenv("SLURM_PROCID", "0")
    monkeypatch.setenv("SLURM_NTASKS", "2")
    with pytest.raises(ValueError, match=r"^Expected a run that nobody else"), owned(tmp_path / "run"):
        pass


@pytest.mark.slow
def test_one_run_started_twice_is_trained_once_and_found_once(tmp_path):
    words = (
        "cases=phantom_slices", "cases.n_cases=60", "generator=replay", "data=images", "model=resnet_small",
        "model.net.block_inplanes=[4,4,8,8]", "duplicates=allow", "steps=40", "val_every=10", "split.test=12",
        "split.val=9", "alpha=1.0", "trainer.accelerator=cpu", "trainer.enable_progress_bar=false",
    )  # fmt: skip
    start = time.time()
    both = [
        subprocess.Popen(
            [sys.executable, str(ROOT / "train.py"), *words], cwd=tmp_path, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, encoding="utf-8",
        )
        for _ in range(2)
    ]  # fmt: skip
    outputs = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    first, second = sorted(outputs, key=lambda text: "Found: " in text)
    assert "Macro AUC on 12 real test cases" in first
    assert "Waiting for " in second
    assert "is finished" in second
    (facts,) = tmp_path.rglob("run.json")
    assert json.loads(facts.read_text())["seconds"] < time.time() - start
