"""Long work says where it stands and how long it takes: sparse lines in a log, a bar in a terminal."""

import logging
import sys
import time

import pytest

from synthtrust import progress
from synthtrust.progress import moved, of_sweep, stage, track
from synthtrust.stages import Stage, Sweep, duration


@pytest.fixture
def lines(caplog, monkeypatch):
    """Return the lines of a log that is due at every moment."""
    caplog.set_level(logging.INFO, "synthtrust.progress")
    monkeypatch.setattr(progress, "FIRST_HOUR", 0.0)
    monkeypatch.setattr(progress, "TICK", 0.01)
    return caplog


def wait_for(lines, text):
    deadline = time.monotonic() + 10
    while text not in lines.text and time.monotonic() < deadline:
        time.sleep(0.01)
    assert text in lines.text


def test_a_log_says_where_the_work_stands_and_when_it_ended(lines):
    with stage("Audit privacy"), stage("Reading images", 40) as reading:
        moved(reading, 10, "last p_7")
        wait_for(lines, "Audit privacy: Reading images: 10 of 40, last p_7, about 0 s left")
    assert "Reading images: ended after 0 s" in lines.text


def test_work_of_unknown_length_says_how_long_it_has_taken(lines):
    with stage("Audit fidelity"):
        wait_for(lines, "Audit fidelity: 0 s so far")


def test_short_work_writes_nothing(caplog):
    caplog.set_level(logging.INFO)
    assert list(track(range(3), "Counting")) == [0, 1, 2]
    assert caplog.text == ""


def test_ranks_but_the_first_are_silent(lines, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    with stage("Training", 10):
        time.sleep(0.05)
    assert lines.text == ""


def test_what_was_done_before_does_not_make_the_rest_look_quick():
    resumed = Stage("Training", total=100, done=60, began=time.monotonic() - 10)
    assert resumed.left is None
    resumed.update(70)
    assert resumed.left == pytest.approx(30, abs=0.1)


def test_the_first_run_of_a_sweep_estimates_the_others(lines):
    of_sweep(Sweep(runs=33, to_train=31, number=3, began=time.monotonic() - 60))
    try:
        with stage("Training", 100, repeats=True) as training:
            training.began -= 30
            moved(training, 50)
            wait_for(lines, "Run 3 of 33. Training: 50 of 100, about 30 s left; the sweep about 46 min")
    finally:
        of_sweep(None)


def test_a_sweep_takes_the_median_of_its_runs():
    assert Sweep(runs=4, to_train=2, known=[10, 12, 900]).left() == 24
    assert Sweep(runs=4, to_train=4).left() is None


def test_a_terminal_has_a_bar_and_its_log_file_the_lines(lines, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    file = logging.FileHandler(tmp_path / "train.log")
    logging.getLogger().addHandler(file)
    try:
        with stage("Training [/x]", 40) as training:
            moved(training, 10, "loss 0.3")
            time.sleep(0.3)
    finally:
        logging.getLogger().removeHandler(file)
        file.close()
    assert "Training [/x] 10/40" in capsys.readouterr().err
    assert "Training [/x]: 10 of 40, loss 0.3" in (tmp_path / "train.log").read_text()
    assert lines.text == ""


def test_an_hour_of_work_is_sixty_lines_and_a_day_some_hundreds():
    def n_lines(hours):
        at, lines = 0.0, 0
        while at < hours * progress.HOUR:
            at += progress.FIRST_HOUR if at < progress.HOUR else progress.LATER
            lines += 1
        return lines

    assert n_lines(1) == 60
    assert n_lines(24) < 400


def test_durations_are_as_exact_as_they_are_worth():
    assert [duration(seconds) for seconds in (0.4, 99, 101, 5999, 6001, 170_000, 180_000)] == [
        "0 s", "99 s", "2 min", "100 min", "1 h 40 min", "47 h 13 min", "2 d 2 h",
    ]  # fmt: skip
