"""Images of classes: classified cases in, one array out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from synthtrust.cases import Case
from synthtrust.cases.resizing import resize
from synthtrust.generators.memory import classified
from synthtrust.refusals import Refusal


@dataclass(frozen=True)
class ClassImages:
    """The training images of a cohort of classes or findings, all of one size."""

    images: NDArray[np.float32]
    """Shape ``(N, M, *size)``, in the intensity units of the files."""
    classes: NDArray[np.int64]
    """Shape ``(N,)``, from 0 to C - 1, each class at least once; or 0 and 1 for each of C findings, ``(N, C)``."""
    modalities: tuple[str, ...]

    @property
    def findings(self) -> bool:
        """Whether images have findings that do not exclude each other, and no class."""
        return self.classes.ndim == 2

    @property
    def n_classes(self) -> int:
        """C."""
        return self.classes.shape[1] if self.findings else int(self.classes.max()) + 1


def gather(cases: Sequence[Case], size: Sequence[int] | None = None) -> ClassImages:
    """Read the images of cases with classes or findings.

    Args:
        cases: Plane images or volumes.
        size: Sides that every image is resized to, its proportions not kept; None for the size they all have.

    Raises:
        Refusal: If there are no cases, a case has a label map or other modalities, a class below the highest has no
            case, or the images differ in size or do not fit ``size``.
    """
    if not classified(cases):
        raise Refusal(
            f"Expected cases with a class, but {cases[0].id} has a label map. Use a generator for label maps."
        )
    modalities = tuple(cases[0].images)
    if odd := [case for case in cases if set(case.images) != set(modalities)]:
        raise Refusal(f"Expected modalities {list(modalities)}, but {odd[0].id} has {list(odd[0].images)}.")
    classes = np.array([case.target for case in cases], np.int64)
    if classes.ndim == 1 and (missing := sorted(set(range(classes.max() + 1)) - set(classes.tolist()))):
        raise Refusal(
            f"Expected training cases of every class from 0 to {classes.max()}, but got none of {missing}. Add cases, "
            "or number the classes anew."
        )
    images = [_read(case, modalities, size) for case in cases]
    shapes = Counter(image.shape[1:] for image in images)
    if len(shapes) > 1:
        (usual, n), *_ = shapes.most_common()
        other = next(case.id for case, image in zip(cases, images) if image.shape[1:] != usual)
        raise Refusal(
            f"Expected images of one size, but {other} is not {usual} as {n} others are. Set size, which resizes all."
        )
    return ClassImages(np.stack(images), classes, modalities)


def _read(case: Case, modalities: Sequence[str], size: Sequence[int] | None) -> NDArray[np.float32]:
    image = np.stack([case.load_image(modality) for modality in modalities])
    if size is None:
        return image
    if image.ndim - 1 != len(size):
        raise Refusal(f"Expected size to have an entry per axis of {case.id}, {image.shape[1:]}, but got {size}.")
    return resize(torch.from_numpy(image), size).numpy()
