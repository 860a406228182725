"""Runs with painted sets, as the audits of privacy and fidelity ask for them: plane images and volumes of tiny size."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from synthtrust.cases import Case, Cohort, Source
from synthtrust.cases.manifest import read_manifest
from synthtrust.testing.tiny import save_nifti

CLASSES = {"no": 0, "yes": 1}
REGIONS = {"left": 1, "right": 2}


@dataclass(frozen=True)
class PaintedRun:
    """A run that trained on the first cases of its cohort, and on the twins of a set."""

    cohort: Cohort
    folder: Path
    n_train: int

    @cached_property
    def twins(self):
        return read_manifest(self.folder)

    def data(self):
        ids = [case.id for case in self.cohort.cases]
        train, test = ids[: self.n_train], ids[self.n_train :]
        drawn = {"train": {"real": [], "synthetic": train}}
        return {"splits": {"train": train, "val": [], "test": test}, "twins": str(self.folder), "drawn": drawn}

    def facts(self):
        return {"mode": "complement", "alpha": 0.0, "seed": 0}


def plane(folder, name, image, class_index, source=Source.REAL, patient=""):
    """Write a plane image in eight bits, 0 left for nothing; return its case."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image.round().clip(1, 255).astype(np.uint8)).save(folder / f"{name}.png")
    return Case(name, {"grey": folder / f"{name}.png"}, source=source, patient=patient, class_index=class_index)


def plane_twins(folder, real, images):
    """Write an image for each real case; return the cohort."""
    cases = tuple(
        plane(folder, case.id, image, case.class_index, Source.SYNTHETIC, case.patient)
        for case, image in zip(real.cases, images)
    )
    return Cohort("twins", cases, ("grey",), CLASSES)


def textured(rng, label):
    """Return a volume with a texture of its own on two regions that the label gives their level."""
    field = gaussian_filter(rng.normal(size=label.shape), 0.8)
    return 100 + 40.0 * label + 20 * field / field.std()


def textured_volumes(folder, n, rng):
    """Write volumes with two regions, each in another place; return the cohort."""
    real = []
    for i in range(n):
        label = np.zeros((14, 16, 12), dtype=np.uint8)
        a, b, c = rng.integers(2, 6, 3)
        label[a : a + 7, b : b + 8, c : c + 6] = 1
        label[a + 3 : a + 7, b : b + 8, c : c + 6] = 2
        files = {"mri": save_nifti(folder / f"v{i:02d}_mri.nii.gz", textured(rng, label).astype(np.float32))}
        real.append(Case(f"v{i:02d}", files, save_nifti(folder / f"v{i:02d}_label.nii.gz", label)))
    return Cohort("volumes", tuple(real), ("mri",), REGIONS)
