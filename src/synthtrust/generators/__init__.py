"""Generators: real cases in, synthetic case sets out."""

from synthtrust.generators.base import Generator
from synthtrust.generators.replay import Replay
from synthtrust.generators.synthesize import synthesize
from synthtrust.generators.tissue import Tissue

__all__ = ["Generator", "Replay", "Tissue", "synthesize"]
