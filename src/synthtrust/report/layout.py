"""What a page is made of: chapters with an answer, sections, figures and tables."""

from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

Inference = Literal["intervals", "described", "no estimates"]
"""What a table says of other patients: it has intervals, though not each of its numbers may; it has estimates without
any; or it has nothing to estimate, only counts and words."""
DESCRIBED = "Described, not inferred."
BARE_MARKS = "Marks without a bar are described, not inferred."
"""What a drawing says in which not every mark has an interval."""
MARKS_OF_INFERENCE = {
    "intervals": "Numbers without an interval are described, not inferred.",
    "described": DESCRIBED,
    "no estimates": "",
}
"""What stands below the title of a table, so that no number looks surer than it is."""


@dataclass(frozen=True)
class LegendEntry:
    """One entry of a legend."""

    label: str
    colour: str
    """A name of ``style.COLOURS``."""
    glyph: str = "●"
    """Drawn before the label, so that colour is never the only difference."""
    series: str = ""
    """The series of the drawings that the entry shows and hides, see ``marks.series_id``; empty for none."""


@dataclass(frozen=True)
class Figure:
    """Panels with one caption: side by side where there is room, and one below the other on a phone."""

    title: str
    panels: tuple[str, ...]
    """Markup that needs no file beside the page: inline SVG, or images as data."""
    caption: str
    """How to read it, and what its intervals cover."""
    legend: tuple[LegendEntry, ...] = ()
    wide: bool = False


@dataclass(frozen=True)
class Table:
    """A table of text and numbers that are already formatted."""

    title: str
    frame: pd.DataFrame
    caption: str = ""
    inference: Inference = "described"
    stays_open: bool = False
    """Whether it is shown unfolded, however long it is: the answer of its section."""

    @property
    def full_caption(self) -> str:
        """The caption, and what the numbers say of other patients.

        >>> Table("Mean", pd.DataFrame({"mean": ["0.5"]}), "Over cases.").full_caption
        'Over cases. Described, not inferred.'
        """
        return f"{self.caption} {MARKS_OF_INFERENCE[self.inference]}".strip()


@dataclass(frozen=True)
class Section:
    """One question of a chapter, with the figures and tables that answer it."""

    title: str
    lead: str = ""
    """What it shows, in one sentence at its beginning."""
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    """How its numbers are to be read."""
    limit: str = ""
    """What it cannot show, in one or two sentences at its end."""

    @property
    def shown(self) -> "Section":
        """The section without figures that have no panel, and without tables that have no row.

        >>> len(Section("Why?", tables=(Table("None", pd.DataFrame()),)).shown.tables)
        0
        """
        figures = tuple(figure for figure in self.figures if figure.panels)
        return replace(self, figures=figures, tables=tuple(table for table in self.tables if len(table.frame)))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show: its figures and tables are empty, or it has neither those nor words.

        >>> empty = Table("None", pd.DataFrame())
        >>> Section("Why?", "Because.").is_empty, Section("Why?", "All:", tables=(empty,)).is_empty
        (False, True)
        """
        if self.figures or self.tables:
            return not (self.shown.figures or self.shown.tables)
        return not (self.lead or self.notes)


@dataclass(frozen=True)
class Chapter:
    """The contribution of one audit: its answer and summary at the top of the page, its sections further down."""

    answers: tuple[str, ...] = ()
    """Plain sentences with numbers and their intervals."""
    summary: tuple[Table, ...] = ()
    sections: tuple[Section, ...] = ()
