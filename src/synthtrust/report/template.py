"""The templates beside this file, and the marks they share."""

import base64
import hashlib
from importlib.resources import files

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


SCRIPT = files("synthtrust.report").joinpath("page.js").read_text(encoding="utf-8")
"""What the page does where scripts run; inlined, and named by its hash in the page's content-security policy."""

LONG = 15
"""Rows from which a table is folded up."""


def environment() -> Environment:
    """Return the templates; a name that was not given is an error, and text is escaped."""
    templates = Environment(
        loader=PackageLoader("synthtrust.report", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    templates.globals.update(MARKS=MARKS, LONG=LONG, MARKS_OF_INFERENCE=MARKS_OF_INFERENCE)
    templates.globals.update(SCRIPT=SCRIPT, SCRIPT_HASH=hash_of(SCRIPT))
    return templates


def hash_of(script: str) -> str:
    """Return how a content-security policy names an inlined script.

    >>> hash_of("")
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
