"""A checkpoint is whole or not there."""

import errno

import pytest
import torch
from lightning import LightningModule, Trainer
from torch.utils.data import DataLoader

from synthtrust.checkpoints import AtomicCheckpointIO, BestCheckpoint


class Unpicklable:
    def __reduce__(self):
        raise RuntimeError("killed in the middle")


def test_an_interrupted_write_leaves_the_older_checkpoint(tmp_path):
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"step": 1}, path)
    with pytest.raises(RuntimeError, match="killed"):
        AtomicCheckpointIO().save_checkpoint({"big": torch.zeros(10), "fault": Unpicklable()}, path)
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_full_disk_is_an_error_of_the_system_with_the_name_of_the_checkpoint(tmp_path, monkeypatch):
    def save(checkpoint, file):
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError:
            raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 704 vs 598")  # noqa: B904

    monkeypatch.setattr("torch.save", save)
    with pytest.raises(OSError, match=r"No space left on device: '.*/last.ckpt'"):
        AtomicCheckpointIO().save_checkpoint({}, tmp_path / "last.ckpt")
    assert not list(tmp_path.iterdir())


class Declining(LightningModule):
    """Gets worse with every validation."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def training_step(self, batch, _):
        return (self.weight * batch).mean()

    def validation_step(self, batch, _):
        self.log("val/score", -float(self.global_step))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def train_dataloader(self):
        return DataLoader(torch.ones(2, 1))

    val_dataloader = train_dataloader


def test_the_newest_checkpoint_is_kept_though_it_is_not_the_best(tmp_path):
    """A run that is resumed goes on from its last validation, and not from its best one."""
    names = dict(dirpath=tmp_path, filename="best", monitor="val/score", mode="max")
    keep = BestCheckpoint(**names, save_last=True, enable_version_counter=False)
    quiet = dict(logger=False, enable_progress_bar=False, enable_model_summary=False, accelerator="cpu")
    Trainer(max_epochs=3, callbacks=[keep], num_sanity_val_steps=0, **quiet).fit(Declining())
    steps = {path.stem: torch.load(path, weights_only=True)["global_step"] for path in tmp_path.glob("*.ckpt")}
    assert steps == {"best": 2, "last": 6}
