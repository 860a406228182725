"""Masks that lie among images: a segmentation's label maps are no cases of a class."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from synthtrust.cases.formats.rasters import is_raster, read_pixels
from synthtrust.refusals import CaseError

WORDS = re.compile(
    r"(?<![a-z])(masks?|segs?|segmentations?|labels?|annotations?|gt|ground[ _-]?truths?)(?![a-z])", re.IGNORECASE
)
"""In the name of a file or folder; ``benign (1)_mask.png``, ``ISIC_0_segmentation.png``, ``GroundTruth/``."""

LOOKED_AT = 48  # images
BILEVEL = 1 / 8  # share of images with two grey levels, from which some of them are masks of the others

HELP = (
    "Say which files are the images with cases.files='images/*', or which are not with cases.exclude_files='*_mask*'; "
    "cases.files='*' takes them all."
)


def looks_like_a_mask(name: str | Path) -> bool:
    """Whether a name, or a path, has a word that masks are called by.

    >>> [looks_like_a_mask(name) for name in ("masks/7.png", "benign (1)_mask.png", "damask.png", "IM_gt.png")]
    [True, True, False, True]
    """
    return WORDS.search(str(name)) is not None


def check_no_masks(images: Mapping[Path, Path], root: Path) -> None:
    """Check that none of some images is called, or looks, like the mask of another.

    Names count only where some images have them and others do not, and so do two grey levels: some sets of images are
    black and white, or called after a class.

    Args:
        images: Path of each file -> its path below the folder of its class.
        root: The folder of all, for the message.

    Raises:
        CaseError: If some are.
    """
    named = [path for path, name in images.items() if looks_like_a_mask(name)]
    if 0 < len(named) < len(images):
        raise CaseError(
            f"Expected images, but {len(named)} of {len(images)} in {root} are called as masks are, first {named[0]}. "
            f"{HELP}"
        )
    # at random: images and masks may take turns
    chosen = np.random.default_rng(0).choice(len(images), min(LOOKED_AT, len(images)), replace=False)
    paths = list(images)
    some = [paths[i] for i in sorted(chosen)]
    bilevel = [path for path in some if _is_bilevel(path)]
    if BILEVEL * len(some) <= len(bilevel) < len(some) and bilevel:
        raise CaseError(
            f"Expected images, but {len(bilevel)} of {len(some)} that were looked at in {root} have two grey levels at "
            f"most, as masks do, first {bilevel[0]}. {HELP}"
        )


def _is_bilevel(path: Path) -> bool:
    if not is_raster(path):
        return False
    try:
        pixels = read_pixels(path)
    except CaseError:  # is refused by name where every image is checked
        return False
    few = pixels[:: 1 + len(pixels) // 64, :: 1 + pixels.shape[1] // 64]  # tells nearly all images without a long sort
    return len(np.unique(few)) <= 2 and len(np.unique(pixels)) <= 2
