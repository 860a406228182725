"""Progress within a painting: a slow sampler reports its steps, so that a listener can estimate the time left."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Step = TypeVar("Step")
Listener = Callable[[float], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def report_steps(steps: Sequence[Step]) -> Iterator[Step]:
    """Yield the steps of a sampler; after each, tell the listener which share of them is done.

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
    """Call a function after every step that is reported while the block runs, with the share done, in (0, 1]."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
