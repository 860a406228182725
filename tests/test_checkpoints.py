"""A checkpoint is whole or not there."""

import pytest
import torch

from synthtrust.checkpoints import AtomicCheckpointIO


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
