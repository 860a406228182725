"""MedMNIST: sets of small labelled images, plane or volumes, in one ``.npz`` file each (Yang et al. 2023)."""

import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from synthtrust.cases.case import Case, Findings
from synthtrust.cases.cohort import Cohort
from synthtrust.cases.manifest import write_manifest
from synthtrust.cases.readers.labelled import COLOURS, GREY, case_of
from synthtrust.cases.readers.make_once import make_once
from synthtrust.cases.readers.medmnist_names import classes_of, licence_of
from synthtrust.cases.splits import PARTS
from synthtrust.files import aside, fingerprint
from synthtrust.refusals import CaseError

UNPACKED = 1
"""To be raised with every change to what is unpacked: it is part of the recipe."""

MEMBERS = tuple(f"{part}_{role}.npy" for part in PARTS for role in ("images", "labels"))


def read_medmnist(root: str | Path, folder: str | Path, classes: Sequence[str] | None = None) -> Cohort:
    """Read a MedMNIST set in its official split; its images are unpacked once, as PNG or NIfTI, and found again.

    The layout knows no patients, so each image counts as one of its own. One part of the set is in memory at a time:
    14 GB for the largest (PathMNIST at 224 x 224), 0.2 GB at 28 x 28.

    Args:
        root: The ``.npz`` file, or a folder that holds no other.
        folder: Gets a subfolder named by the set and the fingerprint of its content.
        classes: Names of the classes in the order of their values, or of the findings (ChestMNIST) in that of their
            columns; when not given, the official ones, by the name of the file, or ``class 0``, ``class 1``, ... and
            ``finding 0``, ... where those are not known.

    Returns:
        Cases ``train_00000``, ... with the modality ``grey``, or ``red``, ``green`` and ``blue``.

    Raises:
        CaseError: If the file is missing or not such a set, needs pickle to be read, or has labels without a name.
    """
    file = _file(Path(root))
    content = _content(file)
    names = list(classes) if classes is not None else classes_of(file.stem)
    recipe = {"cases": "medmnist", "unpacked": UNPACKED, "set": file.stem, "content": content, "classes": names}
    return make_once(
        Path(folder) / f"{file.stem}-{fingerprint(recipe)}", lambda folder: _unpack(file, folder, recipe, names)
    )


def _file(root: Path) -> Path:
    if not root.is_dir():
        return root
    files = sorted(root.glob("*.npz"))
    if len(files) != 1:
        raise CaseError(
            f"Expected one .npz file in {root}, but got {[file.name for file in files]}. Set cases.root to the file."
        )
    return files[0]


def _content(file: Path) -> dict[str, list[int]]:
    """Return size and checksum of every array, as the archive states them: the file need not be read for it."""
    try:
        with zipfile.ZipFile(file) as archive:
            content = {member.filename: [member.file_size, member.CRC] for member in archive.infolist()}
    except FileNotFoundError:
        raise CaseError(f"Expected a MedMNIST file at {file}, but there is none. Set cases.root.") from None
    except (OSError, RuntimeError, ValueError, zipfile.BadZipFile) as error:
        raise CaseError(f"Expected an .npz file, but could not read {file}: {error}. Copy it again.") from error
    if missing := sorted(set(MEMBERS) - content.keys()):
        raise CaseError(
            f"Expected the arrays of a MedMNIST set in {file}, but it has no "
            f"{', '.join(name.removesuffix('.npy') for name in missing)}."
        )
    return content


def _unpack(file: Path, folder: Path, recipe: dict[str, Any], names: list[str] | None) -> Cohort:
    labels = {part: _labels(file, part) for part in PARTS}
    if len(widths := {of_part.shape[1:] for of_part in labels.values()}) > 1:
        raise CaseError(f"Expected as many labels for each image in every part, but got {sorted(widths)} in {file}.")
    names = _named(names, np.concatenate(list(labels.values())), file)
    cases: list[Case] = []
    modalities: tuple[str, ...] = GREY
    for part in PARTS:
        images = _load(file, f"{part}_images")
        volumes = _check_images(images, len(labels[part]), f"{part}_images in {file}")
        modalities = GREY if volumes or images.ndim == 3 else COLOURS
        (folder / part).mkdir(exist_ok=True)
        ids = [f"{part}_{n:05d}" for n in range(len(images))]
        paths = [folder / part / f"{name}{'.nii.gz' if volumes else '.png'}" for name in ids]
        with ThreadPoolExecutor() as pool:
            list(pool.map(_save_volume if volumes else _save_plane, paths, images))
        for case_id, path, label in zip(ids, paths, labels[part].tolist()):
            target: dict[str, Any] = {"findings": Findings(label)} if labels[part].ndim == 2 else {"class_index": label}
            cases.append(case_of(case_id, path, modalities, split=part, **target))
    values = {name: value for value, name in enumerate(names)}
    cohort = Cohort(file.stem, tuple(cases), modalities, values, licence_of(file.stem))
    write_manifest(folder, cohort, made_by=recipe)
    return cohort


