"""The rows of a segmented case in the tables of scores and of lesions, whoever segmented it."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from torch import Tensor

from synthtrust.cases import Case
from synthtrust.metrics.case_surfaces import CaseSurfaces
from synthtrust.metrics.functional import dice_from_counts


def region_rows(
    case: Case,
    source: str,
    values: Tensor,
    regions: Iterable[str],
    empty: Literal["brats", "nan"],
    surfaces: CaseSurfaces | None = None,
) -> list[dict[str, Any]]:
    """Return a row per region of one case, from its voxel counts, and from its surfaces where they were scored.

    Columns: case, patient, source, region, dice, n_reference, n_prediction [voxels]; with surfaces hd95 [mm],
    surface_dice, lesion_dice, lesion_hd95 [mm], n_lesions, n_found, n_false_positives.

    Args:
        case: The case that was segmented, by a network or by whatever else.
        source: ``real`` or ``synthetic``.
        values: Voxels of intersection, prediction and reference, ``(K, 3)``.
        regions: The names of the K regions.
        empty: What an empty region scores, see ``synthtrust.metrics.functional.case_dice``.
        surfaces: Its surfaces and lesions in the K regions.
    """
    intersection, prediction, reference = values.unbind(-1)
    dice = dice_from_counts(intersection, prediction, reference, empty=empty)  # (K,)
    return [
        {
            "case": case.id,
            "patient": case.patient,
            "source": source,
            "region": region,
            "dice": float(dice[k]),
            "n_reference": int(reference[k]),
            "n_prediction": int(prediction[k]),
            **({} if surfaces is None else surfaces.regions[k].columns),
        }
        for k, region in enumerate(regions)
    ]


def lesion_rows(case: Case, source: str, regions: Iterable[str], surfaces: CaseSurfaces) -> Iterator[dict[str, Any]]:
    """Yield a row per lesion of one case, of any volume.

    Columns: case, patient, source, region, lesion (its number in the region, from 0), volume_ml, dice, hd95 [mm],
    n_reference, n_prediction, n_overlap [voxels]. A lesion is found if n_overlap is above 0.
    """
    for region, scored in zip(regions, surfaces.regions, strict=True):
        for number, lesion in enumerate(scored.lesions):
            yield {
                "case": case.id,
                "patient": case.patient,
                "source": source,
                "region": region,
                "lesion": number,
                "volume_ml": lesion.n_reference * surfaces.voxel_mm3 / 1000,
                "dice": lesion.dice,
                "hd95": lesion.hd95,
                "n_reference": lesion.n_reference,
                "n_prediction": lesion.n_prediction,
                "n_overlap": lesion.n_overlap,
            }
