"""Quality and diversity of a synthetic set, as rows: each number beside what two halves of the real set give."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import Tensor

from synthtrust.audits.fidelity.cases import CaseFeatures
from synthtrust.cases import Case
from synthtrust.metrics.embeddings import ReferencePca
from synthtrust.metrics.functional.diversity import vendi
from synthtrust.metrics.functional.frechet import (
    ROWS_PER_FEATURE,
    FlooredDistance,
    frechet_distance,
    real_floor,
    real_floors,
)
from synthtrust.metrics.functional.kernel_distance import kernel_test, kid, median_bandwidth
from synthtrust.metrics.functional.manifold import Manifold, expected_coverage, manifold
from synthtrust.metrics.functional.planted_collapse import planted_collapse, scaled_neighbours
from synthtrust.metrics.functional.planted_shift import planted_shift

Row = dict[str, Any]
COLUMNS = (
    "set", "space", "measure", "value", "ci_low", "ci_high", "limit", "fault", "floor", "floor_low", "floor_high",
    "ratio", "expected", "p", "n_real", "n_synthetic", "note",
)  # fmt: skip
NAN = float("nan")

PRECISION, RECALL, DENSITY, COVERAGE = "precision", "recall", "density", "coverage"
MANIFOLD_MEASURES: Mapping[str, Callable[[Manifold], float]] = {
    PRECISION: lambda estimate: estimate.precision,
    DENSITY: lambda estimate: estimate.density,
    RECALL: lambda estimate: estimate.recall,
    COVERAGE: lambda estimate: estimate.coverage,
}


@dataclass(frozen=True)
class Resampling:
    """How often the patients are drawn anew, for intervals, floors and tests."""

    n_draws: int = 20
    """Random halves for each floor."""
    n_boot: int = 1000
    """Resamples for each interval."""
    n_permutations: int = 999
    """Permutations for each p."""
    k: int = 5
    """Neighbours for precision, recall, density and coverage."""
    seed: int = 0


@dataclass(frozen=True)
class PlantedFaults:
    """The faults that a set has to be shown to lie on the better side of."""

    shift: float = 0.5
    """How far all real cases are shifted, over the leading coordinates of each feature space [standard deviations]."""
    repeats: int = 2
    """How often every case is there in the planted mode collapse."""


@dataclass(frozen=True)
class EmbeddedSets:
    """The real and the synthetic cases of one feature space, in coordinates learned from real training cases."""

    real: Tensor
    """``(m, k)``."""
    synthetic: Tensor
    """``(n, k)``."""
    pca: ReferencePca
    trained: Tensor | None = None
    """Real training cases, ``(t, k)``; None where there are fewer than ten."""
    features: tuple[Tensor, Tensor] | None = None
    """Real and synthetic cases with all features, ``(m, d)`` and ``(n, d)``, of a space whose numbers are published."""


@dataclass(frozen=True, eq=False)
class EmbeddedCases:
    """The cases of one comparison, in the order of their coordinates, for whoever asks about some of them."""

    real: tuple[Case, ...]
    synthetic: tuple[Case, ...]
    spaces: Mapping[str, EmbeddedSets]
    """Feature space -> coordinates."""

    def __deepcopy__(self, memo: dict) -> "EmbeddedCases":
        """Return itself: pandas copies the ``attrs`` of a table with every step."""
        return self


KID = "KID"
KID_OF_ALL = "KID, all features"
"""KID of a published network's features as they are; the verdict takes the coordinates, as in every space."""
EMBEDDED = "embedded"
"""Attribute (``attrs``) of the table ``quality``: set -> `EmbeddedCases`; what is in memory goes into no file."""
COVERAGE_OF_ALL = "coverage, all cases"
"""Coverage by all synthetic cases of all real ones, where ``COVERAGE`` is taken in halves, as its floor is."""
TRAINED = "KID of training cases"
"""How far the generator's own training cases lie from the unseen ones: a perfect generator lies there as well."""


def row(name: str, space: str, measure: str, value: float, **more: Any) -> Row:
    """Return one row of a table; a number that is not given is NaN.

    >>> row("Tissue-1", "voxels", "KID", 0.1, p=0.5)["p"], row("Tissue-1", "voxels", "KID", 0.1)["note"]
    (0.5, '')
    """
    blank = dict.fromkeys(COLUMNS, NAN) | {"note": "", "n_real": 0, "n_synthetic": 0}
    return blank | {"set": name, "space": space, "measure": measure, "value": value} | more


def table(rows: Sequence[Row]) -> pd.DataFrame:
    """Return rows as a table with every column, also where there is no row."""
    return pd.DataFrame(rows, columns=list(COLUMNS))


