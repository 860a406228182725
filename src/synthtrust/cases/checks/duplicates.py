"""Duplicates: an image that is in two parts of a split, unchanged or slightly changed, and would raise the scores."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import combinations, product
from pathlib import Path
from typing import Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases.case import Case
from synthtrust.cases.checks.structure import fine_structure, interior_structure
from synthtrust.cases.formats.rasters import is_raster, raster_kind, read_raster
from synthtrust.cases.formats.volumes import read_header
from synthtrust.cases.splits import PARTS, Splits
from synthtrust.conventions import POLICIES
from synthtrust.files import aside, fingerprint, hashes, writable
from synthtrust.machine import readers
from synthtrust.refusals import CaseError, Refusal
from synthtrust.ties import first_largest

log = logging.getLogger(__name__)


ALIKE = 0.96
"""Correlation from which two images count as duplicates. Of 6 million pairs of chest X-rays of 28 x 28 pixels in two
parts of PneumoniaMNIST, no two that differ reach 0.955; of copies of them that were compressed, resized, brightened or
got noise of 2 %, 98 % do, and the larger the images, the farther apart both lie."""

ALIKE_VOLUMES = 0.9
"""The same of volumes, whose interiors are compared. Of 32 brains in one space (BraTS 2018, 2 mm) no two reach 0.63 in
any modality, mirrored 0.63, and as those similarities are spread, the most alike of 2 million such pairs would reach
0.75. Of 200 hippocampi, left and right ones of the same people among them, no two reach 0.73, mirrored 0.23. Copies of
12 of the brains with noise of 5 %, another gamma (0.7), a bias field of 30 % or other sides (half, 1.3) all stay above
0.92; z-scored ones come down to 0.82, hippocampi at half their size to 0.76. Mirrored volumes have to be as much alike
as plane images: simple phantoms, which are nearly symmetric, come to 0.94."""

GRIDS = (18, 32)  # fewest and most cells per axis that images are compared on
ROWS = 256  # cases compared at once: bounds the memory
VERSION = 1  # of what is kept of a volume; to be raised with every change to it


@dataclass(frozen=True)
class Duplicate:
    """A case that has a copy in a later part of the split."""

    earlier: str
    """Id of the case in the earlier part."""
    later: str
    """Id of the most similar case in the later part."""
    parts: tuple[str, str]
    """The earlier and the later part."""
    similarity: float
    """Correlation of fine structure, in [0.96, 1] for plane images and in [0.9, 1] for volumes."""
    exact: bool
    """Whether all pixels are equal."""
    turned: bool = False
    """Whether one of them has to be mirrored or turned to be so similar."""


@dataclass(frozen=True)
class _Fingerprint:
    """The properties of a case that are compared."""

    id: str
    content: bytes
    fine: NDArray[np.float32]
    """Fine structure on a grid with equally many cells along each axis, as a vector of length 1."""


@dataclass(frozen=True)
class Looks:
    """The fingerprints of cases on one grid; those of volumes, which take long to read, are stored by their content."""

    grid: int
    """Cells along each axis."""
    folder: Path | None = None
    """The folder in which they are stored, 128 KB a volume; None to store none."""

    @classmethod
    def of(cls, cases: Sequence[Case], folder: Path | None = None) -> Self:
        """Choose a grid for cases that are compared with each other, no finer than half the smallest of them."""
        sides = []
        for case in cases:
            with suppress(CaseError):  # it is raised again when the case is read
                sides.append(_smallest_side(case))
        return cls(int(np.clip(min(sides, default=0) // 2, *GRIDS)), folder)

    @classmethod
    def to_keep(cls, cases: Sequence[Case], folder: Path | None) -> Self:
        """Choose a grid for the volumes among the cases, if there is a folder to store their fingerprints in."""
        return cls.of([case for case in cases if folder is not None and not _is_plane(case)], folder)

    def keep(self, case: Case, modality: str, image: NDArray[np.float32]) -> None:
        """Store the fingerprint of a volume, if this is the modality that it is compared by."""
        if modality == next(iter(case.images)) and (file := self._file(case)) is not None and not file.exists():
            self._store(self._look(case, image), file)

    def look(self, case: Case) -> _Fingerprint:
        """Return the fingerprint of a case; that of a volume is stored, and the volume is read only if it was not.

        Raises:
            CaseError: If an image cannot be read.
        """
        file = self._file(case)
        if file is None:
            return self._look(case, _brightness(case))
        with suppress(OSError, ValueError, KeyError, EOFError, BadZipFile, TypeError):  # not there, or damaged
            with np.load(file, allow_pickle=False) as kept:  # with a checksum of each array
                content, fine = kept["content"], kept["fine"]
            if np.shape(content) == (hashlib.sha256().digest_size,) and np.shape(fine) == (self.grid,) * 3:
                return _Fingerprint(case.id, content.tobytes(), fine)  # an array without its head comes as bytes
        look = self._look(case, _brightness(case))
        self._store(look, file)
        return look

    @staticmethod
    def _store(look: _Fingerprint, file: Path) -> None:
        try:
            with aside(file) as temporary:
                np.savez(temporary, content=np.frombuffer(look.content, np.uint8), fine=look.fine)
        except OSError as error:  # of a full disk; the fingerprint is at hand
            log.warning("Nothing more can be remembered in %s: %s", file.parent, error)

    def _look(self, case: Case, image: NDArray[np.float32]) -> _Fingerprint:
        structure = fine_structure if image.ndim == 2 else interior_structure
        content = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()
        return _Fingerprint(case.id, content, structure(image, self.grid).reshape([self.grid] * image.ndim))

    def _file(self, case: Case) -> Path | None:
        if self.folder is None or _is_plane(case):
            return None
        modality, path = next(iter(case.images.items()))
        key = [VERSION, self.grid, hashes.of(path), case.channels.get(modality)]
        return self.folder / f"look-{fingerprint(key)}.npz"


def find_duplicates(splits: Splits, folder: str | Path | None = None) -> list[Duplicate]:
    """Compare the images of every two parts of a split, each by the brightness of its first modality.

    Images are averaged onto a grid of at most 32 cells per axis (no finer than half the smallest image), their coarse
    structure is removed, and the fine structure is correlated; in volumes only inside the foreground, since those of a
    kind share an outline. This finds copies that were compressed, resized, changed in brightness or contrast, or got a
    little noise. Images are also compared after mirroring along each axis, and plane ones after turning by right
    angles. Shifted and cropped copies are not found. A volume takes 128 KB of memory, a plane image 4 KB.

    Args:
        splits: The splits of images or volumes, with label maps or classes.
        folder: Folder in which fingerprints of volumes are stored by their content; without one all are read.

    Returns:
        For every case with copies in a later part, the most similar case of that part; train before val, then by id.

    Raises:
        CaseError: If an image cannot be read.
    """
    parts = {part: getattr(splits, part) for part in PARTS}
    looks = Looks.of([case for cases in parts.values() for case in cases], writable(folder))
    seen = {part: _all(cases, looks) for part, cases in parts.items()}
    return [
        duplicate
        for earlier, later in combinations(PARTS, 2)
        if seen[earlier] and seen[later]
        for duplicate in _between(seen[earlier], seen[later], (earlier, later))
    ]


def check_duplicates(splits: Splits, policy: str = "refuse", folder: str | Path | None = None) -> Splits:
    """Refuse a split with duplicates, remove them, or warn of them.

    Args:
        splits: The splits of a cohort.
        policy: ``refuse``; ``drop`` to remove copies from the earlier part (from train what is in val or test, from val
            what is in test), so that a published test set stays complete; ``allow`` to go on with a warning.
        folder: As for ``find_duplicates``.

    Returns:
        The splits, without the cases that were removed.

    Raises:
        CaseError: If there are duplicates and they are refused, or no case of a part would remain.
        Refusal: If the policy is none of the three.
    """
    if policy not in POLICIES:
        raise Refusal(f"Expected `duplicates` among {list(POLICIES)}, but got {policy!r}.")
    duplicates = find_duplicates(splits, folder)
    if not duplicates:
        return splits
    description = _describe(duplicates)
    if policy == "refuse":
        raise CaseError(
            f"Expected no image in two parts of the split, but got {description}. Leave the copies out of the earlier "
            "part with duplicates=drop, or keep them with duplicates=allow."
        )
    if policy == "allow":
        log.warning("Scores will be too good: the split has %s.", description)
        return splits
    copies = {duplicate.earlier for duplicate in duplicates}
    kept = {part: tuple(case for case in getattr(splits, part) if case.id not in copies) for part in PARTS}
    if empty := [part for part in PARTS if getattr(splits, part) and not kept[part]]:
        raise CaseError(f"Expected cases in {', '.join(empty)} that are in no other part, but got {description}.")
    log.warning("Left %d cases out of train and val, which have copies in a later part: %s.", len(copies), description)
    return replace(splits, **kept)


def _describe(duplicates: Sequence[Duplicate]) -> str:
    first = "; ".join(
        f"{d.earlier} ({d.parts[0]}) and {d.later} ({d.parts[1]}), "
        + ("the same" if d.exact else f"{d.similarity:.3f} alike{' when mirrored or turned' if d.turned else ''}")
        for d in duplicates[:3]
    )
    return f"{len(duplicates)} duplicates, {sum(d.exact for d in duplicates)} of them exact, first {first}"


def _between(some: Sequence[_Fingerprint], others: Sequence[_Fingerprint], parts: tuple[str, str]) -> list[Duplicate]:
    by_content = {look.content: look.id for look in others}
    limits = [ALIKE_VOLUMES if others[0].fine.ndim == 3 else ALIKE, ALIKE]  # as they are, and mirrored or turned
    other_structures = np.stack([look.fine.ravel() for look in others]).T  # (F, M)
    duplicate_pairs = []
    for start in range(0, len(some), ROWS):
        rows = some[start : start + ROWS]
        views = [
            view.reshape(len(rows), -1) @ other_structures for view in _turned(np.stack([look.fine for look in rows]))
        ]
        nearest = np.stack([first_largest(alike, axis=1) for alike in views])  # (V, N)
        similarity = np.stack([alike.max(axis=1) for alike in views])
        for n, look in enumerate(rows):
            # a symmetric image is equally similar in several views: it counts as unchanged
            best = int(first_largest(similarity[:, n] / [limits[0], *(limits[1] for _ in views[1:])]))
            if look.content in by_content:  # also two flat images, which have no fine structure
                duplicate_pairs.append(Duplicate(look.id, by_content[look.content], parts, 1.0, exact=True))
            elif (alike := min(float(similarity[best, n]), 1.0)) >= limits[best > 0]:
                duplicate_pairs.append(
                    Duplicate(look.id, others[nearest[best, n]].id, parts, alike, exact=False, turned=best > 0)
                )
    return duplicate_pairs


def _turned(fine: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Yield grids ``(N, *grid)`` unchanged, then mirrored along their axes; plane ones also turned by right angles."""
    axes = range(1, fine.ndim)
    for grids in (fine, fine.transpose(0, 2, 1)) if fine.ndim == 3 else (fine,):
        for mirrored in product((False, True), repeat=len(axes)):
            yield np.flip(grids, tuple(axis for axis, flip in zip(axes, mirrored) if flip))


def _all(cases: Sequence[Case], looks: Looks) -> list[_Fingerprint]:
    with ThreadPoolExecutor(readers()) as pool:
        return [
            look for start in range(0, len(cases), ROWS) for look in pool.map(looks.look, cases[start : start + ROWS])
        ]


def _is_plane(case: Case) -> bool:
    return is_raster(next(iter(case.images.values())))


def _smallest_side(case: Case) -> int:
    path = next(iter(case.images.values()))
    return min(raster_kind(path).shape if is_raster(path) else read_header(path)[0][:3])


def _brightness(case: Case) -> NDArray[np.float32]:
    modality, path = next(iter(case.images.items()))
    if is_raster(path):
        return read_raster(path, np.float32)
    return case.load_image(modality)
