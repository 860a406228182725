"""Edited masks: label maps made from those of training cases, which any generator paints on."""

from synthtrust.generators.edited_masks.generator import EditedMasks

__all__ = ["EditedMasks"]
