"""Runs on regions of 5 to 5,000 voxels whose scores are planted, with and without a loss of small ones."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

REGIONS = ("ET", "ED")


@dataclass
class SizedSegmenter:
    """Dice grows with the volume; training on synthetic cases alone may lose small structures, or all alike."""

    alpha: float
    seed: int
    loses: str = "nothing"
    """``small``, ``all alike`` or ``nothing``, of a run at alpha 0."""
    n: int = 40
    draw: int = 0
    """Which cohort and training it is."""
    generator: str = "Tissue"
    has_lesions: bool = False
    spacing: tuple | None = (1.0, 1.0, 2.0)
    voxels: tuple = (5, 5000)
    """The smallest and the largest region [voxels]."""
    mode = "complement"

    @property
    def folder(self):
        return Path(f"runs/{self.generator}/alpha_{self.alpha:g}_seed_{self.seed}")

    def facts(self):
        spacing = {} if self.spacing is None else {"spacing_mm": list(self.spacing)}
        return {"cohort": "planted", "generator": {"_target_": self.generator, "seed": self.seed},
                "alpha": self.alpha, **spacing}  # fmt: skip

    def _cube(self):
        """Return voxels (n, 2) and Dice of real and synthetic test cases."""
        of_cohort = np.random.default_rng([self.draw, 1])
        size = np.exp(of_cohort.uniform(*np.log(self.voxels), (self.n, 2))).round().astype(int)
        hard = 0.05 * of_cohort.normal(size=(self.n, 1)) + 0.04 * of_cohort.normal(size=(self.n, 2))
        of_run = np.random.default_rng([self.draw, 2, self.seed, int(10 * self.alpha), len(self.loses)])
        level = 0.75 + 0.05 * np.log10(size / 200) + hard
        if self.alpha == 0 and self.loses == "small":
            level = level - 0.3 / (1 + (size / 200) ** 2)  # as where lesions up to 200 voxels were not seen
        if self.alpha == 0 and self.loses == "all alike":
            level = level - 0.15
        noise = 0.01 * of_run.normal() + 0.03 * of_run.normal(size=(2, *size.shape))
        return size, np.clip(level + noise, 0, 1)

    def scores(self):
        size, dice = self._cube()
        place = pd.MultiIndex.from_product([("real", "synthetic"), range(self.n), REGIONS])
        source, case, region = (place.get_level_values(level) for level in range(3))
        voxels = np.tile(size.ravel(), 2)
        return pd.DataFrame(
            {"alpha": self.alpha, "seed": self.seed, "mode": self.mode, "case": [f"case{i:02d}" for i in case],
             "patient": [f"p{i // 2:02d}" for i in case], "source": source, "region": region, "dice": dice.ravel(),
             "n_reference": voxels, "n_prediction": voxels}
        )  # fmt: skip

    def lesions(self):
        if not self.has_lesions:
            return None
        table = self.scores().rename(columns={"n_reference": "n_overlap"})
        table["n_overlap"] *= table["dice"] > 0.6
        return table.assign(lesion=0, volume_ml=self.scores()["n_reference"] * 0.002)


def sized(loses, *, seeds=3, **options):
    """Return TSTR that loses something beside TRTR."""
    return [SizedSegmenter(alpha, seed, loses, **options) for alpha in (0.0, 1.0) for seed in range(seeds)]
