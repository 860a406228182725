"""Small images that several tests of labelled cases draw."""

import numpy as np
from PIL import Image


def blobs(seed, shape=(40, 36)):
    """Draw a smooth image of 8 bits that no other seed draws, never flat and never square."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.uniform(20, 235, (9, 9)).astype(np.float32))
    return np.asarray(coarse.resize(shape[::-1], Image.Resampling.BICUBIC)).clip(0, 255).astype(np.uint8)


def colourful(seed, shape=(40, 36)):
    """Draw an image whose three channels have nothing in common."""
    return np.stack([blobs((seed, channel), shape) for channel in range(3)], axis=-1)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path
