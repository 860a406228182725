"""A case: the images of one patient at one time, their label map, class or findings, and where they came from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases.formats.rasters import is_raster, read_raster
from synthtrust.cases.formats.volumes import read_volume
from synthtrust.refusals import CaseError, Refusal

LABEL_NOISE = 1e-3
"""Largest distance of a label from a whole number: rescaling leaves noise in the fifth digit, and values farther away
come from interpolation."""


class Source(StrEnum):
    """The origin of the images of a case."""

    REAL = "real"
    SYNTHETIC = "synthetic"


Task = Literal["segmentation", "classification", "multilabel", "unlabelled"]
"""The task that can be learned from a case: to segment its labels, or to predict its class or each of its findings.
Nothing can be learned from a synthetic image without a label."""


class Findings(tuple[int, ...]):
    """The findings of a whole image, which do not exclude each other: 1 or 0 for each, in the cohort's order.

    An image without any finding is the vector of zeros: "no finding" is no class of its own.

    >>> Findings([True, False, True])
    (1, 0, 1)

    Raises:
        Refusal: If a value is neither 0 nor 1.
    """

    __slots__ = ()

    def __new__(cls, present: Iterable[int]) -> Self:  # noqa: D102
        values = tuple(present)
        if wrong := [value for value in values if value not in (0, 1)]:
            raise Refusal(f"Expected 0 or 1 for each finding, but got {wrong[:8]}.")
        return super().__new__(cls, map(int, values))


@dataclass(frozen=True)
class Case:
    """One labelled volume or plane image on disk, all its files on one grid ``(H, W, D)`` or ``(H, W)``.

    A twin (a synthetic case painted on the label of a real one) keeps the ``id`` of that real case: it pairs them.
    """

    id: str
    images: Mapping[str, Path]
    """Canonical modality name -> file of a volume or of a plane image, or folder of DICOM slices."""
    label_map: Path | None = None
    """File with the label map. Exactly one of ``label_map``, ``class_index`` and ``findings`` is set; none of them of a
    synthetic image without a label."""
    class_index: int | None = field(default=None, kw_only=True)
    """Class of the whole image, counted from 0."""
    findings: Findings | None = field(default=None, kw_only=True)
    """Findings of the whole image, in the order of the cohort's labels."""
    source: Source = Source.REAL
    patient: str = ""
    """The patient of the case; several cases may share one. By default the id of the case."""
    channels: Mapping[str, int] = field(default_factory=dict)
    """Modality name -> index along the last axis, for files that hold several modalities (a colour is one)."""
    relabel: Mapping[int, int] | None = None
    """Value in the label file -> canonical label; any other value is refused. None if the file is canonical already."""
    split: str = ""
    """``train``, ``val`` or ``test`` if the publisher has split the cohort; empty if not."""
    parent: str = field(default="", kw_only=True)
    """Id of the real case that a synthetic case with an id of its own was made from; empty if there is none."""
    donor: str = field(default="", kw_only=True)
    """Id of a second real case that a part of its label map is from, such as the core of a tumour; mostly empty."""
    attributes: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    """What is known of the patient or the scan besides, such as age or scanner: column -> value, as a table has it."""
    label_hint: str = field(default="", compare=False)
    """Advice of the reader of these cases on a value that ``relabel`` lacks, for the message."""

    def __post_init__(self) -> None:
        if not self.patient:
            object.__setattr__(self, "patient", self.id)
        object.__setattr__(self, "images", MappingProxyType({name: Path(p) for name, p in self.images.items()}))
        object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))
        known = [name for name in ("label_map", "class_index", "findings") if getattr(self, name) is not None]
        if len(known) != 1 and (known or self.source is not Source.SYNTHETIC):
            raise CaseError(
                f"Expected a label map, a class or findings of case {self.id}, one of them, but got "
                f"{' and '.join(known) or 'none'}."
            )
        if self.label_map is not None:
            object.__setattr__(self, "label_map", Path(self.label_map))

    def __reduce__(self) -> tuple[partial["Case"], tuple[()]]:  # a mappingproxy does not pickle
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        relabel = None if self.relabel is None else dict(self.relabel)
        values |= {"images": dict(self.images), "channels": dict(self.channels), "relabel": relabel}
        values |= {"attributes": dict(self.attributes)}
        return partial(type(self), **values), ()

    @property
    def files(self) -> dict[str, Path]:
        """Every file of the case by its role: modality names, and ``label`` where that is a file."""
        return {**self.images, **({} if self.label_map is None else {"label": self.label_map})}

    @property
    def task(self) -> Task:
        """The task that can be learned from the case, which follows from its label."""
        if self.label_map is not None:
            return "segmentation"
        if self.class_index is not None:
            return "classification"
        return "unlabelled" if self.findings is None else "multilabel"

    @property
    def has_label_map(self) -> bool:
        """Whether the label of the case is a label map, and not one for the whole image."""
        return self.label_map is not None

    @property
    def target(self) -> int | Findings:
        """The label of the image as a whole, which a network predicts and a generator is given: class or findings.

        Raises:
            CaseError: If the case has a label map instead.
        """
        return self.require_findings() if self.class_index is None else self.class_index

    def require_label_map(self) -> Path:
        """Return the file with the label map.

        Raises:
            CaseError: If the case has a class or findings instead.
        """
        if self.label_map is None:
            raise CaseError(f"Expected a label map, but case {self.id} has {self._label()} for the whole image.")
        return self.label_map

    def require_class(self) -> int:
        """Return the class of the whole image, counted from 0.

        Raises:
            CaseError: If the case has a label map or findings instead.
        """
        if self.class_index is None:
            raise CaseError(f"Expected a class for the whole image, but case {self.id} has {self._label()}.")
        return self.class_index

    def require_findings(self) -> Findings:
        """Return the findings of the whole image.

        Raises:
            CaseError: If the case has a label map or a class instead.
        """
        if self.findings is None:
            raise CaseError(f"Expected findings of the whole image, but case {self.id} has {self._label()}.")
        return self.findings

    def _label(self) -> str:
        """Return the kind and the value of the label, for messages."""
        if self.task == "unlabelled":
            return "no label"
        if self.label_map is not None:
            return f"a label map, {self.label_map}"
        return f"findings, {self.findings}" if self.class_index is None else f"a class, {self.class_index}"

    def load_image(self, modality: str) -> NDArray[np.float32]:
        """Read one image in the file's intensity units, shape ``(H, W, D)`` or ``(H, W)``.

        The axes of a volume run towards right, anterior and superior, or nearest to that, however the file has them.

        Raises:
            CaseError: If the file cannot be read, holds a value that is not finite, or is zero everywhere.
        """
        path = self.images[modality]
        read = read_raster if is_raster(path) else read_volume
        image: NDArray[np.float32] = read(path, np.float32, self.channels.get(modality))
        if not np.isfinite(image).all():
            raise CaseError(
                f"Expected finite intensities, but got NaN or infinity in {path}. Repair or leave out {self.id}."
            )
        if not image.any():
            raise CaseError(f"Expected an image, but got zero in every voxel of {path}. Repair or leave out {self.id}.")
        return image

    def load_label(self) -> NDArray[np.uint8]:
        """Read the label map in canonical labels, shape ``(H, W, D)``, its axes as those of ``load_image``.

        Raises:
            CaseError: If the file cannot be read, or holds a value that its cohort does not know.
        """
        stored = _whole_numbers(read_volume(self.require_label_map(), None))
        is_small = stored.dtype == np.uint8
        values = np.flatnonzero(np.bincount(stored.ravel("K"), minlength=256)) if is_small else np.unique(stored)
        known = (
            self.relabel
            if self.relabel is not None
            else {int(v): int(v) for v in values if 0 <= v < 256 and v == int(v)}
        )
        if unknown := [float(v) for v in values if v not in known]:
            expected = "whole numbers from 0 to 255" if self.relabel is None else f"{sorted(known)}"
            raise CaseError(
                f"Expected label values among {expected}, but got {unknown[:8]} in {self.label_map}. "
                f"{self.label_hint or 'Its cohort knows no others: say what they mean where it is read, or repair it.'}"
            )
        if is_small:
            table = np.zeros(256, dtype=np.uint8)
            table[values] = [known[value] for value in values.tolist()]
            return table[stored]
        label = np.zeros(stored.shape, dtype=np.uint8)
        for value in values.tolist():
            label[stored == value] = known[int(value)]
        return label


def _whole_numbers(stored: NDArray) -> NDArray:
    """Return a label map as unsigned bytes, or as float32 if a voxel is anything else, with `LABEL_NOISE` taken away.

    Bytes are what nearly every label map holds, and are looked up in a table in place of being compared.
    """
    if stored.min() > -0.5 and stored.max() < 255.5:
        bytes_ = (np.rint(stored) if stored.dtype.kind == "f" else stored).astype(np.uint8)
        if stored.dtype.kind != "f" or np.abs(stored - bytes_).max() <= LABEL_NOISE:
            return bytes_
    values = stored.astype(np.float32)
    whole = np.rint(values)
    return np.where(np.abs(values - whole) <= LABEL_NOISE, whole, values)
