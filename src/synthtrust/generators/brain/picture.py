"""The picture by which a training can be watched: a real case above the image that was painted on its label."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from synthtrust.cases import Case
from synthtrust.cases.volumes import axial_slice
from synthtrust.files import aside

TILE = 2.2  # [inch], side of one image
OUTLINES = ("#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999")  # Okabe and Ito 2008, one per label in turn


def draw_beside(real: Case, painted: Mapping[str, NDArray], title: str, path: Path) -> None:
    """Write a picture of one axial slice: a column per modality, the real images above, labels outlined in both.

    The slice is the one with the most labelled voxels (the middle one of an empty label map), anterior up and the
    patient's right on the left by the file's affine. Grey levels run from the 1st to the 99.5th percentile of each
    shown image inside its foreground, so that contrasts can be compared and intensities not.

    Args:
        real: The case whose label was painted on.
        painted: Modality name -> image ``(H, W, D)`` on the label's grid.
        title: Title of the picture.
        path: Path of the PNG file.
    """
    label = real.load_label()
    labelled = (label > 0).sum(axis=(0, 1))
    height = int(labelled.argmax()) if labelled.any() else label.shape[2] // 2
    outlined = axial_slice(label, height)
    figure = Figure(figsize=(TILE * len(painted), 2 * TILE + 0.3), layout="constrained", facecolor="black")
    figure.suptitle(title, color="white", fontsize=9, parse_math=False)
    for row, name in enumerate(("real", "painted")):
        for column, modality in enumerate(painted):
            image = real.load_image(modality) if row == 0 else painted[modality]
            axes = figure.add_subplot(2, len(painted), row * len(painted) + column + 1)
            axes.set_axis_off()
            axes.set_title(f"{modality}, {name}", color="white", fontsize=8, parse_math=False)
            shown = axial_slice(image, height)
            low, high = _window(shown)
            axes.imshow(shown, cmap="gray", vmin=low, vmax=high)
            for value in np.unique(outlined[outlined > 0]).tolist():
                colour = OUTLINES[(value - 1) % len(OUTLINES)]
                axes.contour(outlined == value, levels=[0.5], colors=[colour], linewidths=0.8)
    with aside(path) as temporary:
        figure.savefig(temporary, dpi=100)


def _window(image: NDArray) -> tuple[float, float]:
    inside = image[image != 0]
    low, high = np.percentile(inside, [1, 99.5]) if inside.size else (0.0, 1.0)
    return float(low), float(max(high, low + 1e-6))
