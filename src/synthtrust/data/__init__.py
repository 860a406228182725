"""Cases in, batches out."""

from synthtrust.data.augment import Affine, EachImage
from synthtrust.data.cache import Prepared, prepare
from synthtrust.data.datamodule import MixedDataModule
from synthtrust.data.image_cache import ImageTable, image_table
from synthtrust.data.images import ImageCases
from synthtrust.data.mixed import MixedCases
from synthtrust.data.mixed_images import MixedImages

__all__ = [
    "Affine",
    "EachImage",
    "ImageCases",
    "ImageTable",
    "MixedCases",
    "MixedDataModule",
    "MixedImages",
    "Prepared",
    "image_table",
    "prepare",
]
