"""The templates beside this file, and the marks they share."""

from jinja2 import Environment, PackageLoader, StrictUndefined

MARKS = {
    "SUPPORTED": ("supported", "✓"),
    "NOT SUPPORTED": ("refuted", "✗"),
    "INCONCLUSIVE": ("open", "?"),
    "not assessed": ("unasked", "–"),
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
    templates.globals["MARKS"], templates.globals["LONG"] = MARKS, LONG
    return templates
