"""The rows of the benchmarks as chapters of docs/benchmarks.md."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from statistics import median

from benchmarks.measure import MIB, Cost, Row, exponent

COLUMNS = (
    "work", "product", "peer", "times the peer", "to reach", "share of the limit", "peak memory", "files", "disk",
    "same result",
)  # fmt: skip
OTHER_COSTS: Mapping[str, tuple[Callable[[Row], float], float]] = {
    "peak memory": (lambda row: max(row.product.memory), 4),  # [MiB]: the system gives memory in such pieces
    "number of files": (lambda row: row.files, 1),
    "disk": (lambda row: row.disk, 1),
}
"""Cost -> how a row has it, and the least value of which growth can be told."""

MOST_SENTENCES = 5
"""Units of a station whose growth is told in sentences; of more there is a table."""


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
        f"{row.files:,}" if row.files else "",
        f"{row.disk / MIB:.3g} MiB" if row.files else "",
        row.agreement,
    ]


def _sized(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows of each unit in which rows differ, from the smallest size to the largest."""
    by_unit: dict[str, list[Row]] = {}
    for row in sorted((row for row in rows if row.comparison.grows_with), key=lambda row: row.comparison.size):
        by_unit.setdefault(row.comparison.grows_with, []).append(row)
    return {unit: rows for unit, rows in by_unit.items() if rows[0].comparison.size < rows[-1].comparison.size}


def _growth(rows: Sequence[Row]) -> list[str]:
    """Return how the cost of a station grows: a sentence for each unit, or one table where they are many."""
    sized = _sized(rows)
    return _growth_table(sized) if len(sized) > MOST_SENTENCES else [_sentence(unit, sized[unit]) for unit in sized]


def _sentence(unit: str, rows: list[Row]) -> str:
    small, large = rows[0], rows[-1]
    return (
        f"Between {small.comparison.size:g} and {large.comparison.size:g} {unit} the time grows from "
        f"{seconds([small.product.median])} to {seconds([large.product.median])}, as the number of {unit} to "
        f"the power of {exponent(rows):.2f}."
    )


def _growth_table(sized: Mapping[str, list[Row]]) -> list[str]:
    """Return a table of exponents, a line for each unit; a cost that a small size hardly has is left out."""
    titles = ["grows with the number of", "from", "to", "time", *OTHER_COSTS]
    lines = []
    for unit, rows in sized.items():
        ends = rows[0], rows[-1]
        powers = [
            f"{exponent(rows, cost):.2f}" if all(cost(row) >= least for row in ends) else ""
            for cost, least in OTHER_COSTS.values()
        ]
        cells = [unit, *(f"{row.comparison.size:,g}" for row in ends), f"{exponent(rows):.2f}", *powers]
        lines.append(f"| {' | '.join(cells)} |")
    head = f"| {' | '.join(titles)} |\n|{' --- |' * len(titles)}"
    return ["As the number to the power of:", "\n".join([head, *lines])]


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
