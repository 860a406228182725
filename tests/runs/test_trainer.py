"""What the Trainer of a run may not be, and what it does not do by itself."""

import signal

import pytest
from lightning.pytorch.strategies import ModelParallelStrategy

from synthtrust.refusals import Refusal
from synthtrust.runs.trainer import build_trainer


def trainer_config(composed, strategy):
    return composed(
        "train",
        "trainer.accelerator=cpu",
        "trainer.devices=2",
        "paths.output=somewhere",
        f"trainer.strategy={strategy}",
    )


def test_ranks_that_would_keep_their_scores_to_themselves_are_refused_however_they_were_chosen(composed):
    spawned = "{_target_: lightning.pytorch.strategies.DDPStrategy, start_method: spawn}"
    with pytest.raises(Refusal, match=r"^Expected trainer.strategy=auto or ddp, whose ranks .* got DDPStrategy with"):
        build_trainer(trainer_config(composed, spawned))


def test_a_strategy_that_divides_the_weights_is_refused(composed):
    divided = f"{{_target_: lightning.pytorch.strategies.{ModelParallelStrategy.__name__}}}"
    with pytest.raises(Refusal, match=r"give each rank the whole network, but got ModelParallelStrategy"):
        build_trainer(trainer_config(composed, divided))


@pytest.fixture
def of_slurm(monkeypatch):
    """Make this process the one task of a job of SLURM."""
    of_job = dict(SLURM_NTASKS="1", SLURM_NTASKS_PER_NODE="1", SLURM_JOB_NAME="train", SLURM_PROCID="0")
    for name, value in {**of_job, "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_JOB_ID": "4242"}.items():
        monkeypatch.setenv(name, value)


def test_another_number_of_ranks_than_devices_is_refused_before_anything_is_painted(composed, of_slurm, monkeypatch):
    with pytest.raises(Refusal, match=r"^Expected as many ranks as trainer.devices=2 .* `--ntasks-per-node=1`"):
        build_trainer(trainer_config(composed, "ddp"))
    monkeypatch.setenv("SLURM_NTASKS", "2")
    monkeypatch.delenv("SLURM_NTASKS_PER_NODE")
    with pytest.raises(Refusal, match=r"Lightning says: .*Use `--ntasks-per-node=2` instead"):
        build_trainer(trainer_config(composed, "ddp"))


def test_a_job_of_slurm_begins_with_no_checkpoint_of_another_run(composed, of_slurm, tmp_path, monkeypatch):
    """Lightning would begin with the newest hpc_ckpt of the working folder, and write one when SIGUSR1 comes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hpc_ckpt_1.ckpt").touch()
    trainer = build_trainer(composed("train", "trainer.accelerator=cpu", "paths.output=somewhere"))
    assert trainer._checkpoint_connector._hpc_resume_path is None
    before = [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGTERM)]
    trainer._signal_connector.register_signal_handlers()
    assert signal.getsignal(signal.SIGUSR1) == before[0]
    trainer._signal_connector.teardown()
    assert [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGTERM)] == before


def test_ddp_is_built(composed):
    assert build_trainer(trainer_config(composed, "ddp")).world_size == 2
