"""Runs whose scores are planted: a segmenter's Dice, and how well a classifier tells the classes."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

# Golden values of the trust factors: four cases in three regions, and their twins.
REAL = [[0.80, 0.90, 0.60], [0.70, 0.85, 0.50], [0.90, 0.95, 0.75], [0.60, 0.80, 0.35]]
SYNTHETIC = [[0.82, 0.91, 0.66], [0.78, 0.88, 0.60], [0.91, 0.93, 0.78], [0.70, 0.84, 0.50]]
REGIONS = ("ET", "ED", "NCR")


@dataclass
class PlantedSegmenter:
    """Every case of every region has the Dice that is planted."""

    alpha: float = 1.0
    seed: int = 0
    real: list = field(default_factory=lambda: REAL)
    synthetic: list = field(default_factory=lambda: SYNTHETIC)
    mode: str = "complement"
    cohort: str = "planted"
    ids: tuple = ()
    trivial: float | None = 0.1
    """What position alone scores on every real case, of a run of real training; None for a run of an older version."""
    empty: tuple = ()
    """(case, region) whose reference is empty, and how many voxels are predicted there."""
    generator: str = "Tissue"
    surfaces: bool = False
    """Whether distances and lesions were scored: the worse the Dice, the longer the distance."""

    @property
    def folder(self):
        return Path(f"runs/{self.mode}_alpha_{self.alpha:g}_seed_{self.seed}")

    def facts(self):
        return {"cohort": self.cohort, "generator": {"_target_": self.generator, "seed": self.seed},
                "alpha": self.alpha, "overlap": {"status": "none"}}  # fmt: skip

    def scores(self):
        ids = self.ids or tuple(f"case{i}" for i in range(len(self.real)))
        rows = [
            {"alpha": self.alpha, "seed": self.seed, "mode": self.mode, "case": case, "patient": f"of {case}",
             "source": source, "region": region, "dice": dice, "n_reference": 100, "n_prediction": 90}
            for source, dices in (("real", self.real), ("synthetic", self.synthetic))
            for case, row in zip(ids, dices, strict=True)
            for region, dice in zip(REGIONS, row, strict=True)
        ]  # fmt: skip
        table = pd.DataFrame(rows)
        for case, region, n_prediction in self.empty:
            rows = (table["case"] == case) & (table["region"] == region)
            table.loc[rows, ["n_reference", "n_prediction"]] = [0, n_prediction]
            table.loc[rows, "dice"] = 0.0 if n_prediction else 1.0
        if self.trivial is not None and self.alpha == 1:
            real, absent = table["source"] == "real", table["n_reference"] == 0
            table["trivial_dice"] = np.where(absent, 1.0, self.trivial)
            table.loc[~real, "trivial_dice"] = np.nan
        if self.surfaces:
            table["surface_dice"], table["hd95"] = table["dice"] ** 0.5, 20 * (1 - table["dice"])
            table["lesion_dice"], table["lesion_hd95"] = 0.9 * table["dice"], 40 * (1 - table["dice"])
            table = table.assign(n_lesions=1, n_found=1, n_false_positives=0)
        return table


def shifted(run, by, **changes):
    return replace(run, real=(np.asarray(run.real) + by).clip(0, 1).tolist(), **changes)


@dataclass
class PlantedClassifier:
    """Class k is told from the others by a shift of ``skill`` in its log odds; 0 is guessing."""

    alpha: float = 1.0
    seed: int = 0
    skill: float = 2.0
    n: int = 120
    mode: str = "complement"
    generator: str = "synthtrust.generators.Tissue"
    classes: tuple = ("no", "yes")
    truth: tuple = ()
    """The class of each case, by name; in turn by default."""
    images: int = 1
    """Test images of each patient."""
    sources: tuple = ("real", "synthetic")
    facts_: dict = field(default_factory=dict)
    first_case: int = 0
    jitter: float = 0.3
    """How much two seeds differ on a case."""

    @property
    def folder(self):
        return Path(f"runs/{self.generator.rpartition('.')[2]}/{self.mode}_alpha_{self.alpha:g}_seed_{self.seed}")

    def facts(self):
        return {
            "task": "classification", "classes": list(self.classes), "cohort": "planted", "alpha": self.alpha,
            "generator": {"_target_": self.generator, "seed": self.seed}, "overlap": {"status": "none"}, "val": "mix",
        } | self.facts_  # fmt: skip

    def target(self):
        return list(self.truth) or [self.classes[i % len(self.classes)] for i in range(self.n)]

    def scores(self):
        tables = []
        for source in self.sources:
            target, c = self.target(), len(self.classes)
            odds = np.random.default_rng(self.sources.index(source)).normal(size=(len(target), c))  # of the cases
            odds += self.jitter * np.random.default_rng([self.seed, int(8 * self.alpha)]).normal(size=odds.shape)
            odds[np.arange(len(target)), [self.classes.index(name) for name in target]] += self.skill
            probability = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
            number = np.repeat(np.arange(len(target)), c)
            tables.append(
                pd.DataFrame(
                    {
                        "alpha": self.alpha,
                        "seed": self.seed,
                        "mode": self.mode,
                        "case": [f"c{self.first_case + i:04d}" for i in number],
                        "patient": [f"p{(self.first_case + i) // self.images:04d}" for i in number],
                        "source": source,
                        "target": [target[i] for i in number],
                        "class": list(self.classes) * len(target),
                        "probability": probability.ravel(),
                    }
                )
            )
        return pd.concat(tables, ignore_index=True)


def sweep(tstr, trtr, seeds=(0, 1, 2), **options):
    """TSTR of one skill, TRTR of another."""
    return [
        PlantedClassifier(alpha, seed, skill, **options)
        for alpha, skill in ((0.0, tstr), (1.0, trtr))
        for seed in seeds
    ]


def segmenters(loss, *, seeds=3, n=40, spread=0.01):
    """TSTR loses some Dice of every case of TRTR; two seeds differ by ``spread``."""
    rng = np.random.default_rng(0)
    base = rng.uniform(0.6, 0.8, (n, 3))
    return [
        PlantedSegmenter(alpha, seed, (base - loss * (1 - alpha) + noise).tolist(), base.tolist())
        for alpha in (0.0, 1.0)
        for seed in range(seeds)
        for noise in [spread * rng.normal() + 0.01 * rng.normal(size=base.shape)]
    ]


def with_controls(added=0.1, *, seeds=3, n=40, shares=(0.2, 0.5)):
    """Plant a sweep beside its count-matched controls, which a mix exceeds by ``added`` at the first share alone."""
    rng = np.random.default_rng(0)
    base = rng.uniform(0.5, 0.8, (n, 3))
    levels = {("complement", alpha): 0.1 * alpha for alpha in (0.0, *shares, 1.0)}
    levels |= {("real_only", alpha): 0.1 * alpha - added * (alpha == shares[0]) for alpha in shares}
    return [
        PlantedSegmenter(alpha, seed, (base + level + noise).tolist(), base.tolist(), mode=mode)
        for (mode, alpha), level in levels.items()
        for seed in range(seeds)
        for noise in [0.005 * rng.normal() + 0.01 * rng.normal(size=base.shape)]
    ]


def sentences(verdict):
    """Return the reasons of one verdict, or of every verdict in a table, as the page has them."""
    rows = verdict["reasons"] if isinstance(verdict, pd.DataFrame) else [verdict["reasons"]]
    return " ".join(reason.text for reasons in rows for reason in reasons)


def codes(verdict):
    """Return the kinds of the reasons of one verdict."""
    return [reason.code for reason in verdict["reasons"]]


def verdict_of(tables):
    """Return the one verdict of an audit."""
    (verdict,) = tables["verdict"].to_dict("records")
    return verdict


def tstr_against_trtr(tables, measure="auc"):
    """Return the row of one measure in the table of contrasts."""
    rows = tables["comparison"]
    (row,) = rows[(rows["contrast"] == "TSTR") & (rows["measure"] == measure)].to_dict("records")
    return row


def rows_of(tables, measure):
    """Return the rows of one measure in the tests of the privacy audit."""
    table = tables["tests"]
    return table[table["measure"] == measure].to_dict("records")


def scored_pairs(real, synthetic, *, seeds=3, n=40, spread=0.003):
    """Return runs at alpha 1 whose scores on n cases and their twins are given, a little else in every seed."""
    rng = np.random.default_rng(0)

    def scored(dice):
        return np.clip(dice[:n] + rng.normal(0, spread, (n, 3)), 0, 1).tolist()

    return [PlantedSegmenter(1.0, seed, scored(real), scored(synthetic)) for seed in range(seeds)]


def alike_pairs():
    """Return the Dice of 40 cases in three regions, and that of twins which are as hard."""
    rng = np.random.default_rng(1)
    real = rng.uniform(0.5, 0.9, (40, 3))
    return real, real + rng.normal(0, 0.01, real.shape)


def with_rare_region(runs, n):
    """Return runs in which the first n cases alone have the region NCR."""
    for run in runs:
        scores = run.scores()
        rare = (scores["region"] == "NCR") & ~scores["case"].isin([f"case{i}" for i in range(n)])
        scores.loc[rare, ["dice", "n_reference", "n_prediction"]] = [np.nan, 0, 0]
        run.scores = lambda table=scores: table
    return runs
