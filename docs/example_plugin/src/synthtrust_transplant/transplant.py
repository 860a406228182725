"""Transplant: another patient's images, with the tumour painted over them in the mean brightness of its labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from synthtrust.cases import Case, centre_crop_or_pad
from synthtrust.generators import Generator


@dataclass
class Transplant(Generator):
    """Learns one z-score per label and modality, and paints onto the images of a random training case, the donor.

    The donor's own tumour stays in the images.
    """

    noise: float = 0.3
    """Standard deviation of the noise within a label [standard deviations of the foreground]."""

    def fit(self, cases: Sequence[Case]) -> Self:
        """Learn the mean brightness of each label relative to the foreground (voxels that are not 0) of its case."""
        self.donors_ = list(cases)
        labels = np.concatenate([case.load_label().ravel() for case in cases])
        count = np.maximum(np.bincount(labels, minlength=256), 1)
        self.z_ = {}
        for modality in cases[0].images:
            z = np.concatenate([_z(case.load_image(modality)).ravel() for case in cases])
            self.z_[modality] = np.bincount(labels, z, minlength=256) / count
        return self

    def sample(self, label: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Paint the labelled voxels into a donor's images, shape ``(H, W, D)``, in the donor's intensity units."""
        donor = self.donors_[rng.integers(len(self.donors_))]
        grain = self.noise * rng.standard_normal(label.shape)
        images = {}
        for modality, mean in self.z_.items():
            image = centre_crop_or_pad(donor.load_image(modality), label.shape)
            inside = image[image != 0]
            images[modality] = np.where(label > 0, inside.mean() + inside.std() * (mean[label] + grain), image)
        return images


def _z(image: np.ndarray) -> np.ndarray:
    inside = image[image != 0]
    return (image - inside.mean()) / inside.std()
