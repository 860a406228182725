"""Structural similarity of two images, with separable filters: 33 products a voxel where a 3-D convolution takes 1,331.

The values at each voxel are those of torchmetrics. They are averaged over the voxels whose Gaussian lies inside the
image, as in the paper; torchmetrics includes mirrored borders in the mean of SSIM, but not in that of contrast and
structure.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from synthtrust.refusals import Refusal

Array = NDArray[np.float64]

TRUNCATE = 3.5
"""Half width of the Gaussian [standard deviations], as in torchmetrics: 11 voxels in all for a sigma of 1.5."""
K1, K2 = 0.01, 0.03
"""The constants of the paper, which prevent a division by zero in flat regions."""


def similarity(first: Array, second: Array, data_range: float, sigma: float = 1.5) -> tuple[float, float]:
    r"""Return the mean SSIM of two images, and the mean of its second factor, contrast and structure.

    .. math:: \frac{(2\mu_x\mu_y + c_1)(2\sigma_{xy} + c_2)}{(\mu_x^2 + \mu_y^2 + c_1)(\sigma_x^2 + \sigma_y^2 + c_2)}

    Means and variances are Gaussian-weighted around each voxel; voxels nearer to the border than the Gaussian
    reaches are left out of the mean.

    Source: Wang et al., "Image quality assessment: from error visibility to structural similarity" (2004).

    Args:
        first: An image of one modality, ``(*spatial)``.
        second: An image of the same shape.
        data_range: Range of intensities.
        sigma: The standard deviation of the Gaussian [voxels].

    Raises:
        Refusal: If an axis is not longer than twice the reach of the Gaussian.

    >>> ramp = np.arange(400.0).reshape(20, 20)
    >>> [round(value, 4) for value in similarity(ramp, ramp + 40, data_range=400.0)]  # brighter, of equal structure
    [0.9794, 1.0]
    """
    reach = int(TRUNCATE * sigma + 0.5)
    if min(first.shape) <= 2 * reach or first.shape != second.shape:
        raise Refusal(
            f"Expected two images of one shape with more than {2 * reach} voxels along each axis, but got "
            f"{first.shape} and {second.shape}."
        )
    inner = (slice(reach, -reach),) * first.ndim

    def smooth(x: Array) -> Array:
        return ndimage.gaussian_filter(x, sigma, truncate=TRUNCATE, mode="mirror")[inner]

    x, y = first.astype(np.float64), second.astype(np.float64)
    mean_x, mean_y = smooth(x), smooth(y)
    spread = np.maximum(smooth(x * x) - mean_x**2, 0) + np.maximum(smooth(y * y) - mean_y**2, 0)
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    structure = (2 * (smooth(x * y) - mean_x * mean_y) + c2) / (spread + c2)
    level = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return float((level * structure).mean()), float(structure.mean())
