"""The ranges of the numbers that a training takes: what would fail after hours, or train nothing, is refused."""

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from numbers import Integral, Real
from types import NoneType
from typing import Any, get_args

from synthtrust.machine import AUTO

LEAST: Mapping[str, int] = {
    "seed": 0, "sample_every": 0, "num_res_blocks": 1, "pack": 1, "timesteps": 2, "sampling_steps": 2, "max_steps": 1,
    "batch_size": 1, "accumulate": 1, "brain_label": 1, "channels": 1, "dilations": 1, "spade_channels": 1,
    "style_size": 1, "critic_channels": 1, "critic_layers": 1, "critics": 1,
}  # fmt: skip
"""Field -> the least of a whole number, or of each in a list."""

RANGES: Mapping[str, tuple[str, Callable[[float], bool]]] = {
    "lr": ("above 0", lambda value: value > 0),
    "critic_lr": ("above 0", lambda value: value > 0),
    "grad_clip": ("above 0", lambda value: value > 0),
    "ema_decay": ("from 0 to below 1", lambda value: 0 <= value < 1),
    "white": ("above 0 and up to 100", lambda value: 0 < value <= 100),
    "reconstruction_weight": ("of at least 0", lambda value: 0 <= value < math.inf),
    "feature_weight": ("of at least 0", lambda value: 0 <= value < math.inf),
    "style_weight": ("of at least 0", lambda value: 0 <= value < math.inf),
}
"""Field -> its range in words, and whether a number lies in it."""

PRECISIONS = (AUTO, "32-true", "bf16-mixed")


def check_ranges(generator: Any) -> None:
    """Check the numbers of a generator, a dataclass, as far as this module knows its fields.

    Raises:
        ValueError: If one is no number or out of its range.
    """
    for field in fields(generator):
        name, value = field.name, getattr(generator, field.name)
        if value is None and NoneType in get_args(field.type):
            continue
        if name in LEAST and not _is_whole(value, LEAST[name], several=isinstance(field.default, tuple)):
            several = "whole numbers, each" if isinstance(field.default, tuple) else "a whole number"
            raise ValueError(f"Expected {name} to be {several} of at least {LEAST[name]}, but got {value!r}.")
        if name in RANGES and not (isinstance(value, Real) and RANGES[name][1](float(value))):
            raise ValueError(f"Expected {name} to be a number {RANGES[name][0]}, but got {value!r}.")
        if name == "precision" and value not in PRECISIONS:
            raise ValueError(f"Expected precision among {list(PRECISIONS)}, but got {value!r}.")


def _is_whole(value: Any, least: int, *, several: bool) -> bool:
    if several:
        return isinstance(value, tuple) and bool(value) and all(_is_whole(one, least, several=False) for one in value)
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least
