"""A checkpoint is whole or not there."""

import errno

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
