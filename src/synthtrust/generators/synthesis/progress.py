"""Progress within a painting: a slow sampler counts its steps, and whoever listens can tell the time left."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Step = TypeVar("Step")
Listener = Callable[[float], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def report_steps(steps: Sequence[Step]) -> Iterator[Step]:
    """Yield the steps of a sampler; after each, the listener is told which share of them is done.

    >>> shares = []
    >>> with receive_progress(shares.append):
    ...     list(report_steps("ab"))
    ['a', 'b']
    >>> shares
    [0.5, 1.0]
    """
    listener = _listener.get()
    for number, step in enumerate(steps, start=1):
        yield step
        if listener is not None:
            listener(number / len(steps))


@contextmanager
def receive_progress(listener: Listener) -> Iterator[None]:
    """Let a function hear of every step that is done while the block runs, as a share in (0, 1]."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
