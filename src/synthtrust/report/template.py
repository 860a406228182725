"""The templates beside this file, and the marks they share."""

import base64
import hashlib
import re
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from synthtrust.report.downloads import csv_address, svg_address
from synthtrust.report.layout import MARKS_OF_INFERENCE
from synthtrust.report.style import COLOURS
from synthtrust.report.terms import TermMarker

MARKS = {
    "SUPPORTED": ("supported", "✓"),
    "NOT SUPPORTED": ("refuted", "✗"),
    "INCONCLUSIVE": ("open", "?"),
    "not assessed": ("unasked", "–"),
    "not applicable": ("unasked", "·"),
}
"""Verdict -> class of its colour, and a sign before the word, so that colour is never the only difference."""


SCRIPT = files("synthtrust.report").joinpath("page.js").read_text(encoding="utf-8")
"""What the page does where scripts run; inlined, and named by its hash in the page's content-security policy."""

LONG, SHORT = 8, 3
"""Rows that a table shows unfolded, or names a sentence lists; and rows of a table that has a figure above it."""

EXPLAINED = ("Measure", "Factor", "Control", "Test")
"""Names of first columns whose words are the page's, and not the data's."""


def environment() -> Environment:
    """Return the templates; a name that was not given is an error, and text is escaped."""
    templates = Environment(
        loader=PackageLoader("synthtrust.report", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    templates.globals.update(MARKS=MARKS, LONG=LONG, SHORT=SHORT, MARKS_OF_INFERENCE=MARKS_OF_INFERENCE)
    templates.globals.update(EXPLAINED=EXPLAINED, marker=TermMarker, slug=slug, csv_address=csv_address)
    templates.filters["svg_address"] = lambda drawing: svg_address(drawing, COLOURS)
    templates.globals.update(SCRIPT=SCRIPT, SCRIPT_HASH=hash_of(SCRIPT))
    return templates


def slug(title: str) -> str:
    """Return a title as a part of an address or of a file's name.

    >>> slug("Is it so? (A)"), slug("???")
    ('is-it-so-a', 'section')
    """
    return re.sub(r"\W+", "-", title.lower()).strip("-") or "section"


def hash_of(script: str) -> str:
    """Return how a content-security policy names an inlined script.

    >>> hash_of("")
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def without_direction(page: str) -> str:
    r"""Return a page on which characters that turn the direction of writing are named, and turn nothing.

    >>> without_direction("a\u202egnp.exe")
    'a[U+202E]gnp.exe'
    """
    return DIRECTION.sub(lambda character: f"[U+{ord(character[0]):04X}]", page)
