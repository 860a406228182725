"""A sweep at the scale of a paper whose scores are planted: runs as the audits take them, or as folders on disk."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthtrust.conventions import FACTS, SCORES, TRIVIAL
from synthtrust.files import write_json

REGIONS = ("NCR", "ED", "ET")
MODALITIES = ("t1", "t1ce", "t2", "flair")


@dataclass(frozen=True)
class PlantedRun:
    """A run of which only the scores are there."""

    alpha: float
    seed: int
    table: pd.DataFrame

    @property
    def folder(self) -> Path:
        """A name; nothing lies there."""
        return Path(f"alpha_{self.alpha:g}_seed_{self.seed}")

    def facts(self) -> dict[str, Any]:
        """Return what the audits and the page ask for."""
        return {
            "task": "segmentation", "cohort": "planted", "licence": "CC0", "network": "SwinUNETR", "steps": 500,
            "modalities": list(MODALITIES), "labels": {name: n for n, name in enumerate(REGIONS, 1)},
            "regions": {name: [n] for n, name in enumerate(REGIONS, 1)}, "empty": "brats", "alpha": self.alpha,
            "seed": self.seed, "mode": "complement", "overlap": {"status": "none"}, "command": "python train.py",
            "generator": {"_target_": "synthtrust.generators.Tissue", "seed": 0},
        }  # fmt: skip

    def scores(self) -> pd.DataFrame:
        """Return a row for each case, source and region."""
        return self.table


def planted_sweep(n_cases: int, n_alphas: int, n_seeds: int = 3) -> list[PlantedRun]:
    """Return runs whose networks see cases as hard or easy, and their twins nearly so; one region in 30 fails."""
    rng = np.random.default_rng(0)
    real = rng.beta(8, 2, (n_cases, len(REGIONS)))
    sources = {"real": real, "synthetic": np.clip(real + rng.normal(0, 0.08, real.shape), 0, 1)}
    cases = np.repeat([f"case{i:05d}" for i in range(n_cases)], len(REGIONS))
    runs = []
    for alpha in np.linspace(0, 1, n_alphas).round(6).tolist():
        for seed in range(n_seeds):
            tables = []
            for source, base in sources.items():
                dice = np.clip(base - 0.1 * (1 - alpha) + rng.normal(0, 0.01) + rng.normal(0, 0.03, base.shape), 0, 1)
                dice[rng.random(dice.shape) < 1 / 30] = 0
                columns = {"alpha": alpha, "seed": seed, "mode": "complement", "case": cases, "patient": cases}
                counts = {"n_reference": 1000, "n_prediction": 900}
                names = {"source": source, "region": list(REGIONS) * n_cases}
                tables.append(pd.DataFrame({**columns, **names, "dice": dice.ravel(), **counts}))
            table = pd.concat(tables, ignore_index=True)
            if alpha == 1:
                table["trivial_dice"] = np.where(table["source"] == "real", 0.1, np.nan)
            runs.append(PlantedRun(alpha, seed, table))
    return runs


def planted_volumes(n_cases: int) -> pd.DataFrame:
    """Return the volume of each region in every real case."""
    draw = np.random.default_rng(1).lognormal(2, 1, (n_cases, len(REGIONS))).ravel()
    cases = np.repeat([f"case{i:05d}" for i in range(n_cases)], len(REGIONS))
    names = {"case": cases, "patient": cases, "part": "test", "source": "real", "region": list(REGIONS) * n_cases}
    return pd.DataFrame({**names, "n_voxels": (1000 * draw).astype(int), "volume_ml": draw})


def write_sweep(folder: Path, runs: list[PlantedRun], n_cases: int) -> Path:
    """Write runs as a training leaves them, but for their configs, checkpoints and cases; return their folder."""
    twins = folder / "synthetic" / "Tissue-planted"
    cases = [f"case{i:05d}" for i in range(n_cases)]
    files = {modality: {"file": f"{modality}.nii.gz", "sha256": "0" * 64} for modality in MODALITIES}
    entry = {"source": "synthetic", "label": {"file": "label.nii.gz", "sha256": "0" * 64}, "images": files}
    recipe = {"generator": "synthtrust.generators.Tissue", "parameters": {"seed": 0}}
    twins.mkdir(parents=True)
    write_json(
        twins / "manifest.json",
        {
            "format": 1, "name": "planted", "licence": "CC0", "made_by": recipe, "intended_use": "Benchmarks.",
            "training_ids": ["another"], "modalities": list(MODALITIES), "labels": runs[0].facts()["labels"],
            "cases": [{"id": case, "patient": case, **entry} for case in cases],
        },
    )  # fmt: skip
    splits = {"train": ["another"], "val": [], "test": cases}
    for run in runs:
        stored = folder / "runs" / run.folder
        stored.mkdir(parents=True)
        scores = run.scores()
        scores.drop(columns="trivial_dice", errors="ignore").to_csv(stored / SCORES, index=False)
        if "trivial_dice" in scores:
            trivial = scores.loc[scores["source"] == "real", ["case", "region", "trivial_dice"]]
            trivial.to_csv(stored / TRIVIAL, index=False)
        planted_volumes(n_cases).to_csv(stored / "volumes.csv", index=False)
        write_json(stored / "data.json", {"splits": splits, "drawn": {}, "twins": str(twins)})
        write_json(stored / FACTS, run.facts())
    return folder / "runs"
