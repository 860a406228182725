"""The contract of what labels images that came without labels, which a trained run keeps."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Labeller(Protocol):
    """Makes label maps of images."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What it is, as plain JSON values: ``run``, its ``checkpoint`` by content, and ``dice`` on real test cases."""

    def label_map(self, images: Mapping[str, NDArray[np.floating]]) -> NDArray[np.uint8]:
        """Return the label map ``(H, W, D)``, in the labels of the real cases.

        Args:
            images: Modality -> image ``(H, W, D)``, axes towards right, anterior and superior.
        """
