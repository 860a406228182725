"""Score a finished run on cases other than its own test set."""

import logging
import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from hydra.errors import InstantiationException
from torch import Tensor

from synthtrust.cases import CaseError, Cohort, Source, Splits, load_manifest, patients_named
from synthtrust.cases.checks.duplicates import find_duplicates
from synthtrust.data import ImageCases, Prepared, image_table, prepare
from synthtrust.metrics import CaseSurfaces
from synthtrust.models import Classifier, Segmenter
from synthtrust.progress import track
from synthtrust.runs.build import INSPECTED, LABELS, class_names
from synthtrust.runs.run import Run, trained_model
from synthtrust.runs.surface_rules import Node, asked_rules
from synthtrust.tables import write_csv

log = logging.getLogger(__name__)

BATCH = 256  # images at a time


def score_cohort(
    run: Run, cohort: Cohort, cache: str, *, allow_overlap: bool = False, surfaces: Node = None
) -> pd.DataFrame:
    """Score every case of a cohort with the best checkpoint of a run, and write ``scores_<cohort>.csv`` in its folder.

    The cases are preprocessed as those of the run were, and images are resized as its images were. A voxel size that
    differs from that of the training cases causes a warning, since the network has seen one scale only.

    Args:
        run: A finished run.
        cohort: The cases.
        cache: Root folder of the preprocessed cases.
        allow_overlap: Whether patients may be among them that were learned from.
        surfaces: How the surfaces and lesions of volumes are scored, see `asked_rules`.

    Returns:
        The columns of the run's own scores, ``seconds`` per case, and ``overlap`` if the run or the generator of its
        twins learned from any of these patients, or if it is unknown whom the generator learned from.

    Raises:
        CaseError: If the cohort is for another task, has other classes, lacks a modality or a label, or holds patients
            that the run or its generator learned from and ``allow_overlap`` is False.
    """
    facts = run.facts()
    _refuse_other_question(run, cohort)
    if missing := sorted(set(facts["modalities"]) - set(cohort.modalities)):
        raise CaseError(
            f"Expected modalities {facts['modalities']} as {run.folder} has, but {cohort.name} lacks {missing}."
        )
    word = _overlap(run, cohort, cache, allow_overlap=allow_overlap)
    cohort = replace(cohort, modalities=tuple(facts["modalities"]))
    scores = pd.DataFrame(SCORERS[cohort.task](run, cohort, cache, surfaces))
    scores.insert(0, "mode", facts["mode"])
    scores.insert(0, "seed", facts["seed"])
    scores.insert(0, "alpha", facts["alpha"])
    if word != "none":
        scores["overlap"] = word
    write_csv(run.folder / f"scores_{cohort.name}.csv", scores)
    return scores


def _overlap(run: Run, cohort: Cohort, cache: str, *, allow_overlap: bool) -> str:
    """Return in a few words whether the network or the generator learned from any of these patients."""
    data = run.data()
    real = [case_id for part in ("train", "val") for case_id in data["splits"][part]]
    of_generator = load_manifest(Path(data["twins"])).get("training_ids")
    seen = patients_named([*real, *(of_generator or ())], cohort.cases)
    copies, all_here = _copies(run, set(real), cohort, cache)
    overlapping = sorted({*(case.id for case in cohort.cases if case.patient in seen), *copies})
    if not overlapping:
        doubts = {"unknown training ids": of_generator is None, "training images not here to compare": not all_here}
        return "; ".join(word for word, doubt in doubts.items() if doubt) or "none"
    if not allow_overlap:
        raise CaseError(
            f"Expected cases that neither {run.folder} nor the generator of its twins learned from, but they "
            f"learned from {overlapping[:8]}. Leave them out, or say allow_overlap=true."
        )
    return f"{len(overlapping)} of {len(cohort.cases)} scored cases are of patients that were learned from"


