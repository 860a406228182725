"""A case: the images of one patient at one time, their label map or class, and where they came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases.errors import CaseError
from synthtrust.cases.rasters import RASTERS, read_raster
from synthtrust.cases.volumes import read_volume


class Source(StrEnum):
    """Where the images of a case come from."""

    REAL = "real"
    SYNTHETIC = "synthetic"


@dataclass(frozen=True)
class Case:
    """One labelled volume or plane image on disk, all its files on one grid ``(H, W, D)`` or ``(H, W)``.

    A twin (a synthetic case painted on the label of a real one) keeps the ``id`` of that real case: it pairs them.
    """

    id: str
    images: Mapping[str, Path]
    """Canonical modality name -> NIfTI, PNG, JPEG, TIFF or BMP file."""
    label: Path | int
    """NIfTI file with the label map; or the class of the whole image, counted from 0."""
    source: Source = Source.REAL
    patient: str = ""
    """Whom the case belongs to; several cases may share one patient. The case's own id when not given."""
    channels: Mapping[str, int] = field(default_factory=dict)
    """Modality name -> index along the last axis, for files that hold several modalities (a colour is one)."""
    relabel: Mapping[int, int] | None = None
    """Value in the label file -> canonical label; any other value is refused. None: the file is canonical already."""
    part: str = ""
    """``train``, ``val`` or ``test`` when its publisher has split the cohort; empty when nobody did."""
    label_hint: str = field(default="", compare=False)
    """What to do about a value that ``relabel`` does not know, as the reader of these cases has it."""

    def __post_init__(self) -> None:
        if not self.patient:
            object.__setattr__(self, "patient", self.id)
        object.__setattr__(self, "images", MappingProxyType({name: Path(p) for name, p in self.images.items()}))
        if not isinstance(self.label, int):
            object.__setattr__(self, "label", Path(self.label))

    def __reduce__(self) -> tuple[type["Case"], tuple[object, ...]]:  # a mappingproxy does not pickle
        relabel = None if self.relabel is None else dict(self.relabel)
        return type(self), (
            self.id, dict(self.images), self.label, self.source, self.patient, dict(self.channels), relabel,
            self.part, self.label_hint,
        )  # fmt: skip

    @property
    def files(self) -> dict[str, Path]:
        """Every file of the case by its role: modality names, and ``label`` where that is a file."""
        return {**self.images, **({} if isinstance(self.label, int) else {"label": self.label})}

    @property
    def label_map(self) -> Path:
        """The file with the label map.

        Raises:
            CaseError: If the case has a class instead.
        """
        if isinstance(self.label, int):
            raise CaseError(f"Expected a label map, but case {self.id} has class {self.label} for the whole image.")
        return self.label

    @property
    def category(self) -> int:
        """The class of the whole image, counted from 0.

        Raises:
            CaseError: If the case has a label map instead.
        """
        if not isinstance(self.label, int):
            raise CaseError(f"Expected a class for the whole image, but case {self.id} has a label map, {self.label}.")
        return self.label

    def load_image(self, modality: str) -> NDArray[np.float32]:
        """Read one image, shape ``(H, W, D)`` or ``(H, W)``, in the file's intensity units.

        Raises:
            CaseError: If the file cannot be read, holds a value that is not finite, or is zero everywhere.
        """
        path = self.images[modality]
        read = read_raster if path.suffix.lower() in RASTERS else read_volume
        image: NDArray[np.float32] = read(path, np.float32, self.channels.get(modality))
        if not np.isfinite(image).all():
            raise CaseError(
                f"Expected finite intensities, but got NaN or infinity in {path}. Repair or leave out {self.id}."
            )
        if not image.any():
            raise CaseError(f"Expected an image, but got zero in every voxel of {path}. Repair or leave out {self.id}.")
        return image

    def load_label(self) -> NDArray[np.uint8]:
        """Read the label map in canonical labels, shape ``(H, W, D)``.

        Raises:
            CaseError: If the file cannot be read, or holds a value that its cohort does not know.
        """
        raw = read_volume(self.label_map, np.float32)
        values = np.unique(raw)
        known = (
            self.relabel
            if self.relabel is not None
            else {int(v): int(v) for v in values if 0 <= v < 256 and v == int(v)}
        )
        if unknown := [v for v in values.tolist() if v not in known]:
            raise CaseError(
                f"Expected label values among {sorted(known)}, but got {unknown[:8]} in {self.label_map}. "
                f"{self.label_hint or 'Repair the file.'}"
            )
        label = np.zeros(raw.shape, dtype=np.uint8)
        for value in values.tolist():
            label[raw == value] = known[int(value)]
        return label
