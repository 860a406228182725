"""A slice of the soak, every day: a few mutated files for each reader, and that what goes wrong is seen."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from synthtrust.refusals import Refusal

pytest.importorskip("hypothesis", reason="pip install hypothesis, which is of the extra dev")

from soak import canaries
from soak.fuzz import HangError, Target, WrongError, fuzz, fuzz_apart, time_limit
from soak.outcomes import Ending, Tally, examples, table
from soak.processes import in_child
from soak.readers import SHARES


@pytest.mark.parametrize("make", SHARES, ids=lambda make: make.__name__)
def test_mutated_files_are_read_or_refused_in_one_line(make, tmp_path):
    if (target := make(tmp_path / "files")) is None:
        pytest.skip("SimpleITK is not installed")
    tally = fuzz(target, 5)
    assert tally.survived == tally.attempted > 0, examples([tally])


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (Refusal("Expected a file, but got none."), Ending.REFUSED),
        (Refusal("Expected one line,\nbut got two."), Ending.TRACEBACK),
        (KeyError("case"), Ending.TRACEBACK),
        (WrongError("other scores"), Ending.WRONG),
        (HangError(), Ending.HANG),
        (None, Ending.READ),
    ],
    ids=str,
)
def test_each_ending_is_told_from_the_others(tmp_path, error, ending):
    file = tmp_path / "file.json"
    file.write_text('{"a": [1, 2]}')
    asked = []

    def read():
        asked.append(file.read_bytes())
        if error is not None and len(asked) > 1:  # the whole file is read
            raise error

    tally = fuzz(Target("planted", [file], read), 3)
    assert tally.counts[ending] == tally.attempted
    assert tally.survived == (tally.attempted if ending in (Ending.READ, Ending.REFUSED) else 0)
    assert file.read_text() == '{"a": [1, 2]}'
    assert len(set(asked)) > 1


def test_what_takes_too_long_is_stopped():
    def forever():
        while True:
            pass

    with time_limit(0.01), pytest.raises(HangError):
        forever()


def test_a_process_that_dies_is_seen(tmp_path):
    file, tries = tmp_path / "file", []
    file.write_text("a,b")

    def read():
        tries.append(1)
        if len(tries) > 2:
            os.kill(os.getpid(), signal.SIGKILL)

    tally = fuzz_apart(Target("dies", [file], read), 4)
    assert tally.counts[Ending.TRACEBACK] == 1
    assert "file Mutated(" in tally.failures[0].attempt


def test_a_process_is_killed_in_the_midst_and_its_disk_is_full(tmp_path):
    def work():
        Path("begun").touch()
        while True:
            time.monotonic()

    assert in_child(work, tmp_path, kill_after=0.2).code == -signal.SIGKILL
    assert (tmp_path / "begun").exists()

    def write():
        Path("large").write_bytes(bytes(1000))
        return ""

    assert in_child(write, tmp_path).code == 0
    full = in_child(write, tmp_path, largest_file=100)
    assert full.has_traceback
    assert "File too large" in full.text


def test_a_canary_can_sing_and_is_heard(tmp_path):
    bombs = np.array([canaries.Bomb(tmp_path / "study" / canaries.CANARY)])
    (tmp_path / "study").mkdir()
    np.savez(tmp_path / "study" / "set.npz", bombs=bombs)
    assert canaries._ending(tmp_path / "study", "", [])[0] is Ending.READ
    np.load(tmp_path / "study" / "set.npz", allow_pickle=True)["bombs"]
    assert canaries._ending(tmp_path / "study", "", [])[0] is Ending.EXECUTED


def test_the_table_counts_what_was_attempted_survived_and_failed():
    tally = Tally("files")
    for ending in (Ending.READ, Ending.REFUSED, Ending.WRONG):
        tally.add(ending, "attempt", "message")
    lines = table([tally, tally]).splitlines()
    assert lines[1].split() == ["files", "3", "2", "1", "0", "0", "0", "0"]
    assert lines[-1].split() == ["all", "6", "4", "2", "0", "0", "0", "0"]
    assert examples([tally]) == "files: wrong: attempt\n    message"