def _copies(run: Run, learned: Collection[str], cohort: Cohort, cache: str) -> tuple[list[str], bool]:
    """Return the ids of cases whose images the run trained on, under any id, and whether all images were compared."""
    try:
        trained_on = tuple(case for case in run.cohort.cases if case.id in learned)
        copies = find_duplicates(Splits(cohort.cases, (), trained_on), Path(cache) / INSPECTED)
    except (CaseError, InstantiationException) as error:  # a run can be scored on a machine that lacks its cases
        why = error.__cause__ or error
        log.warning("Copies of the cases of %s were not searched for, since they are not here: %s", run.folder, why)
        return [], False
    return [copy.earlier for copy in copies], len(trained_on) == len(learned)


def _refuse_other_question(run: Run, cohort: Cohort) -> None:
    if cohort.task != run.task:
        raise CaseError(f"Expected cases for {run.task} as {run.folder} had, but {cohort.name} is for {cohort.task}.")
    if cohort.task != "segmentation" and (names := class_names(cohort)) != (stored := run.facts()["classes"]):
        raise CaseError(
            f"Expected {LABELS[cohort.task]} {stored} in this order as {run.folder} has, but {cohort.name} has {names}."
        )


@torch.inference_mode()
def _segmented(run: Run, cohort: Cohort, cache: str, surfaces: Node) -> Iterator[dict[str, object]]:
    model: Segmenter = trained_model(run, cohort)
    model.score_surfaces(asked_rules(surfaces, run.facts().get("spacing_mm"), run.facts().get("surfaces")))
    prepared = prepare(cohort.cases, cohort.modalities, cache)
    _warn_of_other_spacing(run, prepared)
    for p in track(prepared, f"Scoring with {run.name}"):
        start = time.monotonic()
        counts, of_surfaces = scored_by(model, p)
        rows = model.rows_of(p.case, p.case.source, counts, of_surfaces)
        seconds = round(time.monotonic() - start, 2)
        yield from ({**row, "seconds": seconds} for row in rows)


@torch.inference_mode()
def scored_by(model: Segmenter, prepared: Prepared) -> tuple[Tensor, CaseSurfaces | None]:
    """Return the voxel counts of a case ``(K, 3)``, and its surfaces and lesions if the model is to score them."""
    image = torch.from_numpy(prepared.image().astype("float32"))[None].to(model.device)  # (1, C, H, W, D)
    label = torch.from_numpy(np.array(prepared.label()))[None]  # counted where it is
    predicted = model.predict(image)
    spacing = torch.tensor(prepared.facts["spacing"], dtype=torch.float64)[None]
    batch = {"label": label, "spacing": spacing, "extent": torch.tensor([prepared.extent_mm])}
    of_surfaces = model.surfaces_of(predicted, batch)
    return model.counts_of(predicted, label)[0], of_surfaces[0] if of_surfaces else None


@torch.inference_mode()
def _classified(run: Run, cohort: Cohort, cache: str, surfaces: Node) -> Iterator[dict[str, object]]:
    size = run.facts()["image_size"]
    model: Classifier = trained_model(run, cohort, size)
    table = image_table(cohort.cases, cohort.modalities, cache, size)
    images = ImageCases(cohort.cases, dict.fromkeys(Source, table), {case.id: n for n, case in enumerate(cohort.cases)})
    for first in track(range(0, len(images), BATCH), f"Scoring with {run.name}"):
        indices = range(first, min(first + BATCH, len(images)))
        start = time.monotonic()
        probability = model.predict(images[indices]["image"].to(model.device)).cpu()  # (B, K)
        seconds = round((time.monotonic() - start) / len(indices), 6)
        for index, values in zip(indices, probability, strict=True):
            case = cohort.cases[index]
            yield from ({**row, "seconds": seconds} for row in model.rows_of(case, case.source, values))


SCORERS = {"segmentation": _segmented, "classification": _classified, "multilabel": _classified}


def _warn_of_other_spacing(run: Run, prepared: list[Prepared]) -> None:
    trained = run.facts()["spacing_mm"]
    for p in prepared:
        if any(abs(a - b) > 0.1 * b for a, b in zip(p.facts["spacing"], trained)):
            log.warning(
                "%s has voxels of %s mm, but %s was trained on %s mm.", p.case.id, p.facts["spacing"], run.name, trained
            )
