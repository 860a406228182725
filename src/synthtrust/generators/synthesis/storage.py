"""The storage of a set: the paths of its twins, and the kind of their files."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from synthtrust.cases import Case, CaseError, Findings, Source
from synthtrust.cases.formats.rasters import is_raster, raster_kind
from synthtrust.cases.formats.volumes import describe_header, read_header, write_volume, write_volume_like
from synthtrust.files import errors_named, to_disk, write_json
from synthtrust.generators.synthesis.origin import DESCRIPTION, png_origin

NOTES = "imported.json"
"""Name of the file beside an imported twin that records its origin and what was repaired."""

LABEL = "label.nii.gz"

MOST_LOST = 0.05
"""Largest root mean square of the change by rounding and clipping [standard deviations of the image]."""


@dataclass(frozen=True)
class TwinStorage:
    """Keeps twins in a folder, each complete or absent.

    A twin on a label map is a folder ``<id>/`` of ``<modality>.nii.gz`` and ``label.nii.gz``, with the grid,
    orientation and affine of that label map. A volume of a class is such a folder without a label, in the canonical
    orientation, with the affine of a training image. A plane image of a class is ``<id>.png``, in grey or colour, or
    ``<id>/<modality>.png``, rounded and clipped to the bits of the training images. Volumes hold whole numbers if the
    training images do: otherwise a network could tell the source by that alone.
    """

    folder: Path
    modalities: tuple[str, ...]
    pixel: type[np.uint8] | type[np.uint16] | None = None
    """Number type of plane images; None for volumes."""
    voxels: Mapping[str, np.dtype] = field(default_factory=dict)
    """Modality -> integer type of its volumes; those of modalities that are not listed are float32."""
    channels: Mapping[str, int] | None = None
    """Modality -> channel, if one file holds all modalities; None if each has a file."""
    affine: NDArray[np.float64] | None = None
    """Affine from voxels to millimetres of volumes of a class; None if each twin has that of its label map."""
    labels_all: bool = False
    """Whether volumes that came without a label map have got one."""

    @classmethod
    def of(
        cls,
        folder: Path,
        modalities: Sequence[str],
        train: Sequence[Case],
        *,
        painted: bool = True,
        labels_all: bool = False,
    ) -> Self:
        """Choose the kind of files as the training cases have them.

        Args:
            folder: The folder of the set.
            modalities: The modalities of its images.
            train: Training cases.
            painted: Give volumes the number type of the training cases; imported ones (False) keep their values.
            labels_all: See above.

        Raises:
            CaseError: If the training images are plane images of floating-point numbers.
        """
        modalities = tuple(modalities)
        if not train:
            return cls(folder, modalities)
        path = train[0].images[modalities[0]]
        if train[0].has_label_map or not is_raster(path):
            whole = {modality: _whole_of(train[0].images[modality]) for modality in modalities} if painted else {}
            voxels = {modality: dtype for modality, dtype in whole.items() if dtype is not None}
            affine = None if train[0].has_label_map else read_header(path)[1]
            return cls(folder, modalities, voxels=voxels, affine=affine, labels_all=labels_all)
        colours = sorted(train[0].channels.get(modality, -1) for modality in modalities) == [0, 1, 2]
        channels = dict(train[0].channels) if colours else None
        return cls(folder, modalities, _pixel_of(path), channels=channels)

    @property
    def axes(self) -> int | None:
        """Return the number of spatial axes of an image of a class, 2 or 3; None where label maps determine it."""
        if self.pixel is not None:
            return 2
        return None if self.affine is None else 3

    @property
    def one_file(self) -> bool:
        """Return whether a twin is a single file."""
        return self.pixel is not None and (self.channels is not None or len(self.modalities) == 1)

    def home(self, case_id: str) -> Path:
        """Return the file or folder of a twin."""
        return self.folder / (f"{case_id}.png" if self.one_file else case_id)

    def notes(self, case_id: str) -> Path:
        """Return the path of the notes on an imported twin: in its folder, or beside its single file."""
        return self.folder / f"{case_id}.{NOTES}" if self.one_file else self.home(case_id) / NOTES

    def twin(self, case: Case) -> Case:
        """Return the twin of a case, whether its files exist or not."""
        return Case(
            case.id,
            self._images(self.home(case.id)),
            None if case.label_map is None and not self.labels_all else self.home(case.id) / LABEL,
            Source.SYNTHETIC,
            case.patient,
            self.channels or {},
            class_index=case.class_index,
            findings=case.findings,
            parent=case.parent,
            donor=case.donor,
        )

    def has(self, case: Case, *, notes: bool) -> bool:
        """Return whether all files of a case's twin exist, with ``notes`` also the notes on an imported twin."""
        files = [*self.twin(case).files.values(), *([self.notes(case.id)] if notes else [])]
        return all(path.exists() for path in files)

    def as_written(self, modality: str, image: NDArray) -> NDArray:
        """Return an image in the number type and range of its file."""
        if self.pixel is None:
            return _rounded(image, self.voxels[modality]) if modality in self.voxels else image.astype(np.float32)
        return np.clip(np.rint(image), 0, np.iinfo(self.pixel).max).astype(self.pixel)

    def check_units(self, image: NDArray, file: str) -> None:
        """Refuse an imported image that the file of the set cannot hold, since it must be in other units.

        Raises:
            CaseError: If clipping or rounding would change a plane image.
        """
        if self.pixel is None:
            return
        most = np.iinfo(self.pixel).max
        low, high = float(image.min()), float(image.max())
        if low < -0.5 or high > most + 0.5 or _lost(np.rint(image), image) > MOST_LOST:
            raise CaseError(
                f"Expected images in 0..{most} as the real ones, but {file} holds {low:g}..{high:g}. Rescale them."
            )

    def put(
        self,
        case: Case,
        images: Mapping[str, NDArray],
        label: NDArray[np.uint8] | int | Findings | None,
        notes: Mapping[str, Any] | None,
        scratch: Path,
        affine: NDArray[np.float64] | None = None,
    ) -> None:
        """Write a twin in a scratch folder, and move it to its path when it is complete.

        Args:
            case: The real case it belongs to.
            images: Modality -> image as ``as_written`` returned it.
            label: The label of the twin.
            notes: The notes on an imported twin; None for a painted one.
            scratch: Folder to write in, on the same file system, where no other process writes this case.
            affine: Voxel -> right, anterior, superior [mm] of a case with a grid of its own; None on that of ``case``.

        Raises:
            CaseError: If the id or a modality gives a path outside of this set.
        """
        home = self.home(case.id)
        for path in (home, *self._images(home).values()):
            _check_below(self.folder, path)
        aside = scratch / home.relative_to(self.folder)
        _check_below(scratch, aside)
        _remove(aside)  # may be left from a killed process
        (aside.parent if self.one_file else aside).mkdir(parents=True, exist_ok=True)
        home.parent.mkdir(parents=True, exist_ok=True)
        try:
            with errors_named(home):
                self._write(images, aside, case, affine)
                if isinstance(label, np.ndarray):
                    self._write_volume(label, aside / LABEL, case, affine)
                if notes is not None:
                    write_json(self.notes(case.id) if self.one_file else aside / NOTES, notes)
                if home.is_dir():  # a twin of which a file is missing
                    for path in home.iterdir():
                        path.unlink()
                to_disk(aside)
                aside.rename(home)
        finally:
            _remove(aside)

    def _images(self, home: Path) -> dict[str, Path]:
        ending = ".nii.gz" if self.pixel is None else ".png"
        return {modality: home if self.one_file else home / f"{modality}{ending}" for modality in self.modalities}

    def _write(self, images: Mapping[str, NDArray], home: Path, case: Case, affine: NDArray[np.float64] | None) -> None:
        if self.channels is not None:
            ordered = sorted(self.modalities, key=self.channels.__getitem__)
            Image.fromarray(np.stack([images[modality] for modality in ordered], axis=-1)).save(
                home, pnginfo=png_origin()
            )
            return
        for modality, path in self._images(home).items():
            if self.pixel is not None:
                Image.fromarray(images[modality]).save(path, pnginfo=png_origin())
            else:
                on_grid = self.affine if affine is None else affine
                self._write_volume(images[modality], path, case, on_grid, DESCRIPTION)

    @staticmethod
    def _write_volume(
        volume: NDArray, path: Path, case: Case, affine: NDArray[np.float64] | None, description: str = ""
    ) -> None:
        if affine is None:
            write_volume_like(volume, case.require_label_map(), path, description)
        else:
            write_volume(volume, affine, path, description)


