"""One plane of an image, to be looked at."""

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case
from synthtrust.cases.formats.rasters import is_raster
from synthtrust.cases.volumes import axial_slice


def plane(case: Case, modality: str) -> NDArray[np.float32]:
    """Return the middle axial slice of a volume, anterior up and the patient's right on the left; a plane as it is."""
    image, path = case.load_image(modality), case.images[modality]
    if image.ndim == 2 or is_raster(path):
        return image
    return axial_slice(image, image.shape[2] // 2)
