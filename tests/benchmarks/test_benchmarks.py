"""The benchmarks' frame: sides are measured in turn, unequal work is refused, and a chapter says what was measured."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.document import Limits, chapters
from benchmarks.measure import Comparison, Cost, Row, compare, exponent
from benchmarks.stations import stations

LIMITS = Limits(bandwidth=1e9, float32=1e10)


def busy(seconds: float) -> None:
    """Use so much processor time."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def comparison(**changes: object) -> Comparison:
    """Return a comparison of a product with a peer that takes ten times as long."""
    base = Comparison("Station", "work", lambda: busy(0.002), "5 x", lambda: busy(0.02), "a slow peer", rounds=3)
    return replace(base, **changes)  # type: ignore[arg-type]


def test_the_ratio_is_that_of_the_processor_times() -> None:
    """A peer of ten times the processor time is measured as such, give or take what the measuring costs."""
    row = compare(comparison())
    assert len(row.ratios) == 3
    assert 4 < sorted(row.ratios)[1] < 20


def test_time_spent_asleep_is_not_processor_time() -> None:
    """Waiting is seen on the clock and not in the processor time."""
    row = compare(comparison(product=lambda: time.sleep(0.05), peer=None, rounds=1))
    assert row.product.wall[0] > 0.04
    assert row.product.processor[0] < 0.04
    assert row.ratios == []


def test_unequal_results_end_the_benchmark() -> None:
    """The agreement takes both results, and what it raises is not swallowed."""

    def same(product: int, peer: int) -> str:
        if product != peer:
            raise ValueError(f"Expected {peer}, but got {product}.")
        return "equal"

    assert compare(comparison(product=lambda: 1, peer=lambda: 1, agreement=same)).agreement == "equal"
    with pytest.raises(ValueError, match="Expected 2, but got 1"):
        compare(comparison(product=lambda: 1, peer=lambda: 2, agreement=same))


def sized(cases: float, seconds: float) -> Row:
    """Return a row with a size and a made-up time."""
    sized_comparison = comparison(size=cases, grows_with="cases", bytes_moved=1e8)
    return Row(sized_comparison, Cost([seconds], [1.0], [3.0]), Cost([4.0], [1.0], [5.0]), "")


def rows() -> list[Row]:
    """Return a station at two sizes."""
    return [sized(10, 0.2), sized(100, 2.0)]


def test_a_chapter_has_the_numbers_and_the_growth_and_no_empty_column() -> None:
    """Median, ratio, share of the limit, memory of both sides, exponent."""
    text = chapters(rows(), LIMITS)
    assert "| work | 200 ms | 4 s, a slow peer | 20 (20 to 20) | 5 x | 50% | 3 MiB, peer 5 MiB |\n" in text
    assert "as the number of cases to the power of 1.00." in text
    assert "same result" not in text
    assert exponent(rows()) == pytest.approx(1)


def test_work_that_is_done_once_is_measured_the_first_time_with_the_files_that_it_leaves(tmp_path) -> None:
    """A second round would find it done; the files count after the first."""

    def write() -> Path:
        (tmp_path / "file").write_text("x" * 2000)
        assert not (tmp_path / "again").exists()
        (tmp_path / "again").mkdir()
        return tmp_path

    row = compare(comparison(product=write, peer=None, is_done_once=True, leaves=Path))
    assert (len(row.product.wall), row.files, row.disk) == (1, 1, 2000)
    assert "| 1 | 0.00191 MiB |" in chapters([row], LIMITS)


def test_the_growth_of_many_works_is_a_table_of_exponents_of_time_memory_files_and_disk() -> None:
    """Memory that a small size hardly takes has no exponent."""
    named = [
        replace(row, comparison=replace(row.comparison, grows_with=f"cases ({name})"), files=files, disk=files**2)
        for name in "abcdef"
        for row, files in zip(rows(), (10, 1000))
    ]
    assert "| cases (a) | 10 | 100 | 1.00 |  | 2.00 | 4.00 |" in chapters(named, LIMITS)


def test_every_station_is_found() -> None:
    """The frame's own modules are no stations."""
    assert "start_up" in stations()
    assert not {"measure", "document", "stations"} & set(stations())
