"""The templates beside this file, and the marks they share."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from synthtrust.report.layout import MARKS_OF_INFERENCE

MARKS = {
    "SUPPORTED": ("supported", "✓"),
    "NOT SUPPORTED": ("refuted", "✗"),
    "INCONCLUSIVE": ("open", "?"),
    "not assessed": ("unasked", "–"),
    "not applicable": ("unasked", "·"),
}
"""Verdict -> class of its colour, and a sign before the word, so that colour is never the only difference."""


LONG = 15
"""Rows from which a table is folded up."""


def environment() -> Environment:
    """Return the templates; a name that was not given is an error, and text is escaped."""
    templates = Environment(
        loader=PackageLoader("synthtrust.report", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    templates.globals.update(MARKS=MARKS, LONG=LONG, MARKS_OF_INFERENCE=MARKS_OF_INFERENCE)
    return templates
