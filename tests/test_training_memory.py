"""A training on a processor decides after its first step, once, what becomes of freed memory; one on a GPU never."""

from types import SimpleNamespace

import pytest
import torch
from lightning import LightningModule, Trainer
from torch.utils.data import DataLoader

from synthtrust import training_memory
from synthtrust.training_memory import KeepFreedMemory


class Line(LightningModule):
    """The smallest training there is."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, batch_idx):
        return self.layer(batch).mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


@pytest.fixture
def decided(monkeypatch):
    calls = []
    monkeypatch.setattr(training_memory, "keep_freed_memory", lambda: calls.append(True))
    return calls


def test_it_is_decided_once_after_the_first_step(decided, tmp_path):
    steps_before = []
    watch = KeepFreedMemory()
    trainer = Trainer(
        accelerator="cpu",
        max_steps=4,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[watch],
        default_root_dir=tmp_path,
    )
    model = Line()
    model.on_train_batch_start = lambda *_: steps_before.append(len(decided))
    trainer.fit(model, DataLoader(torch.ones(8, 1), 2))
    assert steps_before == [0, 1, 1, 1]


def test_a_gpu_has_an_allocator_of_its_own(decided):
    on_gpu = SimpleNamespace(strategy=SimpleNamespace(root_device=torch.device("cuda")))
    KeepFreedMemory().on_train_batch_end(on_gpu)
    assert decided == []
