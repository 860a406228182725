"""The audit of size: whether scores, gaps and detection change with the size of what is segmented."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthtrust.audits.generator_names import generator_names
from synthtrust.audits.scores import NotApplicableError, Row, ScoredRun, gather_scores, paired, task_of
from synthtrust.audits.size.items import Items, lesion_items, lesions_of, region_items, voxel_volumes
from synthtrust.audits.size.reading import Loss, SizeThresholds, bounds, read_losses
from synthtrust.audits.utility.shared_trtr import share_trtr
from synthtrust.cases import Mix
from synthtrust.metrics.functional import FactorInterval, gap_interval, size_slope
from synthtrust.metrics.functional.case_pseudo_values import alignment_pseudo_values

Array = NDArray[np.float64]
GAPS = ("dice", "found", "false_positives")
"""Measures in which TSTR is set beside TRTR."""
THIRDS = ("smallest", "middle", "largest")


@dataclass
class Size:
    """Sets every region of every test case, and every lesion, beside its volume, and says what that does to scores.

    The unit of doubt is the patient; training seeds add their own variance. Slopes are those within regions.
    """

    margin: float = 0.05
    """Dice that synthetic training may lose more where the volume is a tenth."""
    margin_found: float = 0.1
    """Share of structures that it may miss more where the volume is a tenth."""
    min_seeds: int = 3
    """Training seeds of each arm, below which nothing is SUPPORTED."""
    min_patients: int = 30
    """Test patients, below which nothing is SUPPORTED."""
    min_span: float = 3.0
    """Volume of larger structures over that of smaller ones, below which nothing is decided."""
    confidence: float = 0.95
    """Coverage of every interval, and of each one-sided bound."""

    def __call__(self, runs: Iterable[ScoredRun]) -> dict[str, pd.DataFrame]:
        """Return tidy tables, each with the columns ``generator``, ``mode`` and ``unit`` (``region`` or ``lesion``).

        Lesions are there if every run has them. Scores are those on real test cases, but for T3 and T4.

        - ``slopes``: measure (``dice``, which T1 is the mean of, ``found``, ``false_positives``, ``T3``, ``T4``), arm
          (``TSTR - TRTR``, or empty for one alpha), alpha, region (or ``all``, adjusted for the region), value per
          tenfold volume, ci_low, ci_high, lower and upper (one-sided bounds), confidence, n_items, n_patients, n_seeds,
          note. T3 is a cosine over cases: its slope is that of the jackknife's pseudo-values.
        - ``thirds``: third of the volumes of each region (smallest, middle, largest), volume_low, volume_high [ml],
          dice and found of TSTR and TRTR, gap of Dice with ci_low and ci_high, n_items, n_patients, n_seeds.
        - ``points``: a row for each item: case, patient, region, lesion, volume_ml, mean over seeds of the Dice of TSTR
          and TRTR, their gap, and ``pair_gap``, the mean absolute difference between a case and its twin at alpha 1.
        - ``reading``: whether small structures are kept: reading, reasons, thresholds, from the slopes of the gap in
          Dice and in the share that is found.

        Raises:
            NotApplicableError: If the runs are of classifiers, or no test case has any region.
            ValueError: If the runs cannot be compared, or say nowhere how large a voxel is.
        """
        runs = list(runs)
        if (task := task_of(runs)) != "segmentation":
            raise NotApplicableError(f"Expected runs of segmenters, since classes have no size, but got {task}.")
        scores = gather_scores(runs, side_by_side=True)
        if not (scores["n_reference"] > 0).any():
            raise NotApplicableError("Expected regions with voxels to set beside their size, but no test case has any.")
        voxels = voxel_volumes(runs)
        lesions = lesions_of(runs, generator_names(runs))
        scores, _ = share_trtr(scores)
        tables: dict[str, list[Row]] = {"slopes": [], "thirds": [], "points": [], "reading": []}
        for (generator, mode), rows in scores.groupby(["generator", "mode"], sort=False):
            every = [region_items(rows, voxels)]
            if lesions is not None:
                shared, _ = share_trtr(lesions)
                own = shared[(shared["generator"] == generator) & (shared["mode"] == mode)]
                every += [lesion_items(own)] if len(own) else []
            is_compared = Mix(0.0, str(mode)).is_tstr
            for items in every:
                arm = {"generator": generator, "mode": mode, "unit": items.unit}
                for name, of_items in self._tables(items, compared=is_compared, pairs=paired(runs)).items():
                    tables[name] += [{**arm, **row} for row in of_items]
        return {name: pd.DataFrame(rows) for name, rows in tables.items()}

    def _tables(self, items: Items, *, compared: bool, pairs: bool) -> dict[str, list[Row]]:
        both = compared and all((alpha, "real", "dice") in items.scores for alpha in (0.0, 1.0))
        slopes = list(self._slopes(items, pairs=pairs and items.unit == "region", both=both))
        tables = {"slopes": slopes, "thirds": [], "points": list(_points(items, both=both, pairs=pairs)), "reading": []}
        if both:
            tables["thirds"] = list(_thirds(items, self.confidence))
            if items.unit == "region":
                limits = SizeThresholds(
                    self.margin, self.margin_found, self.min_seeds, self.min_patients, self.min_span
                )
                losses = [self._loss(items, "dice", self.margin), self._loss(items, "found", self.margin_found)]
                reading = read_losses(losses, span(items), limits, self.confidence)
                tables["reading"] = [
                    {"reading": reading.reading, "reasons": reading.reasons, "thresholds": dict(reading.thresholds)}
                ]
        return tables

    def _slopes(self, items: Items, *, pairs: bool, both: bool) -> Iterator[Row]:
        """Yield the slope of every measure in every arm, and of TSTR less TRTR, over all regions and in each."""
        parts = {"all": items} | {str(name): items.of_region(name) for name in items.table["region"].unique()}
        for region, part in parts.items():
            for (alpha, source, measure), scores in part.scores.items():
                if source == "real":
                    yield self._row(part, [scores], measure, "", alpha, region)
            for alpha in part.alphas if pairs else ():
                real, twins = (part.scores.get((alpha, source, "dice")) for source in ("real", "synthetic"))
                if real is not None and twins is not None and len(real) == len(twins):
                    yield self._row(part, [np.abs(real - twins)], "T4", "", alpha, region)
                    values = alignment_pseudo_values(real, twins, part.table["region"].tolist())
                    yield self._row(part, [values], "T3", "", alpha, region)
            for measure in GAPS if both else ():
                arms = [part.scores.get((alpha, "real", measure)) for alpha in (0.0, 1.0)]
                if all(arm is not None for arm in arms):
                    yield self._row(
                        part, [arm for arm in arms if arm is not None], measure, "TSTR - TRTR", np.nan, region
                    )

    def _loss(self, items: Items, measure: str, margin: float) -> Loss:
        tstr, trtr = (items.scores[alpha, "real", measure] for alpha in (0.0, 1.0))
        same = tstr.shape == trtr.shape and bool(np.allclose(tstr, trtr, rtol=0, atol=1e-9))
        return Loss(measure, self._slope(items, [tstr, trtr]), margin, same)

    def _row(self, items: Items, arms: Sequence[Array], measure: str, arm: str, alpha: float, region: str) -> Row:
        slope = self._slope(items, arms)
        lower, upper = bounds(slope, self.confidence)
        return {
            "measure": measure, "arm": arm, "alpha": alpha, "region": region, "value": slope.value,
            "ci_low": slope.low, "ci_high": slope.high, "lower": lower, "upper": upper,
            "confidence": self.confidence, "n_items": slope.n_cases, "n_patients": slope.n_patients,
            "n_seeds": slope.n_seeds, "note": slope.note,
        }  # fmt: skip

    def _slope(self, items: Items, arms: Sequence[Array]) -> FactorInterval:
        table = items.table
        return size_slope(
            table["volume_ml"], arms, table["region"].tolist(), table["patient"].tolist(), self.confidence
        )


def span(items: Items) -> float:
    """Return how many times the volume of smaller structures the larger ones have, within regions.

    It is that of the 90th and the 10th percentile of all deviations from the mean logarithm of the region.
    """
    log = np.log10(items.table["volume_ml"])
    deviation = log - log.groupby(items.table["region"]).transform("mean")
    low, high = np.percentile(deviation, [10, 90])
    return float(10 ** (high - low))


def _points(items: Items, *, both: bool, pairs: bool) -> Iterator[Row]:
    """Yield each item with what TSTR and TRTR score there, and how far its twin is from it."""
    columns: dict[str, Array] = {}
    for name, alpha in (("tstr", 0.0), ("trtr", 1.0)) if both else ():
        columns[name] = items.scores[alpha, "real", "dice"].mean(axis=0)
    if both:
        columns["gap"] = columns["tstr"] - columns["trtr"]
    real, twins = (items.scores.get((1.0, source, "dice")) for source in ("real", "synthetic"))
    if pairs and real is not None and twins is not None and len(real) == len(twins):
        columns["pair_gap"] = np.abs(real - twins).mean(axis=0)
    for index, row in enumerate(items.table.to_dict("records")):
        yield {str(key): value for key, value in row.items()} | {
            name: float(values[index]) for name, values in columns.items()
        }


def _thirds(items: Items, confidence: float) -> Iterator[Row]:
    """Yield TSTR and TRTR in each third of the volumes of the regions, as means over patients."""
    rank = items.table.groupby("region")["volume_ml"].rank(method="first", pct=True)
    third = np.ceil(rank.to_numpy() * 3).astype(int) - 1
    patients = items.table["patient"].to_numpy()
    for number, name in enumerate(THIRDS):
        chosen = third == number
        volumes = items.table.loc[chosen, "volume_ml"]
        if not chosen.any():
            continue
        arms = {alpha: _by_patient(items.scores[alpha, "real", "dice"][:, chosen], patients[chosen])
                for alpha in (0.0, 1.0)}  # fmt: skip
        gap = gap_interval(arms[0.0], arms[1.0], confidence)
        yield {
            "third": name, "volume_low": float(volumes.min()), "volume_high": float(volumes.max()),
            **{f"dice_{arm}": float(arms[alpha].mean()) for arm, alpha in ARMS.items()},
            **{f"found_{arm}": float(_by_patient(items.scores[alpha, "real", "found"][:, chosen],
                                                 patients[chosen]).mean()) for arm, alpha in ARMS.items()},
            "gap": gap.value, "ci_low": gap.low, "ci_high": gap.high, "confidence": confidence,
            "n_items": int(chosen.sum()), "n_patients": len(set(patients[chosen].tolist())), "n_seeds": gap.n_seeds,
        }  # fmt: skip


ARMS: Mapping[str, float] = {"tstr": 0.0, "trtr": 1.0}


def _by_patient(scores: Array, patients: NDArray) -> Array:
    """Return the mean of each patient's items under each seed, ``(S, P)``."""
    names, member = np.unique(patients.astype(str), return_inverse=True)
    totals = np.stack([np.bincount(member, of_seed, len(names)) for of_seed in scores])
    means: Array = totals / np.bincount(member, minlength=len(names))
    return means
