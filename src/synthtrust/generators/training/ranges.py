"""The ranges of the numbers that a training takes: what would fail after hours, or train nothing, is refused."""

from dataclasses import fields
from numbers import Integral, Real
from types import NoneType
from typing import Any, get_args

from synthtrust.conventions import LEAST, PRECISIONS, RANGES
from synthtrust.refusals import Refusal


def check_ranges(generator: Any) -> None:
    """Check the numbers of a generator, a dataclass, as far as this module knows its fields.

    Raises:
        Refusal: If one is no number or out of its range.
    """
    for field in fields(generator):
        name, value = field.name, getattr(generator, field.name)
        if value is None and NoneType in get_args(field.type):
            continue
        if name in LEAST and not _is_whole(value, LEAST[name], several=isinstance(field.default, tuple)):
            several = "whole numbers, each" if isinstance(field.default, tuple) else "a whole number"
            raise Refusal(f"Expected {name} to be {several} of at least {LEAST[name]}, but got {value!r}.")
        if name in RANGES and not (isinstance(value, Real) and RANGES[name][1](float(value))):
            raise Refusal(f"Expected {name} to be a number {RANGES[name][0]}, but got {value!r}.")
        if name == "precision" and value not in PRECISIONS:
            raise Refusal(f"Expected precision among {list(PRECISIONS)}, but got {value!r}.")


def _is_whole(value: Any, least: int, *, several: bool) -> bool:
    if several:
        return isinstance(value, tuple) and bool(value) and all(_is_whole(item, least, several=False) for item in value)
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least
