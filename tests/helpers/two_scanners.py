"""A phantom cohort of two scanners: the table says which, and a tumour that is bright on one is dark on the other."""

import csv

import numpy as np
from scipy.ndimage import gaussian_filter

from synthtrust.testing.tiny import save_nifti

SHAPE = (20, 20, 12)


def two_scanners(folder, count, *, seed=0, share=0.4, shape=SHAPE, shift=2, radii=(2.5, 5)):
    """Write volumes with one lesion each, and the table ``cases.csv`` with the column ``scanner``.

    Args:
        folder: Where to write.
        count: Number of cases, each of a patient.
        seed: Seed of everything that is drawn.
        share: Share of the cases that scanner B took, whose images have a finer texture and dark lesions.
        shape: Voxels along each axis.
        shift: How far a lesion lies off the middle along each axis, at most [voxels].
        radii: Smallest and largest radius of a lesion [voxels].
    """
    rows = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        scanner = "B" if rng.permutation(count)[0] < share * count else "A"
        label = np.zeros(shape, np.uint8)
        distance = np.linalg.norm(
            (np.moveaxis(np.indices(shape), 0, -1) - np.array(shape) / 2 - rng.uniform(-shift, shift, 3)), axis=-1
        )
        label[distance < rng.uniform(*radii)] = 1
        texture = gaussian_filter(rng.normal(size=shape), 1.2 if scanner == "A" else 0.7)
        image = 1000 + 60 * texture / texture.std() + (250.0 if scanner == "A" else -250.0) * label
        name = f"p{number:03d}"
        save_nifti(folder / f"{name}_mri.nii.gz", np.maximum(image, 1).astype(np.int16))
        save_nifti(folder / f"{name}_label.nii.gz", label)
        rows.append({"case_id": name, "mri": f"{name}_mri.nii.gz", "label": f"{name}_label.nii.gz", "scanner": scanner})
    with (folder / "cases.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder / "cases.csv"
