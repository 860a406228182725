"""The phantom slices: procedural brain slices with and without a tumour, for everybody without labelled images."""

from pathlib import Path
from typing import Any

from PIL import Image

from synthtrust.cases.cohort import Cohort
from synthtrust.cases.manifest import write_manifest
from synthtrust.cases.phantom.painter import PHANTOM_VERSION, SMALLEST_SIDE
from synthtrust.cases.phantom.slice_painter import SLICES_VERSION, paint_slice
from synthtrust.cases.phantom.volumes import LICENCE
from synthtrust.cases.readers.labelled import GREY, case_of
from synthtrust.cases.readers.make_once import make_once
from synthtrust.files import aside, fingerprint
from synthtrust.progress import track
from synthtrust.refusals import Refusal

CLASSES = {"no tumour": 0, "tumour": 1}


def phantom_slices(folder: str | Path, n_cases: int = 400, side: int = 48, seed: int = 0) -> Cohort:
    """Make a cohort of labelled slices, or find the one that the same arguments made before.

    Every second slice has a tumour, small and often faint, beside hyperintensities of age that look like one. Case i
    depends on ``(seed, i)`` and the side alone: a larger cohort begins with the smaller one.

    Args:
        folder: Gets a subfolder named by the fingerprint of the recipe. A set that was cut short is completed.
        n_cases: Number of slices; each is of a patient of its own.
        side: Pixels, the same in both directions.
        seed: The seed of the whole cohort, not negative.

    Raises:
        Refusal: If there are fewer than two cases, a side is shorter than 16 pixels, or the seed is negative.
    """
    recipe = {
        "cases": "phantom_slices",
        "phantom_version": PHANTOM_VERSION,
        "slices_version": SLICES_VERSION,
        "n_cases": int(n_cases),
        "side": int(side),
        "seed": int(seed),
    }
    if n_cases < len(CLASSES):
        raise Refusal(f"Expected at least one case of each class, but got n_cases={n_cases}.")
    if side < SMALLEST_SIDE:
        raise Refusal(f"Expected a side of at least {SMALLEST_SIDE} pixels, but got side={side}.")
    if seed < 0:
        raise Refusal(f"Expected a seed of at least 0, but got {seed}.")
    return make_once(Path(folder) / f"phantom_slices-{fingerprint(recipe)}", lambda folder: _make(folder, recipe))


def _make(folder: Path, recipe: dict[str, Any]) -> Cohort:
    names = [f"slice_{index:04d}" for index in range(recipe["n_cases"])]
    cases = [case_of(name, folder / f"{name}.png", GREY, class_index=n % len(CLASSES)) for n, name in enumerate(names)]
    missing = [(n, case) for n, case in enumerate(cases) if not case.images["grey"].exists()]
    for n, case in track(missing, "Painting slices"):
        pixels = paint_slice(recipe["seed"], n, recipe["side"], tumour=case.class_index == CLASSES["tumour"])
        with aside(case.images["grey"]) as temporary:
            Image.fromarray(pixels).save(temporary)
    cohort = Cohort("phantom_slices", tuple(cases), GREY, CLASSES, LICENCE)
    write_manifest(folder, cohort, made_by=recipe)
    return cohort
