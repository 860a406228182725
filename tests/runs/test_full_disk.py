"""A disk that is full at the end of a training costs what was being written; the same command goes on from there."""

import errno
import os
from pathlib import Path

import pytest

from synthtrust.door import in_one_line
from synthtrust.files import ASIDE
from synthtrust.runs import train_run


@pytest.fixture
def full_at(monkeypatch):
    """Have the disk be full when the file of a name is about to be finished: ``full_at("scores.csv")``."""

    def _full_at(name):
        def to_disk(path):
            if path.name.endswith(f".{name}"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # as of an open file, which has no name

        monkeypatch.setattr("synthtrust.files.to_disk", to_disk)

    return _full_at


def test_the_last_tables_are_named_and_the_same_command_goes_on(copied, finished, full_at):
    folder = Path(copied.paths.output)
    for name in ("run.json", "scores.csv"):
        (folder / name).unlink()
    full_at("scores.csv")
    with pytest.raises(OSError, match="No space left") as error:
        train_run(copied)
    expected = f"Error: Expected room on the disk of {folder / 'scores.csv'}, but got: No space left"
    assert in_one_line(error.value).startswith(expected)
    assert not (folder / "run.json").exists()
    assert not list(folder.rglob(f"{ASIDE}*"))
    left = folder / f"{ASIDE}0123456789ab.scores.csv"
    left.write_text("of a process that was killed")
    full_at("nothing")
    assert train_run(copied) == finished[1]
    assert not left.exists()
