"""The rows of the benchmarks as chapters of docs/benchmarks.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from statistics import median

from benchmarks.measure import Cost, Row, exponent

COLUMNS = ("work", "product", "peer", "times the peer", "to reach", "share of the limit", "peak memory", "same result")


@dataclass(frozen=True)
class Limits:
    """What this processor can do at best, measured with one thread."""

    bandwidth: float
    """Bytes a second."""
    float32: float
    """Operations a second."""

    def least_seconds(self, row: Row) -> float:
        """Return the seconds that the work takes at the limit of memory or of arithmetic; NaN if neither is stated."""
        comparison = row.comparison
        times = [comparison.bytes_moved / self.bandwidth, comparison.operations / self.float32]
        return max((seconds for seconds in times if isfinite(seconds)), default=float("nan"))


def seconds(values: Sequence[float]) -> str:
    """Return the median and the range of some durations.

    >>> seconds([0.0123, 0.0119, 0.02])
    '12.3 ms (11.9 to 20)'
    >>> seconds([2.0])
    '2 s'
    """
    factor, unit = (1000, "ms") if median(values) < 1 else (1, "s")
    middle, low, high = (f"{value * factor:.3g}" for value in (median(values), min(values), max(values)))
    return f"{middle} {unit}" + (f" ({low} to {high})" if len(values) > 1 else "")


def _memory(cost: Cost) -> str:
    """Return the peak memory of one side in MiB."""
    return f"{max(cost.memory):.0f} MiB" if isfinite(max(cost.memory)) else "unknown"


def _cells(row: Row, limits: Limits) -> list[str]:
    """Return one line of the table."""
    comparison, least = row.comparison, limits.least_seconds(row)
    ratio = ""
    if row.ratios:
        ratio = f"{median(row.ratios):.3g} ({min(row.ratios):.3g} to {max(row.ratios):.3g})"
    return [
        comparison.work,
        seconds(row.product.processor),
        f"{seconds(row.peer.processor)}, {comparison.peer_name}" if row.peer else "",
        ratio,
        comparison.goal,
        f"{least / row.product.median:.0%}" if isfinite(least) else "",
        _memory(row.product) + (f", peer {_memory(row.peer)}" if row.peer else ""),
        row.agreement,
    ]


def _growth(rows: Sequence[Row]) -> list[str]:
    """Return one sentence for each unit in which rows of a station differ."""
    sentences = []
    for unit in dict.fromkeys(row.comparison.grows_with for row in rows if row.comparison.grows_with):
        sized = sorted((row for row in rows if row.comparison.grows_with == unit), key=lambda row: row.comparison.size)
        small, large = sized[0], sized[-1]
        if small.comparison.size < large.comparison.size:
            sentences.append(
                f"Between {small.comparison.size:g} and {large.comparison.size:g} {unit} the time grows from "
                f"{seconds([small.product.median])} to {seconds([large.product.median])}, as the number of {unit} to "
                f"the power of {exponent(list(sized)):.2f}."
            )
    return sentences


def chapters(rows: Sequence[Row], limits: Limits) -> str:
    """Return a chapter in Markdown for each station, with its table and how its cost grows."""
    lines: list[str] = []
    for station, group in groupby(rows, key=lambda row: row.comparison.station):
        rows_of_station = list(group)
        table = [list(COLUMNS), *(_cells(row, limits) for row in rows_of_station)]
        filled = [i for i in range(len(COLUMNS)) if any(line[i] for line in table[1:])]
        titles, *cells = ([line[i] for i in filled] for line in table)
        lines += ["", f"## {station}", "", f"| {' | '.join(titles)} |", "|" + " --- |" * len(titles)]
        lines += [f"| {' | '.join(line)} |" for line in cells]
        for sentence in _growth(rows_of_station):
            lines += ["", sentence]
    return "\n".join(lines) + "\n"
