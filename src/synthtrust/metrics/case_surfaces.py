"""What is scored of a case beside Dice: distances between surfaces, and lesions one by one, in each region."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthtrust.conventions import SURFACE_SCORES
from synthtrust.metrics.functional.dice import EmptyRule
from synthtrust.metrics.functional.lesions import Lesion, find_lesions, lesion_scores
from synthtrust.metrics.functional.surfaces import bounding_box, grown, surface_distances
from synthtrust.refusals import Refusal


@dataclass(frozen=True)
class SurfaceRules:
    """By which rules surfaces and lesions are scored.

    Raises:
        Refusal: If a tolerance is not above 0, or another number is below 0.
    """

    tolerance: float | Mapping[str, float] = 1.0
    """Distance within which two surfaces agree [mm], of all regions or of each."""
    lesion_dilation: float = 3.0
    """How far around a lesion other pieces belong to it [mm]."""
    lesion_min_volume: float = 50.0
    """Volume up to which a lesion does not count [mm³]."""

    def __post_init__(self) -> None:
        tolerances = self.tolerance.values() if isinstance(self.tolerance, Mapping) else (self.tolerance,)
        if not tolerances or not all(0 < tolerance < np.inf for tolerance in tolerances):
            raise Refusal(
                f"Expected surfaces.tolerance above 0 mm, but got {self.tolerance}. With 0 no surface voxels agree but "
                "those in one place; the side of a voxel is a usual one."
            )
        for name in ("lesion_dilation", "lesion_min_volume"):
            if not 0 <= getattr(self, name) < np.inf:
                raise Refusal(f"Expected surfaces.{name} of at least 0, but got {getattr(self, name)}.")

    def of(self, region: str) -> float:
        """Return the tolerance of a region [mm].

        Raises:
            Refusal: If each region has its own, and this one has none.
        """
        if not isinstance(self.tolerance, Mapping):
            return float(self.tolerance)
        if region not in self.tolerance:
            raise Refusal(
                f"Expected surfaces.tolerance for every region that is scored, but got {dict(self.tolerance)} and none "
                f"for {region}."
            )
        return float(self.tolerance[region])

    def facts(self, regions: Sequence[str]) -> dict[str, Any]:
        """Return the rules as plain JSON values, with the tolerance of each region.

        Raises:
            Refusal: As `of`; or if there is a tolerance for a region that is not scored.

        >>> SurfaceRules().facts(["core"])
        {'tolerance': {'core': 1.0}, 'lesion_dilation': 3.0, 'lesion_min_volume': 50.0}
        """
        if isinstance(self.tolerance, Mapping) and (unknown := sorted(set(self.tolerance) - set(regions))):
            raise Refusal(f"Expected surfaces.tolerance for regions among {list(regions)}, but got {unknown[0]}.")
        return {
            "tolerance": {region: self.of(region) for region in regions},
            "lesion_dilation": float(self.lesion_dilation),
            "lesion_min_volume": float(self.lesion_min_volume),
        }


@dataclass(frozen=True)
class RegionSurfaces:
    """The surfaces and lesions of one region of one case."""

    hd95: float
    """95th percentile of Hausdorff's distance [mm]."""
    surface_dice: float
    """Share of both surfaces within the tolerance."""
    lesion_dice: float
    """Mean Dice over lesions and false positives."""
    lesion_hd95: float
    """Mean over them of the 95th percentile of Hausdorff's distance [mm]."""
    lesions: tuple[Lesion, ...] = ()
    """The lesions of the reference, of any volume."""
    n_false_positives: int = 0
    """Predicted pieces that belong to no lesion."""

    @property
    def columns(self) -> dict[str, float]:
        """What is kept of the region in the table of scores, by the name of its column."""
        return {
            **{name: getattr(self, name) for name in SURFACE_SCORES},
            "n_lesions": len(self.lesions),
            "n_found": sum(lesion.n_overlap > 0 for lesion in self.lesions),
            "n_false_positives": self.n_false_positives,
        }


