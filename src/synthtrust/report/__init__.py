"""Tables in, one self-contained page out; no torch here, so that a page can be redrawn on a laptop."""

from synthtrust.report.layout import Chapter, Figure, LegendEntry, Section, Table
from synthtrust.report.page import write_report
from synthtrust.report.slices import SliceRow, Slices

__all__ = [
    "write_report",
    # what an audit of one's own puts on the page
    "Chapter",
    "Section",
    "Figure",
    "LegendEntry",
    "Table",
    # pictures of cases
    "Slices",
    "SliceRow",
]
