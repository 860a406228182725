"""Scoring a finished run on other cases than its own test set."""

import logging
import time

import pandas as pd
import torch
from rich.progress import track

from synthtrust.cases import Case, CaseError, Cohort
from synthtrust.data import Prepared, prepare
from synthtrust.files import aside
from synthtrust.metrics.functional import dice_from_counts, overlap
from synthtrust.models import Segmenter
from synthtrust.runs.build import build_model
from synthtrust.runs.run import Run

log = logging.getLogger(__name__)


def score_cohort(run: Run, cohort: Cohort, cache: str, *, allow_overlap: bool = False) -> pd.DataFrame:
    """Score every case of a cohort with the best checkpoint of a run, and leave ``scores_<cohort>.csv`` in its folder.

    The cases go through the preprocessing of the run's own. A voxel size other than that of the training cases is
    warned of, since the network has seen one scale only.

    Returns:
        The columns of the run's own scores, and ``seconds`` per case.

    Raises:
        CaseError: If the cohort lacks a modality or a label, or holds patients that the run was trained on and
            ``allow_overlap`` is False.
    """
    facts = run.facts()
    if missing := sorted(set(facts["modalities"]) - set(cohort.modalities)):
        raise CaseError(
            f"Expected modalities {facts['modalities']} as {run.folder} has, but {cohort.name} lacks {missing}."
        )
    seen = {case_id for part in ("train", "val") for case_id in run.data()["splits"][part]}
    overlapping = sorted(case.id for case in cohort.cases if {case.id, case.patient} & seen)
    if overlapping and not allow_overlap:
        raise CaseError(
            f"Expected cases that {run.folder} was not trained on, but these were: {overlapping[:8]}. "
            "Leave them out, or say allow_overlap=true."
        )
    model = _load(run, cohort)
    prepared = prepare(cohort.cases, facts["modalities"], cache)
    _warn_of_other_spacing(run, prepared)
    rows = [row for p in track(prepared, f"Scoring with {run.name}", transient=True) for row in _rows(model, p)]
    scores = pd.DataFrame(rows)
    scores.insert(0, "mode", facts["mode"])
    scores.insert(0, "seed", facts["seed"])
    scores.insert(0, "alpha", facts["alpha"])
    with aside(run.folder / f"scores_{cohort.name}.csv") as temporary:
        scores.to_csv(temporary, index=False)
    return scores


def _load(run: Run, cohort: Cohort) -> Segmenter:
    model = build_model(run.config, cohort)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    checkpoint = torch.load(run.best, map_location=device, weights_only=True)
    model.load_state_dict(checkpoint["state_dict"])
    return model.eval().to(device)


@torch.inference_mode()
def _rows(model: Segmenter, prepared: Prepared) -> list[dict[str, object]]:
    start = time.monotonic()
    case: Case = prepared.case
    image = torch.from_numpy(prepared.image().astype("float32"))[None].to(model.device)  # (1, C, H, W, D)
    label = torch.from_numpy(prepared.label().astype("int64"))[None].to(model.device)
    intersection, prediction, reference = overlap(model.predict(image), label, list(model.regions.values()))  # (1, K)
    dice = dice_from_counts(intersection, prediction, reference, empty=model.empty)[0].tolist()
    seconds = round(time.monotonic() - start, 2)
    return [
        {
            "case": case.id,
            "patient": case.patient,
            "source": case.source.value,
            "region": region,
            "dice": dice[k],
            "n_reference": int(reference[0, k]),
            "n_prediction": int(prediction[0, k]),
            "seconds": seconds,
        }
        for k, region in enumerate(model.regions)
    ]


def _warn_of_other_spacing(run: Run, prepared: list[Prepared]) -> None:
    trained = run.facts()["spacing_mm"]
    for p in prepared:
        if any(abs(a - b) > 0.1 * b for a, b in zip(p.facts["spacing"], trained)):
            log.warning(
                "%s has voxels of %s mm, but %s was trained on %s mm.", p.case.id, p.facts["spacing"], run.name, trained
            )
