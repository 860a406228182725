"""Runs in, tables out: each audit asks one question of all runs together."""

from synthtrust.audits.pictures import twin_slices
from synthtrust.audits.trust import Trust

__all__ = ["Trust", "twin_slices"]
