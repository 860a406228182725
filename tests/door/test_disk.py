"""What disks, rights and folders refuse: one line with the path and what to do, whichever command, and no traceback."""

import errno
import logging
import os

import pytest

from helpers.commands import run_here
from synthtrust.door import in_one_line
from synthtrust.door.disk import KINDS


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("number", sorted(KINDS))
def test_an_error_of_the_system_names_the_file_and_a_remedy(number):
    line = in_one_line(OSError(number, os.strerror(number), "runs/a/.aside-01ab23cd45ef.scores.csv"))
    expected = KINDS[number].expected.format("runs/a/scores.csv")
    assert line == f"Error: Expected {expected}, but got: {os.strerror(number)}. {KINDS[number].remedy}"


def test_an_error_behind_another_is_found_and_a_fault_of_the_program_keeps_its_traceback():
    hidden = ValueError("Unable to configure handler 'file'")
    hidden.__cause__ = PermissionError(errno.EACCES, "Permission denied", "train.log")
    assert in_one_line(hidden).startswith("Error: Expected the right to train.log, but got: Permission denied. Give")
    for fault in (ValueError("x"), OSError("x"), ConnectionRefusedError(errno.ECONNREFUSED, "refused"), KeyError("x")):
        assert in_one_line(fault) is None


@pytest.mark.parametrize("script", ["train.py", "evaluate.py"])
def test_a_file_in_the_place_of_a_folder_is_named(elsewhere, monkeypatch, script):
    monkeypatch.setattr("synthtrust.door.callback.check", lambda *_: None)
    (elsewhere / "taken").write_text("")
    words = ("paths.runs=taken", "paths.reports=taken")
    assert run_here(script, *words).startswith("Error: Expected a free place at taken/")


def test_a_disk_that_fails_in_a_job_ends_that_job_alone(elsewhere, monkeypatch, capsys):
    class Full(logging.Handler):
        def emit(self, record):
            try:
                _full()
            except OSError:
                self.handleError(record)

    def train(cfg):
        logging.getLogger().addHandler(Full())
        if cfg.alpha == 0:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), "cache/a.npy")

    monkeypatch.setattr("synthtrust.runs.train_run", train)
    monkeypatch.setattr("synthtrust.door.callback.write_status", _full)  # on the same disk
    assert run_here("train.py", "name='swept[/x]'", "alpha=0.0,1.0", "-m") == "1"  # no markup
    captured = capsys.readouterr()
    shown = " ".join(captured.out.replace("│", " ").split())
    assert "Error: Expected a disk that answers at cache/a.npy, but got: Stale file handle." in shown
    assert "alpha_1.0_seed_0 finished" in shown
    assert "room on the disk of status.json, but got: No space left on device." in shown
    assert "Traceback" not in shown + captured.err
    assert "Logging error" not in captured.err


def _full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "status.json")


def test_what_ends_a_sweep_from_outside_leaves_its_table(elsewhere, monkeypatch, capsys):
    monkeypatch.setattr("synthtrust.runs.train_run", lambda cfg: None)
    (elsewhere / "runs" / "swept").mkdir(parents=True)
    (elsewhere / "runs" / "swept" / "alpha_1.0_seed_0").write_text("in the way of the folder of the second job")
    line = run_here("train.py", "name=swept", "alpha=0.0,1.0", "-m")
    assert line.startswith("Error: Expected a free place at runs/swept/alpha_1.0_seed_0, but got: File exists.")
    shown = " ".join(capsys.readouterr().out.split())
    assert "alpha_0.0_seed_0 │ finished" in shown
    assert "alpha_1.0_seed_0 │ not started" in shown
