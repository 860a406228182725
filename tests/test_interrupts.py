"""A signal stops a command where it stands, and the exit code says which."""

import os
import signal
from contextlib import suppress

import pytest

from synthtrust.interrupts import SIGNALS, Interrupted, stopped_by_signals


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGUSR1, 138), (signal.SIGUSR2, 140)],
)
def test_a_signal_ends_the_work_with_the_usual_code_and_what_was_there_before_is_back(number, code):
    before = [signal.getsignal(each) for each in SIGNALS]
    with pytest.raises(Interrupted) as end, stopped_by_signals():
        os.kill(os.getpid(), number)
    assert end.value.code == code
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_nothing_that_passes_over_errors_passes_over_it():
    with pytest.raises(SystemExit), stopped_by_signals(), suppress(Exception):
        os.kill(os.getpid(), signal.SIGTERM)


def test_ranks_are_left_to_lightning_once_it_listens(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "0")
    heard = []
    with stopped_by_signals():
        ours = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, lambda number, frame: (heard.append(number), ours(number, frame)))
        os.kill(os.getpid(), signal.SIGTERM)
        assert heard == [signal.SIGTERM]
        signal.signal(signal.SIGTERM, ours)
        with pytest.raises(Interrupted):
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_worker_that_was_forked_ends_as_ever():
    with stopped_by_signals():
        if (child := os.fork()) == 0:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            finally:
                os._exit(7)
        _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGTERM
