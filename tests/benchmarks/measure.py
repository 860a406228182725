"""One comparison: the product and its peer, run in turn on equal work, in processor time and peak memory."""

import resource
import statistics
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, log, nan
from pathlib import Path
from typing import Any

MIB = 2**20


@dataclass(frozen=True)
class Cost:
    """What one side of a comparison cost in each round."""

    processor: list[float] = field(default_factory=list)
    """Seconds of processor time, user and system, of all threads and of finished child processes."""
    wall: list[float] = field(default_factory=list)
    """Seconds on the clock."""
    memory: list[float] = field(default_factory=list)
    """MiB that the process grew at its peak, above what it held before."""

    @property
    def median(self) -> float:
        """The median processor time in seconds."""
        return statistics.median(self.processor)


class Elsewhere(ABC):
    """Work that is done in another process, which knows what it cost."""

    @abstractmethod
    def __call__(self) -> Any:
        """Do the work once and return its result."""

    @abstractmethod
    def measured(self, cost: Cost) -> Any:
        """Do the work once, add what it cost to `cost`, and return its result."""


@dataclass(frozen=True)
class Comparison:
    """A piece of work, done by this project and by a peer, with what proves that both did the same."""

    station: str
    """The station of a study, a title of the document."""
    work: str
    """The work and its size, in words."""
    product: Callable[[], Any]
    """Does the work with this project and returns its result."""
    goal: str
    """What is to be reached, in words."""
    peer: Callable[[], Any] | None = None
    """Does the same work as a user would write it without this project; None where only seconds are promised."""
    peer_name: str = ""
    """The peer, in words."""
    agreement: Callable[[Any, Any], str] = lambda product, peer: ""
    """Takes both results (None for a missing peer), raises if the work was not equal, and says how close they are."""
    rounds: int = 5
    """How often each side is measured, in turn."""
    bytes_moved: float = nan
    """The least number of bytes that any program has to read and write for this work."""
    operations: float = nan
    """The floating-point operations of this work."""
    size: float = nan
    """How large the work is, in `grows_with`; rows of one station and unit give an exponent."""
    grows_with: str = ""
    """What `size` counts: cases, voxels, alphas, seeds."""
    leaves: Callable[[Any], Path] | None = None
    """Takes the product's result and returns the folder whose files are counted; None for work that leaves none."""
    is_on_gpu: bool = False
    """Whether the clock counts in the place of processor time, and the GPU's memory in that of the process's."""
    keeps_memory: bool = False
    """Whether the memory counts that the product keeps from its first time on, beside what it takes at its peak."""
    is_done_once: bool = False
    """Whether the first time is measured, without a round before it: of work that a second time would find done."""


@dataclass(frozen=True)
class Row:
    """A comparison that was measured."""

    comparison: Comparison
    product: Cost
    peer: Cost | None
    agreement: str
    files: int = 0
    """Files that the product left."""
    disk: int = 0
    """Bytes that they take."""

    @property
    def ratios(self) -> list[float]:
        """How many times the processor time of the product the peer took, round by round; empty without a peer."""
        if self.peer is None:
            return []
        return [peer / product for product, peer in zip(self.product.processor, self.peer.processor, strict=True)]


def processor_time() -> float:
    """Return the seconds of processor time of this process and of its finished children."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _resident(key: str) -> float:
    """Return VmRSS (now) or VmHWM (peak) of this process in MiB; NaN where the system does not say."""
    status = Path("/proc/self/status")
    if not status.exists():
        return nan
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return float(lines[key].split()[0]) / 1024 if key in lines else nan


def _reset_peak() -> None:
    """Let the peak of the resident memory start again from what is resident now, where Linux allows it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # no Linux, or a container without the right: the peak is that of the whole process


def measured(work: Callable[[], Any], cost: Cost, *, is_on_gpu: bool = False, held: float | None = None) -> Any:
    """Do the work once, add what it cost to `cost`, and return its result.

    Args:
        work: The work.
        cost: What it cost before.
        is_on_gpu: See `Comparison`.
        held: What the process held when its growth began [MiB]; None for what it holds now.
    """
    if isinstance(work, Elsewhere):
        return work.measured(cost)
    if is_on_gpu:
        return _measured_on_gpu(work, cost)
    _reset_peak()
    before = _resident("VmRSS") if held is None else held
    started, spent = time.perf_counter(), processor_time()
    result = work()
    cost.processor.append(processor_time() - spent)
    cost.wall.append(time.perf_counter() - started)
    cost.memory.append(_resident("VmHWM") - before)
    return result


