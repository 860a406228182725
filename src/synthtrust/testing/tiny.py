"""Tiny cases: brains of a few thousand voxels with a nested tumour, on disk, named as a BraTS release names them."""

from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthtrust.cases import Case, Cohort, read_brats
from synthtrust.cases.geometry import as_stored
from synthtrust.cases.readers.brats_labels import OLD, meaning_of
from synthtrust.cases.readers.brats_names import SUFFIXES
from synthtrust.cases.readers.label_values import numbered
from synthtrust.files import aside

AFFINE = np.array([[-1.5, 0, 0, 11], [0, -1.25, 0, 17], [0, 0, 2, -9], [0, 0, 0, 1]])
"""Voxel -> world [mm]: left-posterior-superior and never the identity, so that a lost affine is noticed."""

STEMS = {
    "2018": "Brats18_TCIA01_{:03d}_1",
    "2019": "BraTS19_CBICA_{:03d}_1",
    "2020": "BraTS20_Training_{:03d}",
    "2021": "BraTS2021_{:05d}",
    "2023": "BraTS-GLI-{:05d}-000",
    "2024": "BraTS-GLI-{:05d}-100",
    "2025": "BraTS-GLI-{:05d}-101",
}
"""Release -> how it names its cases."""

# Brain, NCR, ED, ET, RC [intensity units]: each modality has its own scale and its own order of tissues.
PALETTE = {
    "flair": (200, 150, 380, 300, 90),
    "t1ce": (450, 280, 400, 900, 130),
    "t1": (320, 210, 260, 290, 70),
    "t2": (500, 800, 750, 650, 1000),
}


def tiny_cases(
    folder: str | Path,
    count: int = 4,
    shape: tuple[int, int, int] = (16, 20, 24),
    modalities: Sequence[str] = ("flair", "t1ce"),
    release: str = "2021",
    seed: int = 0,
) -> list[Case]:
    """Write tiny cases into a folder and read them back, in order of id.

    Args:
        folder: Where to write; each case has its own folder in it.
        count: How many, each of another patient.
        shape: Voxels per axis, at least 12 each.
        modalities: Which images each case has.
        release: The BraTS release whose file names and label values they have; 2020 is written unpacked (``.nii``),
            and from 2024 on each case has a resection cavity.
        seed: The seed of everything that is drawn.
    """
    return list(tiny_cohort(folder, count, shape, modalities, release, seed).cases)


def tiny_cohort(
    folder: str | Path,
    count: int = 4,
    shape: tuple[int, int, int] = (16, 20, 24),
    modalities: Sequence[str] = ("flair", "t1ce"),
    release: str = "2021",
    seed: int = 0,
) -> Cohort:
    """Write tiny cases into a folder and read it back; the arguments are those of ``tiny_cases``."""
    folder = Path(folder)
    _, relabel = numbered(meaning_of("GLI" if release >= "2023" else OLD, release, folder))
    in_file = {canonical: value for value, canonical in relabel.items()}
    mark, suffix, modern = ("_", ".nii.gz", 0) if release <= "2021" else ("-", ".nii.gz", 1)
    suffix = ".nii" if release == "2020" else suffix
    for n in range(count):
        rng = np.random.default_rng((seed, n))
        label, images = draw_tiny(shape, modalities, rng, cavity=4 in in_file)
        stem = STEMS[release].format(n)
        files = {SUFFIXES[modality][modern]: image for modality, image in images.items()}
        files["seg"] = np.vectorize(in_file.get, otypes=[np.uint8])(label)
        for name, voxels in files.items():
            save_nifti(folder / stem / f"{stem}{mark}{name}{suffix}", voxels)
    return read_brats(folder, modalities=modalities, release=release)


def draw_tiny(
    shape: tuple[int, int, int], modalities: Sequence[str], rng: np.random.Generator, *, cavity: bool = False
) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.int16]]]:
    """Draw a label map and its images in memory.

    Returns:
        The label map ``(H, W, D)`` in canonical labels: NCR (1) inside ET (3) inside ED (2), and a cavity (4) on the
        other side if asked for. The images by modality, ``(H, W, D)``, exactly 0 outside the brain.
    """
    position = np.stack(
        np.meshgrid(*(np.linspace(-1, 1, side) for side in shape), indexing="ij"), axis=-1
    )  # (H, W, D, 3)
    brain = np.linalg.norm(position, axis=-1) < 0.95
    centre = rng.uniform(0.2, 0.35, 3) * rng.choice([-1, 1], 3)
    from_tumour = np.linalg.norm(position - centre, axis=-1) / rng.uniform(0.9, 1.1)
    label = np.zeros(shape, dtype=np.uint8)
    for radius, value in ((0.48, 2), (0.36, 3), (0.2, 1)):
        label[brain & (from_tumour < radius)] = value
    if cavity:
        label[brain & (np.linalg.norm(position + centre, axis=-1) < 0.2)] = 4

    tissue = np.where(brain, label, 5)  # 5: nothing
    images = {}
    for modality in modalities:
        clean = np.array([*PALETTE[modality], 0])[tissue]
        noisy = clean * rng.normal(1, 0.05, shape)
        images[modality] = np.where(brain, np.maximum(noisy, 1), 0).astype(np.int16)
    return label, images


def save_nifti(path: str | Path, voxels: ArrayLike, affine: NDArray[np.floating] = AFFINE) -> Path:
    """Write one volume in the type it has, and make the folder it lies in.

    Args:
        path: The path of the file.
        voxels: Towards right, anterior and superior, as a case reads them; stored they are as the affine has them.
        affine: Voxel -> world [mm] of the file.
    """
    voxels = np.asarray(voxels)
    with aside(path) as temporary:
        nib.save(nib.Nifti1Image(as_stored(voxels, affine) if voxels.ndim > 2 else voxels, affine), temporary)
    return Path(path)
