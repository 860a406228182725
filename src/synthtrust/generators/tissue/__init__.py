"""Tissue: the cheap honest baseline for label maps."""

from synthtrust.generators.tissue.generator import Tissue

__all__ = ["Tissue"]
