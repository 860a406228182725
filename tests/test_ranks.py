"""Two ranks, however they are started: the table of one process, each case once, and sets that are the same bytes."""

import hashlib
import json
import socket
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from helpers.commands import ROOT, command, environment
from synthtrust.conventions import SURFACE_COLUMNS
from synthtrust.runs import find_runs, score_cohort

TINY = (
    "cases=phantom_small", "cases.n_cases=6", "cases.shape=[24,28,20]", "model=unet", "model.net.channels=[4,8]",
    "model.net.strides=[2]", "data.patch_size=[16,16,16]", "steps=2", "val_every=2", "split.val=1",
    "trainer.enable_progress_bar=false", "trainer.accelerator=cpu", "threads=1",
)  # fmt: skip
RANKS = ("trainer.devices=2", "trainer.strategy=ddp")
ONE_CASE, THREE_CASES = "split.test=1", "split.test=3"
"""Fewer test cases than ranks, and a number that does not come out even."""

pytestmark = pytest.mark.slow


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def by_itself(folder, *words):
    """Start one command, whose Trainer starts the other rank."""
    done = command(folder, "train.py", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def by_torchrun(folder, *words):
    """Start both ranks by PyTorch's launcher."""
    launcher = ("-m", "torch.distributed.run", "--nproc-per-node=2", f"--master-port={free_port()}")
    done = subprocess.run(
        [sys.executable, *launcher, str(ROOT / "train.py"), *words], cwd=folder, env=environment(),
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def by_slurm(folder, *words):
    """Start both ranks as ``srun`` does on one node, with what it puts into their environment."""
    of_job = {
        "SLURM_JOB_ID": "4242", "SLURM_JOB_NAME": "train", "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2",
        "SLURM_NNODES": "1", "SLURM_NODEID": "0", "SLURM_NODELIST": "127.0.0.1",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(),
    }  # fmt: skip
    ranks = [
        subprocess.Popen(
            [sys.executable, str(ROOT / "train.py"), *words], cwd=folder, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=environment(SLURM_PROCID=rank, SLURM_LOCALID=rank, **of_job),
        )
        for rank in ("1", "0")
    ]  # fmt: skip
    texts = [rank.communicate(timeout=300)[0] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], texts
    return "".join(texts)


def assert_scored_as_by_one_process(folder, run):
    """Compare a run's own scores of real cases with those of this process alone, by its best checkpoint."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run.facts()["devices"] == 2
        scores = run.scores()
        assert not scores.duplicated(["case", "source", "region"]).any()
        columns = ["dice", "n_reference", "n_prediction", *SURFACE_COLUMNS]
        own = scores.query("source == 'real'").set_index(["case", "region"])[columns]
        alone = score_cohort(run, run.cohort, "cache", allow_overlap=True).set_index(["case", "region"])[columns]
        pd.testing.assert_frame_equal(own, alone.loc[own.index])
        return len(scores["case"].unique())


@pytest.mark.parametrize(
    ("started", "n_test"),
    [(by_itself, ONE_CASE), (by_torchrun, ONE_CASE), (by_torchrun, THREE_CASES), (by_slurm, ONE_CASE)],
    ids=["itself-1", "torchrun-1", "torchrun-3", "slurm-1"],
)
def test_two_ranks_score_each_case_once_and_as_one_process(tmp_path, started, n_test):
    text = started(tmp_path, *TINY, *RANKS, n_test, "name=two")
    (run,) = find_runs(tmp_path / "runs")
    assert assert_scored_as_by_one_process(tmp_path, run) == int(n_test[-1])
    assert text.count("Next, the page") == 1


@pytest.mark.parametrize("started", [by_itself, by_torchrun], ids=["itself", "torchrun"])
def test_jobs_of_a_sweep_have_two_ranks_each_one_job_after_the_other(tmp_path, started):
    words = (*TINY, *RANKS, THREE_CASES, "name=swept", "alpha=0.0,1.0", "-m")
    text = started(tmp_path, *words)
    runs = find_runs(tmp_path / "runs")
    assert [run.name for run in runs] == ["alpha_0.0_seed_0", "alpha_1.0_seed_0"]
    for run in runs:
        assert assert_scored_as_by_one_process(tmp_path, run) == 3
    assert text.count("The 2 runs in") == 1
    (twins,) = {run.data()["twins"] for run in runs}
    assert Path(twins).is_dir()
    before = [run.folder.joinpath("run.json").stat().st_mtime_ns for run in runs]
    by_itself(tmp_path, *words)
    assert [run.folder.joinpath("run.json").stat().st_mtime_ns for run in runs] == before


def test_a_job_of_a_sweep_whose_ranks_fail_says_why_and_the_others_go_on(tmp_path):
    blocked = tmp_path / "runs" / "swept" / "alpha_0.0_seed_0"
    blocked.mkdir(parents=True)
    (blocked / "checkpoints").touch()  # where a folder has to be made
    done = command(tmp_path, "train.py", *TINY, *RANKS, THREE_CASES, "name=swept", "alpha=0.0,1.0", "-m")
    assert done.returncode == 1
    statuses = [json.loads(path.read_text()) for path in sorted(blocked.parent.glob("*/status.json"))]
    assert [status["status"] for status in statuses] == ["failed", "finished"]
    assert "checkpoints" in statuses[0]["why"]


def test_two_ranks_classify_like_one_process(tmp_path, monkeypatch):
    """Real ddp with batch norms, and cases that do not come out even: five to choose on, seven to test on."""
    small = (
        "cases.n_cases=40", "cases.side=24", "generator=replay", "model.net.block_inplanes=[4,4,8,8]", "steps=4",
        "val_every=2", "split.test=7", "split.val=5", "data.batch_size=3", "duplicates=allow", "trainer.devices=2",
        "trainer.strategy=ddp", "trainer.enable_progress_bar=false", "trainer.accelerator=cpu",
    )  # fmt: skip
    done = command(tmp_path, "train.py", "experiment=tstr", *small)
    assert done.returncode == 0, done.stderr
    assert "Macro AUC on 7 real test cases" in done.stdout
    for word in ("litlogger", "TPU", "deprecated", "Epoch", "logging interval"):
        assert word not in done.stdout + done.stderr
    monkeypatch.chdir(tmp_path)
    (run,) = find_runs("runs")
    scores = run.scores()
    assert run.facts()["devices"] == 2
    assert not scores.duplicated(["case", "source", "class"]).any()
    assert len(scores) == 7 * 2 * 2
    assert scores.groupby(["case", "source"])["probability"].sum().to_list() == pytest.approx([1.0] * 14)
    alone = score_cohort(run, run.cohort, "cache", allow_overlap=True).set_index(["case", "class"])["probability"]
    real = scores.query("source == 'real'").set_index(["case", "class"])["probability"]
    pd.testing.assert_series_equal(real, alone.loc[real.index], atol=1e-6)


def contents(folder):
    """Return the digest of each file of a synthetic set, without what says when and by whom it was painted."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in (".gz", ".npz", ".nii", ".png", ".csv")
    }


def test_ranks_that_paint_together_leave_the_set_of_one_process(tmp_path):
    whole, shared = tmp_path / "whole", tmp_path / "shared"
    for folder in (whole, shared):
        folder.mkdir()
    by_itself(whole, *TINY, ONE_CASE)
    by_slurm(shared, *TINY, *RANKS, ONE_CASE)
    (first,), (second,) = (sorted((folder / "synthetic").glob("Tissue-*/")) for folder in (whole, shared))
    assert first.name == second.name
    assert contents(first) == contents(second)
    assert len(contents(first)) >= 6


def test_ranks_without_devices_for_them_train_a_run_once(tmp_path):
    """Who forgets trainer.devices=2 has two trainings of one run: the second waits for the first, and finds it."""
    text = by_torchrun(tmp_path, *TINY, ONE_CASE)
    (run,) = find_runs(tmp_path / "runs")
    assert run.facts()["devices"] == 1
    assert "Waiting for" in text
    assert "is finished" in text


def test_a_strategy_whose_ranks_return_nothing_is_refused_before_anything_is_made(tmp_path):
    spawned = "trainer.strategy={_target_: lightning.pytorch.strategies.DDPStrategy, start_method: spawn}"
    done = command(tmp_path, "train.py", *TINY, "trainer.devices=2", spawned)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("Use trainer.strategy=ddp, by a command and not in a notebook.")
    assert not any(tmp_path.iterdir())
