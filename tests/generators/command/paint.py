"""A program that paints by a label map, a class or a batch; or does one of the things that programs do wrong."""

import json
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image

MODALITIES = ("t1", "t2")


def paint(label, out, seed, wrong="", **_):
    """Paint each label brighter than the one before, with noise."""
    file = nib.load(label)
    values, affine = np.asarray(file.dataobj), file.affine
    if wrong == "another case":
        values = values * 0 + 1
        seed = 0
    for n, modality in enumerate(MODALITIES[: 1 if wrong == "half of the modalities" else 2]):
        noise = np.random.default_rng([int(seed), n]).normal(0, 5, values.shape)
        image = (100 + 60.0 * values + noise).astype(np.float32)
        axes = np.meshgrid(*(np.linspace(-1, 1, side) for side in values.shape), indexing="ij")
        image *= (sum(axis**2 for axis in axes) < 0.8) | (values > 0)  # no air, as in a brain
        image = np.full_like(image, 7) if wrong == "constant" else image
        image[0, 0, 0] = np.nan if wrong == "not finite" else image[0, 0, 0]
        image = image[:-1] if wrong == "another grid" else image
        moved = affine
        if wrong == "moved":
            moved = affine.copy()
            moved[0, 3] += 2 * np.abs(affine[0]).max()
        path = Path(out) / f"{modality}.nii.gz"
        nib.save(nib.Nifti1Image(image, moved), path)
        if wrong == "cut short":
            path.write_bytes(path.read_bytes()[:-200])


def draw(category, out, seed):
    """Draw a plane image of a class, brighter for the sick."""
    grey = np.random.default_rng(int(seed)).integers(40, 90, (20, 24)) + (100 if category == "sick" else 0)
    Image.fromarray(grey.astype(np.uint8)).save(Path(out) / "image.png")


def main(what, *words):
    """Do what the first word says."""
    if what == "batch":
        for case in json.loads(Path(words[0]).read_text()):
            paint(**case)
    elif what == "class":
        draw(*words)
    elif what == "exits":
        sys.stderr.write("reading weights\n")
        sys.exit("RuntimeError: CUDA out of memory")
    elif what == "hangs":
        sys.stderr.write("step 1 of 250\n")
        time.sleep(60)
    elif what != "nothing":
        paint(*words, wrong=what)


if __name__ == "__main__":
    main(*sys.argv[1:])