def _measured_on_gpu(work: Callable[[], Any], cost: Cost) -> Any:
    """Do the same for work on a GPU, which goes on behind what a process sees: by the clock, until it has ended."""
    import torch

    has_gpu = torch.cuda.is_available()
    if has_gpu:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    started = time.perf_counter()
    result = work()
    if has_gpu:
        torch.cuda.synchronize()
    cost.wall.append(time.perf_counter() - started)
    cost.processor.append(cost.wall[-1])
    cost.memory.append(torch.cuda.max_memory_allocated() / MIB if has_gpu else nan)
    return result


def compare(comparison: Comparison) -> Row:
    """Measure both sides in alternation, after one round that is not counted, and check that they agree.

    Example: a product that does a third of its peer's work.

        >>> work = lambda n: lambda: sum(range(n))
        >>> row = compare(Comparison("sums", "a sum", work(100_000), "2 x", work(300_000), "a longer sum", rounds=3))
        >>> len(row.ratios)
        3
    """
    product, peer = Cost(), (Cost() if comparison.peer else None)
    is_on_gpu, held = comparison.is_on_gpu, _resident("VmRSS") if comparison.keeps_memory else None
    result = measured(comparison.product, product) if comparison.is_done_once else comparison.product()
    peer_result = comparison.peer() if comparison.peer else None
    agreement = comparison.agreement(result, peer_result)
    files, disk = _contents(comparison.leaves(result)) if comparison.leaves else (0, 0)
    del result, peer_result
    for _ in range(0 if comparison.is_done_once else comparison.rounds):
        measured(comparison.product, product, is_on_gpu=is_on_gpu, held=held)
        if comparison.peer and peer is not None:
            measured(comparison.peer, peer, is_on_gpu=is_on_gpu)
    return Row(comparison, product, peer, agreement, files, disk)


def _contents(folder: Path) -> tuple[int, int]:
    """Return how many files lie in a folder and below it, and the bytes that they hold."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def exponent(rows: list[Row], cost: Callable[[Row], float] = lambda row: row.product.median) -> float:
    """Return b of cost = a * size ** b, from the smallest and the largest size of the rows.

    Args:
        rows: Rows of at least two sizes.
        cost: What of a row is meant, above 0; the median processor time by default.

    Raises:
        ValueError: if the rows do not have two sizes.
    """
    ordered = sorted(rows, key=lambda row: row.comparison.size)
    small, large = ordered[0], ordered[-1]
    if not small.comparison.size < large.comparison.size:
        raise ValueError(f"Expected rows of two sizes, but got {[row.comparison.size for row in rows]}.")
    return log(cost(large) / cost(small)) / log(large.comparison.size / small.comparison.size)


def bandwidth(mebibytes: int = 256, rounds: int = 5) -> float:
    """Return the bytes a second that one thread reads and writes while it copies an array."""
    import numpy as np

    source = np.ones(mebibytes * MIB, np.uint8)
    target = np.empty_like(source)
    best = inf
    for _ in range(rounds):
        started = time.process_time()
        np.copyto(target, source)
        best = min(best, time.process_time() - started)
    return 2 * source.nbytes / best


def float32_peak(size: int = 1536, channels: int = 128, side: int = 16, rounds: int = 5) -> float:
    """Return the float32 operations a second that one thread reaches, in a product of matrices or in a convolution.

    The better of both counts: MKL multiplies matrices on an AMD EPYC (family 26, model 2) without AVX-512, and oneDNN's
    convolutions of volumes were 2.5 times as fast.
    """
    import torch
    from torch.nn import functional

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    left, right = torch.rand(size, size), torch.rand(size, size)
    volumes, weight = torch.rand(2, channels, side, side, side), torch.rand(channels, channels, 3, 3, 3)
    works: list[tuple[float, Callable[[], Any]]] = [
        (2 * size**3, lambda: left @ right),
        (2 * 2 * 27 * channels**2 * side**3, lambda: functional.conv3d(volumes, weight, padding=1)),
    ]
    best = 0.0
    for operations, work in works * rounds:
        started = time.process_time()
        work()
        best = max(best, operations / (time.process_time() - started))
    torch.set_num_threads(threads)
    return best