def _load(file: Path, key: str) -> NDArray:
    try:
        with np.load(file, allow_pickle=False) as archive:
            array: NDArray = archive[key]
        if not isinstance(array, np.ndarray):  # bytes, where a member is no .npy
            raise zipfile.BadZipFile("it is no array")
    except ValueError as error:  # what NumPy says to objects
        raise CaseError(
            f"Expected plain numbers, but {key} of {file} needs pickle, which may run code, or is damaged: {error}. "
            "Fetch the set from its publisher."
        ) from error
    except (OSError, EOFError, RuntimeError, SyntaxError, zipfile.BadZipFile, zlib.error, tokenize.TokenError) as error:
        raise CaseError(f"Expected an .npz file, but {key} of {file} is damaged: {error}. Copy it again.") from error
    return array


def _labels(file: Path, part: str) -> NDArray[np.integer]:
    """Return the class of each image ``(N,)``, or its findings ``(N, K)``."""
    labels = _load(file, f"{part}_labels")
    if labels.ndim == 2 and labels.shape[1] > 1:
        if labels.dtype.kind not in "uib" or not np.isin(labels, (0, 1)).all():
            raise CaseError(
                f"Expected 0 or 1 for each of {labels.shape[1]} findings, but {part}_labels of {file} hold others."
            )
        return labels.astype(np.uint8)
    if labels.dtype.kind not in "ui" or labels.size != len(labels) or (labels.size and labels.min() < 0):
        raise CaseError(
            f"Expected labels (N, 1), whole numbers from 0 on, but {part}_labels of {file} are {labels.dtype} "
            f"{labels.shape}."
        )
    return labels.reshape(-1)


def _named(names: Sequence[str] | None, labels: NDArray[np.integer], file: Path) -> list[str]:
    if labels.ndim == 2:
        names = [f"finding {index}" for index in range(labels.shape[1])] if names is None else list(names)
        if len(set(names)) != labels.shape[1]:
            raise CaseError(
                f"Expected a name for each of {labels.shape[1]} findings, but got {names} for {file}. Name them in "
                "cases.classes."
            )
        return names
    distinct = np.unique(labels).tolist()
    names = [f"class {value}" for value in range(max(distinct, default=-1) + 1)] if names is None else list(names)
    if len(distinct) < 2:
        raise CaseError(f"Expected at least two classes, but got {distinct} in {file}.")
    if distinct != list(range(len(names))):
        raise CaseError(
            f"Expected labels 0 to {len(names) - 1} for {names}, but got {distinct} in {file}. Name the classes in "
            "cases.classes."
        )
    return names


def _check_images(images: NDArray, count: int, where: str) -> bool:
    """Check the form of one part; return whether it holds volumes."""
    colours = images.ndim == 4 and images.shape[-1] == 3
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or len(images) != count:
        raise CaseError(
            f"Expected {count} images of 8 bits, (N, H, W), (N, H, W, 3) or (N, H, W, D), but got {images.dtype} "
            f"{images.shape} as {where}."
        )
    return images.ndim == 4 and not colours


def _save_plane(path: Path, pixels: NDArray[np.uint8]) -> None:
    with aside(path) as temporary:
        Image.fromarray(pixels).save(temporary)


def _save_volume(path: Path, voxels: NDArray[np.uint8]) -> None:
    with aside(path) as temporary:  # the set says nothing of voxel sizes and orientation
        nib.save(nib.Nifti1Image(voxels, np.eye(4)), temporary)
