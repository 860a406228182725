"""A peer in a process of its own, as a user's script runs: without what this project sets for its commands."""

import os
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

from benchmarks.measure import Cost, Elsewhere, measured
from synthtrust.allocation import LARGE_PAGES

Make = Callable[..., Callable[[], Any]]


class Apart(Elsewhere):
    """Work that another process does when it is called, and whose cost that process measures.

    Args:
        make: A function of a module; called in the other process, it returns the work.
        args: What it is called with.
    """

    def __init__(self, make: Make, *args: Any) -> None:
        context = get_context("spawn")
        self.pipe, end = context.Pipe()
        large_pages = os.environ.pop(LARGE_PAGES, None)
        self.process = context.Process(target=_serve, args=(end, make, args), daemon=True)
        self.process.start()
        if large_pages is not None:
            os.environ[LARGE_PAGES] = large_pages

    def __call__(self) -> Any:
        """Do the work once and return its result."""
        return self.measured(Cost())

    def measured(self, cost: Cost) -> Any:
        """Do the work once, add what it cost to `cost`, and return its result.

        Raises:
            RuntimeError: If the other process has ended.
        """
        try:
            self.pipe.send("once more")
            result, *spent = self.pipe.recv()
        except (EOFError, BrokenPipeError) as error:
            self.process.join()  # until it has ended it has no exit code
            raise RuntimeError(
                f"Expected a peer that works, but its process ended with {self.process.exitcode}."
            ) from error
        for numbers, number in zip((cost.processor, cost.wall, cost.memory), spent, strict=True):
            numbers.append(number)
        return result

    def end(self) -> None:
        """End the other process."""
        self.process.terminate()
        self.process.join()


def _serve(pipe: Any, make: Make, args: tuple[Any, ...]) -> None:
    work = make(*args)
    while True:
        try:
            pipe.recv()
        except EOFError:
            return
        result = measured(work, cost := Cost())
        pipe.send((result, cost.processor[0], cost.wall[0], cost.memory[0]))
