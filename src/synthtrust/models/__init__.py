"""Batches in, predictions out."""

from synthtrust.models.checkpoint import AtomicCheckpointIO
from synthtrust.models.segmenter import Segmenter

__all__ = ["AtomicCheckpointIO", "Segmenter"]
