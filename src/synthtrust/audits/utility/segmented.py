"""What an arm of segmenters scores: Dice, distances of surfaces and lesions, by training seed and by patient."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from synthtrust.audits.scores import EMPTY_VALUES, ArmScores, arm_scores
from synthtrust.audits.utility.estimate import OVERALL, Estimate, Trivial
from synthtrust.conventions import SURFACE_SCORES

DISTANCES = ("hd95", "lesion_hd95")
"""Scores in mm; the others are shares."""


def segmented(scores: pd.DataFrame, alpha: float, source: str, empty: str) -> Mapping[tuple[str, str], Estimate]:
    """Score one arm of segmenters by Dice, surfaces and lesions, over all regions and in each.

    Args:
        scores: The scores of one generator and one mode.
        alpha: Share of real cases in training.
        source: Kind of test cases.
        empty: The rule by which regions were scored that are empty in reference and prediction.
    """
    arm_rows = scores[(scores["alpha"] == alpha) & (scores["source"] == source)]
    trivial_rows, kind = _trivial_scores(scores, arm_rows, empty)
    trivial = arm_scores(trivial_rows, alpha, source)
    present = arm_rows[arm_rows["n_reference"] > 0]
    carriers = {
        str(region): int(present.loc[present["region"] == region, "patient"].nunique())
        for region in scores["region"].unique()
    }
    regions = list(arm_rows["region"].unique())
    measures = {}
    for column in ("dice", *(name for name in SURFACE_SCORES if name in scores)):
        whole = arm_scores(arm_rows, alpha, source, column)
        limits = (0.0, float(scores[column].max()) if column in DISTANCES else 1.0)
        for part in (OVERALL, *carriers):
            kept = [regions.index(region) for region in (regions if part == OVERALL else [part])]
            estimate = _estimate(_of_regions(whole, kept), is_part=part != OVERALL)
            by_chance = _of_regions(trivial, kept).by_patient(scored_only=part != OVERALL)[0]
            measures[column, part] = replace(
                estimate, chance=by_chance if column == "dice" else None, trivial=kind, limits=limits,
                carriers=carriers if part == OVERALL else {part: carriers[part]},
            )  # fmt: skip
    return measures


def _of_regions(arm: ArmScores, kept: Sequence[int]) -> ArmScores:
    return replace(arm, scores=arm.scores[:, :, kept])


def _estimate(arm: ArmScores, *, is_part: bool) -> Estimate:
    patients = arm.by_patient(scored_only=is_part)
    known = patients[:, np.isfinite(patients).any(axis=0)]
    values = known.mean(axis=1) if known.size else np.full(len(patients), np.nan)
    cases = np.asarray(np.isfinite(arm.scores).any(axis=(0, 2))).tolist()  # under some seed, in some region
    scored = {patient for patient, is_scored in zip(arm.patients, cases, strict=True) if is_scored}
    return Estimate(values, patients, None, sum(cases), len(scored))


def _trivial_scores(scores: pd.DataFrame, arm_rows: pd.DataFrame, empty: str) -> tuple[pd.DataFrame, Trivial]:
    """Return the rows of an arm with the Dice of a trivial predictor, and which one it is.

    What position alone scores is known of the real cases of runs of real training, and holds for every arm. Runs that
    were made without it are set beside predicting nothing: 0 wherever there is something, and else what the rule says.
    """
    if "trivial_dice" in scores:
        known = scores.dropna(subset=["trivial_dice"]).drop_duplicates(["case", "source", "region"])
        trivial = known.set_index(["case", "source", "region"])["trivial_dice"]
        keys = pd.MultiIndex.from_frame(arm_rows[["case", "source", "region"]])
        dice = trivial.reindex(keys).to_numpy()
        both_empty = ((arm_rows["n_reference"] == 0) & np.isnan(dice)).to_numpy() & (empty == "nan")
        if (np.isfinite(dice) | both_empty).all():
            return arm_rows.assign(dice=dice), "position"
    value = float(EMPTY_VALUES[empty])
    return arm_rows.assign(dice=np.where(arm_rows["n_reference"] == 0, value, 0.0)), "nothing"
