"""Cases in, batches out."""

from synthtrust.data.cache import Prepared, prepare
from synthtrust.data.datamodule import MixedDataModule

__all__ = ["MixedDataModule", "Prepared", "prepare"]