def _pixel_of(path: Path) -> type[np.uint8] | type[np.uint16]:
    """Return the number type of a plane image, read from its header alone."""
    kind = raster_kind(path)
    if kind.number != "u" or kind.bits > 16:
        raise CaseError(f"Expected images of 8 or 16 bits, but {path} holds {kind.depth}. Convert them.")
    return np.uint16 if kind.bits > 8 else np.uint8


def _whole_of(path: Path) -> np.dtype | None:
    """Return the integer type of a volume, read from its header alone; None if it has another type."""
    if is_raster(path):
        return None
    header = describe_header(path)
    dtype = header.dtype
    return dtype.newbyteorder("=") if not header.scaled and dtype.kind in "iu" and dtype.itemsize <= 4 else None


def _rounded(image: NDArray, dtype: np.dtype) -> NDArray:
    """Round an image to whole numbers, but no value other than 0 to 0, which is background.

    An image that would change by more than ``MOST_LOST``, since it is in other units or beyond the range of the type,
    is returned as float32.
    """
    limits = np.iinfo(dtype)
    whole = np.rint(image)
    whole = np.clip(np.where((whole == 0) & (image != 0), np.sign(image), whole), limits.min, limits.max)
    return whole.astype(dtype) if _lost(whole, image) <= MOST_LOST else image.astype(np.float32)


def _lost(whole: NDArray, image: NDArray) -> float:
    """Return the root mean square of a change [standard deviations of the image]; infinity if that is not finite.

    It is computed in float64, since squares of large float32 numbers overflow.
    """
    change = float(np.sqrt(np.mean(np.square(whole - image, dtype=np.float64))))
    spread = float(image.std(dtype=np.float64))
    return 0.0 if change == 0 else change / spread if 0 < spread < np.inf else np.inf


def _check_below(folder: Path, path: Path) -> None:
    """Refuse a path that leaves its folder by ``..`` or by a link.

    The file or folder at the path will be replaced, and nothing outside of the set may be.
    """
    if path == folder or path.resolve() != folder.resolve() / path.relative_to(folder):
        raise CaseError(f"Expected the files of a twin below {folder}, but {path} leads elsewhere. Rename the case.")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
