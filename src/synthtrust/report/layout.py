"""What a page is made of: chapters with an answer, sections, figures and tables."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class LegendEntry:
    """One entry of a legend."""

    label: str
    colour: str
    """A name of ``style.COLOURS``."""
    glyph: str = "●"
    """Drawn before the label, so that colour is never the only difference."""


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


@dataclass(frozen=True)
class Section:
    """One question of a chapter, with the figures and tables that answer it."""

    title: str
    lead: str = ""
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chapter:
    """The contribution of one audit: its answer and summary at the top of the page, its sections further down."""

    answers: tuple[str, ...] = ()
    """Plain sentences with numbers and their intervals."""
    summary: tuple[Table, ...] = ()
    sections: tuple[Section, ...] = ()
