"""A job of a sweep that starts ranks is a command of its own."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra.types import RunMode

from helpers.commands import ROOT
from synthtrust.refusals import Refusal
from synthtrust.runs import apart

RANKS = ("trainer=ddp", "trainer.devices=2", "trainer.accelerator=cpu")


@pytest.fixture
def in_a_sweep(monkeypatch):
    """Stand in a job of a sweep that nobody has started as a rank."""

    def stand(mode=RunMode.MULTIRUN, task=("alpha=0.5",)):
        hydra = SimpleNamespace(
            mode=mode, overrides=SimpleNamespace(hydra=["hydra.mode=MULTIRUN"], task=task),
            runtime=SimpleNamespace(cwd=str(ROOT), config_sources=[]),
        )  # fmt: skip
        monkeypatch.setattr(apart, "HydraConfig", SimpleNamespace(initialized=lambda: True, get=lambda: hydra))

    for name in ("SLURM_NTASKS", "TORCHELASTIC_RUN_ID", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    stand()
    return stand


def test_only_a_job_of_a_sweep_that_starts_ranks_itself_gets_its_own_process(composed, in_a_sweep, monkeypatch):
    ranks, alone = composed("train", *RANKS), composed("train")
    assert apart.needs_own_process(ranks)
    assert not apart.needs_own_process(alone)
    monkeypatch.setenv("SLURM_NTASKS", "2")
    assert not apart.needs_own_process(ranks)
    monkeypatch.setenv("SLURM_NTASKS", "1")
    assert apart.needs_own_process(ranks)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    assert not apart.needs_own_process(ranks)
    monkeypatch.delenv("TORCHELASTIC_RUN_ID")
    in_a_sweep(RunMode.RUN)
    assert not apart.needs_own_process(ranks)


def test_its_command_sets_the_same_for_one_run_in_the_same_folder(tmp_path):
    of_hydra = ["hydra.mode=MULTIRUN", "hydra/launcher=processes", "hydra.launcher.n_jobs=2", "hydra.verbose=true"]
    task = ["cases.columns={label: diagnosis}", "alpha=0.5"]
    python, program, *words = apart.command_of(
        Path("/there/train.py"), ["file:///mine"], of_hydra, task, tmp_path / 'a "b"'
    )
    assert (python, program) == (sys.executable, "/there/train.py")
    assert words == ["--config-dir=/mine", "hydra.verbose=true", *task, f'hydra.run.dir="{tmp_path}/a \\"b\\""']


def test_a_job_that_a_launcher_began_is_trained_by_the_program_of_the_package(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/lib/submitit/core/_submit.py", "folder"])
    assert apart.script() == ROOT / "train.py"
    monkeypatch.setattr(sys, "argv", ["/bin/synthtrust-train", "-m"])
    assert apart.script() == Path("/bin/synthtrust-train")
    monkeypatch.setattr(sys, "argv", ["/lib/x.py"])
    monkeypatch.setattr(apart, "conf_dir", lambda: "/lib/synthtrust/conf")
    assert apart.script() == Path(sys.executable).with_name("synthtrust-train")


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import sys; open(sys.argv[1], 'w').write(sys.argv[2]); sys.exit(1)", "Expected A, but got B."),
        ("import os; os._exit(3)", "Expected a run that ends well, but its process left 3."),
    ],
    ids=["with a word", "without"],
)
def test_a_process_that_fails_fails_the_job_with_what_it_leaves(in_a_sweep, monkeypatch, tmp_path, program, reason):
    left = [str(tmp_path / "status.json"), json.dumps({"why": "Expected A, but got B."})]
    monkeypatch.setattr(apart, "command_of", lambda *_: [sys.executable, "-S", "-c", program, *left])
    with pytest.raises(Refusal, match=f"^{reason}$"):
        apart.run_apart(tmp_path)
    monkeypatch.setattr(apart, "command_of", lambda *_: [sys.executable, "-S", "-c", "pass"])
    apart.run_apart(tmp_path)
