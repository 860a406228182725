"""Privacy, label maps: how often those of strangers are called a patient's, and how often planted copies are.

Asked of hippocampi where SYNTHTRUST_DATA names a folder with Task04_Hippocampus: others of the cohort stand for label
maps that are nobody's.
"""

import os
from functools import cache
from pathlib import Path

import numpy as np

from calibration.study import DESCRIBED, NEVER_MORE_THAN_1_IN_20, Cell, Promise
from synthtrust.audits.privacy import p5_label_maps as p5
from synthtrust.audits.privacy.label_map_copies import COPIES
from synthtrust.audits.privacy.settings import PrivacySettings
from synthtrust.cases import read_msd
from synthtrust.metrics.functional import CopySearch, label_shapes

HIPPOCAMPI = Path(os.environ.get("SYNTHTRUST_DATA", "")) / "Task04_Hippocampus"
N_TRAIN, N_UNSEEN, N_SET = 80, 60, 60
N_COPIES = round(0.05 * N_SET)
SETTINGS = PrivacySettings()
ALMOST_ALWAYS = Promise(0.95, 1.0, 0.95)
"""Copies that are to be called."""


@cache
def hippocampi() -> list[np.ndarray]:
    """Return the label maps of the cohort."""
    return [case.load_label() for case in read_msd(HIPPOCAMPI, None, None).cases]


@cache
def shape(i: int, kind: str | None = None) -> np.ndarray:
    """Return the shape of a label map, or of a copy of it."""
    label = hippocampi()[i]
    return label_shapes(label if kind is None else COPIES[kind](label, np.random.default_rng([i, 7])), (1, 2))


def called(search: CopySearch, right: np.ndarray) -> np.ndarray:
    """Return which label maps are called those of the right training case, as the audit does it."""
    found = p5.beyond_chance(search, np.zeros(len(search.copy), bool), p5.BY_ITSELF * SETTINGS.copy_threshold)
    return found.copy & right


def simulate(rng: np.random.Generator, repetitions: int) -> dict[str, np.ndarray]:
    """Draw training, unseen and synthetic label maps; then let copies of each kind take the place of a few of these."""
    outcomes: dict[str, list[float]] = {}
    for _ in range(repetitions):
        train, unseen, others = np.split(
            rng.permutation(len(hippocampi()))[: N_TRAIN + N_UNSEEN + N_SET], [N_TRAIN, N_TRAIN + N_UNSEEN]
        )
        copied = [shape(int(i), kind) for kind in COPIES for i in train[:N_COPIES]]
        queries = np.stack([*(shape(int(i)) for i in (*unseen, *others)), *copied])
        similarity, index = p5.nearest_patients(queries, np.stack([shape(int(i)) for i in train]), np.arange(N_TRAIN))
        null = similarity[:, :N_UNSEEN]
        honest = np.arange(N_UNSEEN, N_UNSEEN + N_SET)
        search = SETTINGS.search(similarity[:, honest], null)
        anyone = np.ones(N_SET, bool)
        outcomes.setdefault("no copies: NOT SUPPORTED", []).append(called(search, anyone).any())
        outcomes.setdefault("no copies: a label map beyond the threshold", []).append(search.copy.any())
        for number, kind in enumerate(COPIES):
            copies = N_UNSEEN + N_SET + number * N_COPIES + np.arange(N_COPIES)
            of_set = np.concatenate([copies, honest[N_COPIES:]])
            search = SETTINGS.search(similarity[:, of_set], null)
            nearest = index[:, of_set][search.view, np.arange(N_SET)]
            right = called(search, (nearest == np.arange(N_SET)) & (np.arange(N_SET) < N_COPIES))
            outcomes.setdefault(f"{kind}: NOT SUPPORTED", []).append(right.any())
            outcomes.setdefault(f"{kind}: named with its source", []).append(right[:N_COPIES].mean())
    return {name: np.array(values, dtype=float) for name, values in outcomes.items()}


PROMISES = {
    "no copies: NOT SUPPORTED": NEVER_MORE_THAN_1_IN_20,
    "no copies: a label map beyond the threshold": DESCRIBED,
}
for name in COPIES:
    PROMISES |= {f"{name}: NOT SUPPORTED": ALMOST_ALWAYS, f"{name}: named with its source": DESCRIBED}

CELLS = (
    [
        Cell(
            "Privacy: label maps",
            "5 % of copies",
            f"200 hippocampi: {N_TRAIN} training, {N_UNSEEN} unseen and {N_SET} synthetic label maps",
            PROMISES,
            simulate,
            20,
        )
    ]
    if HIPPOCAMPI.exists()
    else []
)
