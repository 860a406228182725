"""Sweeps whose jobs are run by engines: joblib, submitit on this machine and as for SLURM, and a local Ray cluster."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from helpers.commands import ROOT, command, environment
from synthtrust.door.engines import PACKAGES, is_installed
from synthtrust.runs import find_runs

TINY = (
    "cases=phantom_small", "cases.n_cases=6", "cases.shape=[24,28,20]", "model=unet", "model.net.channels=[4,8]",
    "model.net.strides=[2]", "data.patch_size=[16,16,16]", "steps=2", "val_every=2", "split.val=1", "split.test=2",
    "trainer=cpu", "trainer.enable_progress_bar=false", "threads=1", "name=swept", "alpha=0.0,1.0",
)  # fmt: skip
ENGINES = {
    "processes": ("hydra_joblib_launcher", ["hydra.launcher.n_jobs=2"]),
    "slurm_local": ("hydra_submitit_launcher", ["hydra.launcher.timeout_min=10"]),
    "ray_cluster": ("hydra_ray_launcher", ["hydra.launcher.ray.init.num_cpus=2"]),
}

pytestmark = pytest.mark.slow


def need(module):
    if not is_installed(module):
        pytest.skip(f"{PACKAGES[module]} is not installed")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Return the scores of both runs, one after the other in one process."""
    folder = tmp_path_factory.mktemp("alone")
    done = command(folder, "train.py", *TINY, "-m")
    assert done.returncode == 0, done.stderr
    return scores(folder)


def scores(folder):
    return {run.name: run.scores() for run in find_runs(folder / "runs")}


@pytest.mark.parametrize("launcher", ENGINES)
def test_two_jobs_of_an_engine_are_the_runs_of_one_process(tmp_path, alone, launcher):
    module, settings = ENGINES[launcher]
    need(module)
    engine = (*TINY, f"hydra/launcher={launcher}", *settings)
    prepared = command(tmp_path, "train.py", *engine, "stage=prepare", "-m")
    assert prepared.returncode == 0, prepared.stderr
    statuses = [json.loads(path.read_text())["status"] for path in sorted(tmp_path.glob("runs/swept/*/status.json"))]
    assert statuses == ["prepared", "as alpha_0.0_seed_0"]
    assert not list(tmp_path.glob("runs/swept/*/run.json"))
    (set_,) = tmp_path.glob("synthetic/*/manifest.json")
    painted = set_.stat().st_mtime_ns

    done = command(tmp_path, "train.py", *engine, "-m")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "deprecated" not in done.stdout + done.stderr
    assert set_.stat().st_mtime_ns == painted
    made = scores(tmp_path)
    assert list(made) == list(alone)
    for name, table in made.items():
        pd.testing.assert_frame_equal(table, alone[name])
    assert done.stdout.count("The 2 runs in") == 1
    assert "Next, the page" in done.stdout


