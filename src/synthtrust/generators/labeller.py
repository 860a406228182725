"""The contract of what labels images that came without labels, which a trained run keeps."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Labeller(Protocol):
    """Makes label maps or classes of images, as real cases have them."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What it is, as plain JSON values.

        These are ``run``, its ``checkpoint`` by content, and how well it does on real test cases: ``dice`` or, where it
        tells classes, ``auc``.
        """

    def label_map(self, images: Mapping[str, NDArray[np.floating]]) -> NDArray[np.uint8]:
        """Return the label map ``(H, W, D)``, in the labels of the real cases.

        Args:
            images: Modality -> image ``(H, W, D)``, axes towards right, anterior and superior.
        """

    def classes(self, images: Sequence[Mapping[str, NDArray[np.floating]]]) -> list[int]:
        """Return the class of each image, in the values of the real cases.

        Args:
            images: Modality -> image ``(H, W)`` or ``(H, W, D)``.
        """