@dataclass(frozen=True)
class CaseSurfaces:
    """The surfaces and lesions of one case."""

    regions: tuple[RegionSurfaces, ...]
    """In the order of the scored regions."""
    voxel_mm3: float
    """Volume of a voxel [mm³]."""


def surfaces_of_case(
    prediction: NDArray[np.integer],
    reference: NDArray[np.integer],
    spacing: ArrayLike,
    extent: float,
    regions: Mapping[str, Sequence[int]],
    rules: SurfaceRules,
    empty: EmptyRule = "brats",
) -> CaseSurfaces:
    """Score the surfaces and the lesions of a case in every region.

    Where a region is empty in one of both, the surface Dice is 0, and the distance is the longest one that there can
    be: ``extent``. Where it is empty in both, the rule decides: 1 and 0 mm (``brats``), or undefined (``nan``).
    Lesions have rules of their own, see `synthtrust.metrics.functional.lesions.lesion_scores`.

    Args:
        prediction: Label map ``(H, W, D)``.
        reference: Label map of the same shape.
        spacing: Sides of a voxel along each axis [mm].
        extent: Diagonal of the whole volume [mm], of which the label maps may be a part.
        regions: Region name -> the labels it is made of.
        rules: Tolerances and what counts as a lesion.
        empty: What an empty region scores.

    >>> reference = np.zeros((8, 8, 8), np.uint8)
    >>> reference[2:6, 2:6, 2:6] = 1
    >>> scored = surfaces_of_case(np.roll(reference, 1, 0), reference, (1, 1, 1), 13.9, {"core": [1], "rim": [2]},
    ...                        SurfaceRules())
    >>> [list(region.columns.values()) for region in scored.regions]
    [[1.0, 1.0, 0.75, 1.0, 1, 1, 0], [0.0, 1.0, 1.0, 0.0, 0, 0, 0]]
    """
    sides = np.asarray(spacing, dtype=np.float64)
    maps = [prediction, reference]
    if (labelled := (prediction != 0) | (reference != 0)).any():
        box = grown(bounding_box(labelled), rules.lesion_dilation, sides, labelled.shape)
        maps = [prediction[box], reference[box]]
    scored = []
    for region, labels in regions.items():
        predicted, present = (_is_among(labels, labelled) for labelled in maps)
        scored.append(_region(predicted, present, sides, extent, rules.of(region), rules, empty))
    return CaseSurfaces(tuple(scored), float(sides.prod()))


def _is_among(labels: Sequence[int], labelled: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return where a label map has one of some labels; a table is many times as fast as a search."""
    if labelled.dtype != np.uint8:
        return np.isin(labelled, list(labels))
    table = np.zeros(256, bool)
    table[list(labels)] = True
    return table[labelled]


def _region(
    prediction: NDArray[np.bool_],
    reference: NDArray[np.bool_],
    spacing: NDArray[np.float64],
    extent: float,
    tolerance: float,
    rules: SurfaceRules,
    empty: EmptyRule,
) -> RegionSurfaces:
    n_empty = int(not prediction.any()) + int(not reference.any())
    if n_empty == 2:
        distance, share = (0.0, 1.0) if empty == "brats" else (np.nan, np.nan)
    elif n_empty:
        distance, share = extent, 0.0
    else:
        apart = surface_distances(prediction, reference, spacing)
        distance, share = apart.hausdorff_95, apart.surface_dice(tolerance)
    lesions = find_lesions(prediction, reference, spacing, worst=extent, dilation=rules.lesion_dilation, whole=distance)
    of_lesions = lesion_scores(
        lesions, float(spacing.prod()), worst=extent, min_volume=rules.lesion_min_volume, empty=empty
    )
    own = tuple(lesion for lesion in lesions if lesion.n_reference)
    return RegionSurfaces(distance, share, *of_lesions, own, len(lesions) - len(own))