def embed_sets(
    space: str,
    real: Sequence[CaseFeatures],
    synthetic: Sequence[CaseFeatures],
    fitted: Sequence[CaseFeatures],
    *,
    published: bool = False,
) -> EmbeddedSets:
    """Reduce the features of both sets to as few coordinates as half of the real cases can support.

    The coordinates are learned from real training cases, which are in neither set: learned from the holdout, they
    would fit one set better than the other. Without training cases they are learned from the holdout. All features are
    kept as well where those are published ones, since other studies take their KID.
    """
    x, y = (_stack(space, cases) for cases in (real, synthetic))
    n_coordinates = max(min(len(real) // 2, len(synthetic)) // ROWS_PER_FEATURE, 1)
    basis = x if len(fitted) < ROWS_PER_FEATURE else _stack(space, fitted)
    pca = ReferencePca(most=min(n_coordinates, 32)).fit(basis)
    trained = None if basis is x else pca.transform(basis)
    return EmbeddedSets(pca.transform(x), pca.transform(y), pca, trained, (x, y) if published else None)


def _stack(space: str, cases: Sequence[CaseFeatures]) -> Tensor:
    return torch.stack([case.spaces[space].double() for case in cases])


def quality_rows(
    name: str, space: str, both: EmbeddedSets, resampling: Resampling, faults: PlantedFaults = PlantedFaults()
) -> list[Row]:
    """Return the rows of quality: KID with its test and that of training cases, Frechet distance, precision, density.

    Of KID ``limit`` is what it is at most, and ``fault`` what a planted shift of the real cases gives.
    """
    x, y = both.real, both.synthetic
    n = {"n_real": len(x), "n_synthetic": len(y)}
    test = kernel_test(x, y, n_permutations=resampling.n_permutations, seed=resampling.seed)
    margin = planted_shift(x, y, shift=faults.shift)
    floor = real_floor(kid, x, y, n_draws=resampling.n_draws, seed=resampling.seed)
    at = f"{floor.n} on each side in each draw, {x.shape[1]} coordinates."
    rows = [
        row(name, space, KID, test.value, ci_low=test.low, ci_high=test.high, p=test.p, expected=0.0, **n)
        | _floor(floor) | {"ratio": NAN, "note": at, "limit": margin.limit, "fault": margin.fault}
    ]  # fmt: skip
    if both.trained is not None:
        trained = kernel_test(x, both.trained, n_permutations=resampling.n_permutations, seed=resampling.seed)
        of_parts = {"n_real": len(x), "n_synthetic": len(both.trained), "note": "Real cases on both sides."}
        rows.append(
            row(name, space, TRAINED, trained.value, ci_low=trained.low, ci_high=trained.high, expected=0.0,
                p=trained.p, **of_parts)
        )  # fmt: skip
    if both.features is not None:
        rows.append(_published_row(name, space, *both.features, resampling))
    d = min(x.shape[1], floor.n // ROWS_PER_FEATURE)
    if d >= 1:
        distance = real_floor(frechet_distance, x[:, :d], y[:, :d], n_draws=resampling.n_draws, seed=resampling.seed)
        of_draws = {"n_real": floor.n, "n_synthetic": floor.n}
        rows.append(row(name, space, "Frechet distance", distance.value, **of_draws) | _floor(distance) | {"note": at})
    else:
        rows.append(row(name, space, "Frechet distance", NAN, **n, note=f"Not computed: {floor.n} cases in a half."))
    return rows + _manifold_rows(name, space, both, (PRECISION, DENSITY), resampling)


def _published_row(name: str, space: str, x: Tensor, y: Tensor, resampling: Resampling) -> Row:
    """Return KID of all features, which is unbiased at every n: the number that other studies can be set beside."""
    test = kernel_test(x, y, n_permutations=resampling.n_permutations, seed=resampling.seed)
    floor = real_floor(kid, x, y, n_draws=resampling.n_draws, seed=resampling.seed)
    at = f"{x.shape[1]} features, {floor.n} on each side in each draw of the floor."
    return row(
        name, space, KID_OF_ALL, test.value, ci_low=test.low, ci_high=test.high, p=test.p, expected=0.0,
        n_real=len(x), n_synthetic=len(y),
    ) | _floor(floor) | {"ratio": NAN, "note": at}  # fmt: skip


def diversity_rows(
    name: str, space: str, both: EmbeddedSets, resampling: Resampling, faults: PlantedFaults = PlantedFaults()
) -> list[Row]:
    """Return the rows of diversity: coverage by all cases beside a planted collapse, recall, coverage, Vendi score."""
    rows = [_collapse_row(name, space, both, resampling, faults)]
    rows += _manifold_rows(name, space, both, (RECALL, COVERAGE), resampling)
    bandwidth = median_bandwidth(both.real)
    score = real_floor(
        lambda _, other: vendi(other, bandwidth),
        both.real,
        both.synthetic,
        n_draws=resampling.n_draws,
        seed=resampling.seed,
    )
    n = {"n_real": len(both.real), "n_synthetic": len(both.synthetic)}
    return [*rows, row(name, space, "Vendi score", score.value, **n, note=_at(score)) | _floor(score)]


def _collapse_row(name: str, space: str, both: EmbeddedSets, resampling: Resampling, faults: PlantedFaults) -> Row:
    """Return coverage by all cases; ``limit`` is what it is at least, ``fault`` what a planted mode collapse gives."""
    m, n = len(both.real), len(both.synthetic)
    sizes = {"n_real": m, "n_synthetic": n}
    k = scaled_neighbours(m, n, resampling.k)
    if k + 1 >= m or n < 2 * faults.repeats:
        return row(name, space, COVERAGE_OF_ALL, NAN, **sizes, note=f"Not computed: {m} real cases for k = {k}.")
    margin = planted_collapse(both.real, both.synthetic, repeats=faults.repeats, neighbours=resampling.k)
    return row(
        name, space, COVERAGE_OF_ALL, margin.value, ci_low=margin.low, ci_high=margin.high, limit=margin.limit,
        fault=margin.fault, expected=margin.expected, **sizes, note=f"k = {k}.",
    )  # fmt: skip


def attribute_rows(
    name: str, real: Sequence[CaseFeatures], synthetic: Sequence[CaseFeatures], resampling: Resampling
) -> list[Row]:
    """Volumes and intensities over patients: the Kolmogorov-Smirnov distance, and the ratio of their spreads."""
    rows = []
    for attribute in real[0].attributes:
        values = [np.array([case.attributes[attribute] for case in cases]) for cases in (real, synthetic)]
        x, y = (torch.from_numpy(some[np.isfinite(some)])[:, None] for some in values)
        n = {"n_real": len(x), "n_synthetic": len(y)}
        if min(len(x) // 2, len(y)) < 2:
            rows.append(row(name, attribute, "KS distance", NAN, **n, note="Not computed: in too few cases."))
            continue
        for measure, formula in (("KS distance", _ks), ("spread, synthetic / real", _spread)):
            distance = real_floor(formula, x, y, n_draws=resampling.n_draws, seed=resampling.seed)
            p = float(stats.ks_2samp(x[:, 0], y[:, 0]).pvalue) if measure == "KS distance" else NAN
            more = {"p": p, "expected": 1.0 if formula is _spread else NAN, "note": _at(distance)}
            rows.append(row(name, attribute, measure, distance.value, **n, **more) | _floor(distance) | {"ratio": NAN})
    return rows


def _manifold_rows(
    name: str, space: str, both: EmbeddedSets, measures: Sequence[str], resampling: Resampling
) -> list[Row]:
    x, y = both.real, both.synthetic
    n = {"n_real": len(x), "n_synthetic": len(y)}
    half = min(len(x) // 2, len(y))
    if half <= resampling.k:
        return [
            row(name, space, m, NAN, **n, note=f"Not computed: {half} cases for k = {resampling.k}.") for m in measures
        ]
    floors = real_floors(
        lambda a, b: [MANIFOLD_MEASURES[m](estimate) for estimate in [manifold(a, b, resampling.k)] for m in measures],
        x, y, n_draws=resampling.n_draws, seed=resampling.seed,
    )  # fmt: skip
    expected = {DENSITY: 1.0, COVERAGE: expected_coverage(half, half, resampling.k)}
    return [
        row(name, space, measure, floored.value, expected=expected.get(measure, NAN), **n, note=_at(floored))
        | _floor(floored)
        for measure, floored in zip(measures, floors)
    ]


def _floor(floored: FlooredDistance) -> Row:
    return {name: getattr(floored, name) for name in ("floor", "floor_low", "floor_high", "ratio")}


def _at(floored: FlooredDistance) -> str:
    return f"{floored.n} on each side in each of {floored.n_draws} draws."


def _ks(real: Tensor, other: Tensor) -> float:
    return float(stats.ks_2samp(real[:, 0], other[:, 0], method="asymp").statistic)


def _spread(real: Tensor, other: Tensor) -> float:
    spread = float(real.std())
    return float(other.std()) / spread if spread > 0 else NAN
