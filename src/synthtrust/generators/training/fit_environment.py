"""What surrounds a fit: its folder, randomness of its own, silence, and the name of what it learned from."""

import logging
import random
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from synthtrust.cases import Case
from synthtrust.cases.content import content_of
from synthtrust.files import fingerprint
from synthtrust.generators.base import Generator
from synthtrust.quiet import ANNOUNCERS, quiet_libraries


@contextmanager
def workplace(home: Path | None) -> Iterator[Path]:
    """Give the folder to work in; a temporary one if none was handed in."""
    if home is not None:
        yield home
        return
    with TemporaryDirectory(prefix="synthtrust_") as folder:
        yield Path(folder)


@contextmanager
def own_randomness(seed: int) -> Iterator[None]:
    """Let a network's first weights depend on a seed alone, and give the caller's random states back."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002  what others left there
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002


def training_key(generator: Generator, cases: Sequence[Case], leave_out: Collection[str]) -> str:
    """Name what a checkpoint was trained from, but for some fields; one of anything else is not gone on with."""
    left_out = {*leave_out, *generator.unsaid}
    hyper: dict[str, Any] = {name: value for name, value in asdict(generator).items() if name not in left_out}
    content = [[case.id, content_of(case)] for case in cases]
    return fingerprint([hyper, content])


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Lightning from announcing the devices of the machine, and from warning of what is as it should be."""
    loggers = [logging.getLogger(name) for name in ANNOUNCERS]
    levels = [logger.level for logger in loggers]
    try:
        with warnings.catch_warnings():
            quiet_libraries()
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
