"""Stopping a command on purpose: by Ctrl-C, or by the signal of a scheduler whose time is up."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2")
"""Ctrl-C, the end of a job, and the two by which a scheduler says beforehand that its time is up."""

SIGNALS = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))


class Interrupted(SystemExit):
    """The command was stopped by a signal; it is no ``Exception``, so that nothing passes over it.

    >>> Interrupted(signal.SIGTERM).code, Interrupted(signal.SIGINT).code
    (143, 130)
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raise ``Interrupted`` where the main thread stands when a signal comes, as long as the block runs.

    Ranks that train together are left to Lightning, which stops them after the same step.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    owner = os.getpid()

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:  # a worker that was forked, which has nothing to say
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif signal.getsignal(number) is stop or "LOCAL_RANK" not in os.environ:
            raise Interrupted(number)

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