def test_a_job_that_is_killed_is_named_and_the_command_goes_on(tmp_path):
    need("hydra_joblib_launcher")
    kills = tmp_path / "kills"
    kills.mkdir()
    (kills / "killed.py").write_text(
        "import os, signal\nfrom synthtrust.generators import Tissue\n\n\nclass Killed(Tissue):\n"
        "    def fit(self, cases):\n        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    engine = (*TINY, "hydra/launcher=processes", "hydra.launcher.n_jobs=2", "-m")
    path = os.pathsep.join((str(kills), os.environ.get("PYTHONPATH", "")))
    done = command(tmp_path, "train.py", *engine, "generator._target_=killed.Killed", PYTHONPATH=path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "the launcher ended with TerminatedWorkerError. The same command goes on: python" in done.stderr
    assert "no status" in done.stdout


SBATCH = """#!{python}
'''A stand-in for sbatch: keeps the file that was submitted, and runs each task of its array on this machine.'''
import os, pathlib, re, subprocess, sys
file = pathlib.Path(sys.argv[-1])
text = file.read_text()
pathlib.Path("submitted.sh").write_text(text)
n = int(re.search(r"--array=0-(\\d+)", text)[1]) + 1
for task in range(n):
    job = dict(SLURM_JOB_ID=str(5000 + task), SLURM_ARRAY_JOB_ID="4999", SLURM_ARRAY_TASK_ID=str(task),
               SLURM_NTASKS="1", SLURM_NTASKS_PER_NODE="1", SLURM_NNODES="1", SLURM_NODEID="0", SLURM_PROCID="0",
               SLURM_LOCALID="0", SLURM_JOB_NUM_NODES="1", SLURM_JOB_NODELIST="localhost", SLURM_JOB_NAME="synthtrust")
    with open(f"task_{{task}}.log", "w") as log:
        program = f"bash {{file}}; touch ended_{{task}}"
        subprocess.Popen(["bash", "-c", program], env=os.environ | job, stdout=log, stderr=log)
print("Submitted batch job 4999")
"""
SRUN = """#!/bin/bash
while [[ $1 != */python* ]]; do shift; done
exec "$@"
"""
SACCT = """#!/bin/bash
echo "JobID|State"
for task in 0 1; do [[ -e ended_$task ]] && echo "4999_$task|COMPLETED" || echo "4999_$task|RUNNING"; done
"""


def test_what_is_submitted_to_slurm_asks_for_the_resources_and_runs(tmp_path, alone):
    """There is no SLURM here: a stand-in takes what submitit submits and runs it, without queue and limits."""
    need("hydra_submitit_launcher")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {"sbatch": SBATCH, "sacct": SACCT, "srun": SRUN}.items():
        (programs / name).write_text(text.format(python=sys.executable))
        (programs / name).chmod(0o755)
    engine = (
        *TINY, "hydra/launcher=slurm", "hydra.launcher.partition=short", "hydra.launcher.array_parallelism=2",
        'hydra.launcher.additional_parameters={dependency: "afterok:123"}', "-m",
    )  # fmt: skip
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = command(tmp_path, "train.py", *engine, PATH=path)
    logs = "".join(log.read_text() for log in tmp_path.glob("task_*.log"))
    assert done.returncode == 0, done.stderr + logs
    asked = (tmp_path / "submitted.sh").read_text()
    for line in (
        "--array=0-1%2", "--partition=short", "--dependency=afterok:123", "--gpus-per-node=1", "--cpus-per-task=8",
        "--mem=32GB", "--time=480", "--signal=USR2@120", "--job-name=synthtrust", "--ntasks-per-node=1",
    ):  # fmt: skip
        assert f"#SBATCH {line}\n" in asked, asked
    made = scores(tmp_path)
    for name, table in made.items():
        pd.testing.assert_frame_equal(table, alone[name])
    assert list(made) == list(alone)


STAND_IN = """#!/bin/bash
# Runs a script at once, as each task of the array that is asked for, or else of the one that the script asks for.
while [[ $1 == --* ]]; do [[ $1 == --array=* ]] && tasks=${1#*=}; echo "$1" >> asked; shift; done
for task in ${tasks:-0 1}; do SLURM_ARRAY_TASK_ID=$task bash "$@" >> log.$tasks 2>&1 || exit 1; done
echo 123
"""


def write_script(folder):
    """Write the documented script into a folder, for a tiny study of two shares; return its page."""
    page = (ROOT / "docs" / "how_to" / "clusters.md").read_text()
    script = re.search(r"```bash\n(#!/bin/bash\n#SBATCH.*?)```", page, re.DOTALL)[1]
    study = " ".join(word for word in TINY if not word.startswith("alpha"))
    script = re.sub(r"^study=.*$", f'study="{study} $more"', script, flags=re.MULTILINE)
    script = re.sub(r"^shares=.*$", "shares=(0.0 1.0)", script, flags=re.MULTILINE)
    (folder / "sweep.sh").write_text(script)
    (folder / "train.py").symlink_to(ROOT / "train.py")
    return page


def test_the_script_for_sbatch_does_one_stage_after_the_other(tmp_path, alone):
    programs = tmp_path / "bin"
    programs.mkdir()
    srun, python = ('#!/bin/bash\nexec "$@"\n', f'#!/bin/bash\nexec {sys.executable} "$@"\n')
    for name, text in {"sbatch": STAND_IN, "srun": srun, "python": python}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    page = write_script(tmp_path)
    submit = re.search(r"^    (first=.*)\n    (sbatch --dep.*)$", page, re.MULTILINE)
    done = subprocess.run(
        ["bash", "-ec", f"{submit[1].replace('-m)', 'alpha=0.0,1.0 -m)')}\n{submit[2]}"], cwd=tmp_path,
        env=environment(PATH=f"{programs}{os.pathsep}{os.environ['PATH']}"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    logs = {log.name: log.read_text() for log in tmp_path.glob("log.*")}
    assert done.returncode == 0, (done.stderr, logs)
    assert "--dependency=afterok:123" in (tmp_path / "asked").read_text()
    assert "Twins and cache are made" in logs["log.0"]
    assert "Fitting Tissue" in logs["log.0"]
    assert "Fitting Tissue" not in logs["log."]
    for name, table in scores(tmp_path).items():
        pd.testing.assert_frame_equal(table, alone[name])
    assert len(scores(tmp_path)) == 2


def test_hyper_parameters_are_chosen_on_validation_cases_and_the_chosen_ones_are_tested_once(tmp_path):
    need("hydra_optuna_sweeper")
    settled = [word for word in TINY if not word.startswith("alpha")]
    words = (
        *settled, "alpha=1", "stage=validate", "hydra/sweeper=optuna_tpe", "hydra.sweeper.n_trials=3",
        "model.optimizer.lr=tag(log,interval(0.0001,0.1))", "data.batch_size=choice(1,2)", "-m",
    )  # fmt: skip
    first = command(tmp_path, "train.py", *words)
    assert first.returncode == 0, first.stderr
    trials = {path.parent.name: json.loads(path.read_text()) for path in tmp_path.glob("runs/swept/*/validation.json")}
    assert len(trials) == 3
    assert not list(tmp_path.glob("runs/swept/*/scores.csv"))
    chosen = re.search(r"Best on validation cases, (\S+): (.*)\. To test it, once: python (.*)", first.stdout)
    assert float(chosen[1]) == round(max(trial["best_val_score"] for trial in trials.values()), 4)
    again = command(tmp_path, "train.py", *words)
    assert again.stdout.count("is trained and validated") == 3
    assert chosen[0] in again.stdout

    tested = command(tmp_path, *shlex.split(chosen[3]))
    assert tested.returncode == 0, tested.stderr
    (run,) = find_runs(tmp_path / "runs")
    assert run.name == "alpha_1.0_seed_0"
    assert round(run.facts()["best_val_score"], 4) == float(chosen[1])
    page = command(tmp_path, "evaluate.py", "runs=runs/swept", "audit=[utility]")
    assert "Not finished" not in page.stdout + page.stderr


@pytest.mark.timeout(1800)
def test_jobs_that_slurm_itself_signals_are_queued_again_and_come_to_the_same_scores(tmp_path, alone):
    """SLURM lets two minutes go by before a job that is queued again begins."""
    if shutil.which("sbatch") is None or subprocess.run(["sinfo"], capture_output=True, check=False).returncode:
        pytest.skip("no SLURM answers here")
    write_script(tmp_path)
    script = tmp_path / "sweep.sh"
    small = "#SBATCH --cpus-per-task=1 --mem=2G --time=00:20:00"
    script.write_text(re.sub(r"^#SBATCH --gres.*$", small, script.read_text(), flags=re.MULTILINE))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    asked = ["sbatch", "--parsable", "--array=0-1", str(script)]
    job = subprocess.run(
        asked, cwd=tmp_path, env=environment(PATH=path), capture_output=True, text=True, check=True
    ).stdout.strip()  # fmt: skip
    try:
        folders = [tmp_path / "runs" / "swept" / name for name in alone]
        wait_for([folder / "run.lock" for folder in folders], job)
        subprocess.run(["scancel", "--signal=USR1", job], check=True)
        wait_for([folder / "run.json" for folder in folders], job)
    finally:
        subprocess.run(["scancel", job], check=False)
    logs = "".join(log.read_text() for log in tmp_path.glob("slurm-*"))
    assert "the same command goes on: python train.py" in logs
    made = scores(tmp_path)
    assert list(made) == list(alone)
    for name, table in made.items():
        pd.testing.assert_frame_equal(table, alone[name])


def wait_for(paths, job):
    """Wait until jobs of SLURM have written some files, as long as they are in the queue."""
    while not all(path.exists() for path in paths):
        queued = subprocess.run(["squeue", "--noheader", "--jobs", job], capture_output=True, text=True, check=False)
        if not queued.stdout.strip():
            assert all(path.exists() for path in paths), f"job {job} has ended without {paths}"
        time.sleep(0.2)
