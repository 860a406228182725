"""Runs with painted sets, as the audits of privacy and fidelity ask for them: plane images and volumes of tiny size."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from synthtrust.cases import Case, Cohort, Source
from synthtrust.cases.manifest import read_manifest

CLASSES = {"no": 0, "yes": 1}


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


def plane(folder, name, image, label, source=Source.REAL, patient=""):
    """Write a plane image in eight bits, 0 left for nothing; return its case."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image.round().clip(1, 255).astype(np.uint8)).save(folder / f"{name}.png")
    return Case(name, {"grey": folder / f"{name}.png"}, label, source, patient)


def plane_twins(folder, real, images):
    """Write an image for each real case; return the cohort."""
    cases = tuple(
        plane(folder, case.id, image, case.label, Source.SYNTHETIC, case.patient)
        for case, image in zip(real.cases, images)
    )
    return Cohort("twins", cases, ("grey",), CLASSES)
