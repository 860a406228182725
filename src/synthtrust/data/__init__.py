"""Cases in, batches out."""

from typing import TYPE_CHECKING

from synthtrust.lazy import import_when_asked

if TYPE_CHECKING:
    from synthtrust.data.augment import Affine, EachImage
    from synthtrust.data.cache import Prepared, prepare
    from synthtrust.data.classification import ClassificationDataModule
    from synthtrust.data.image_cache import ImageTable, image_table
    from synthtrust.data.images import ImageCases
    from synthtrust.data.mixed import MixedCases
    from synthtrust.data.positional_prior import PositionalPrior
    from synthtrust.data.segmentation import SegmentationDataModule

import_when_asked(__name__)

__all__ = [
    "Affine",
    "EachImage",
    "ImageCases",
    "ImageTable",
    "MixedCases",
    "SegmentationDataModule",
    "ClassificationDataModule",
    "PositionalPrior",
    "Prepared",
    "image_table",
    "prepare",
]
