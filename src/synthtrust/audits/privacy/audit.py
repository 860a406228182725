"""The privacy audit, from runs to tables: data, questions, controls, verdict."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pandas as pd
import torch
from torch import Tensor

from synthtrust.audits.privacy.audit_data import AuditData
from synthtrust.audits.privacy.controls import Control, negative, positive
from synthtrust.audits.privacy.embedded import EmbeddedCases, Grid, load_embedded, read_images, repeated
from synthtrust.audits.privacy.evidence import Evidence, examine
from synthtrust.audits.privacy.pairs import suspicious_pairs
from synthtrust.audits.privacy.settings import PrivacySettings
from synthtrust.audits.privacy.tables import CONTROLS, COPIES, TESTS, control_rows, copy_rows, measure_rows
from synthtrust.audits.privacy.verdict import decide
from synthtrust.audits.sets import PaintedRun, SyntheticSet, synthetic_sets
from synthtrust.audits.spaces import Space, check_grids, common_size, features_in, load, size_of, try_space
from synthtrust.audits.verdict import not_assessed, verdict_table
from synthtrust.cases import Case, CaseError
from synthtrust.cases.resizing import resize
from synthtrust.machine import readers
from synthtrust.metrics.functional import region_residual_similarity
from synthtrust.report.pairs import PICTURES
from synthtrust.verdicts import Reason, Verdict

OVERLAP = (
    "{n} validation and test cases ({ids}) are of patients that the generator learned from: they count as training "
    "cases here, not as unseen ones."
)


@dataclass
class Privacy(PrivacySettings):
    """Looks for copies, membership and twins that know their source; plants copies to see what it would have missed.

    An attack from outside, with the images alone: what it finds is a lower bound of what leaks.
    """

    pictures: int = 5
    """Most suspicious pairs of each set that the page shows; 0 for none."""
    embedding: Space | None = None
    """Feature space of the distances that never decide; None for the coarse interiors of the copy search."""

    def __call__(self, runs: Iterable[PaintedRun]) -> dict[str, pd.DataFrame]:
        """Return tidy tables, each with a column ``set``.

        - ``tests``: measure, value, ci_low, ci_high, p, n_train, n_holdout, n_synthetic, decisive, note.
        - ``controls``: kind, rate, n, passed, decisive, smallest_share, note.
        - ``copies``: synthetic, nearest_real, own_source (whether that is the case whose label was painted on),
          similarity, z, r, strength, reading (COPY, SUSPECT or empty); the five most suspicious pairs at least. Its
          ``attrs`` hold pictures for the page: images of patients go into no table.
        - ``verdict``: see `synthtrust.audits.verdict`.

        Raises:
            CaseError: If an image cannot be used, or a synthetic one is on a grid that no real one has.
        """
        rows: dict[str, list] = {"tests": [], "controls": [], "copies": []}
        space = "coarse interiors" if self.embedding is None else type(self.embedding).__name__
        verdicts, pairs = [], []
        for one in synthetic_sets(runs):
            if why := _unaskable(one):
                verdicts.append(_open(one, why))
                continue
            data, evidence, controls, remarks = self._look_at(one)
            copies = copy_rows(one.name, evidence, data)
            rows["tests"] += measure_rows(one.name, evidence, self.level, space)
            rows["controls"] += control_rows(one.name, controls)
            rows["copies"] += copies
            pairs += suspicious_pairs(copies, data, one.modalities[0], self.pictures)
            verdicts.append(
                decide(
                    evidence,
                    controls,
                    self,
                    subject=one.subject,
                    ids_known=one.training_ids_known,
                    missing_ids=(len(one.missing_ids), len(one.manifest.get("training_ids") or ())),
                    disclosed=bool(one.manifest.get("mask_disclosure")),
                    remarks=remarks,
                )
            )
        columns = {"tests": TESTS, "controls": CONTROLS, "copies": COPIES}
        tables = {name: pd.DataFrame(rows[name], columns=list(columns[name])) for name in rows}
        tables["copies"].attrs[PICTURES] = pairs
        return tables | {"verdict": verdict_table(verdicts)}

    def _look_at(self, one: SyntheticSet) -> tuple[AuditData, Evidence, list[Control], list[Reason]]:
        grid = Grid.of(read_images(one.train[0], one.modalities))
        if self.embedding is not None:
            name = type(self.embedding).__name__
            try_space(self.embedding, name, one.train[0], one.modalities, list(one.regions.values()))
        data, remarks = gather(one, grid)
        if (space := self.embedding) is not None:
            data = replace(data, embed=lambda images: embedded(space, images, one))
        evidence = examine(data, self)
        controls = positive(data, evidence, one.modalities, grid, self) + negative(data, evidence, self)
        return data, evidence, controls, remarks


def gather(one: SyntheticSet, grid: Grid) -> tuple[AuditData, list[Reason]]:
    """Read the three sets; a real case that repeats another, voxel by voxel, is left out and named.

    Raises:
        CaseError: If an image cannot be used, or a synthetic one is on a grid that no real one has.
    """
    train, shapes = load_embedded(one.train, one.modalities, grid, "training cases")
    holdout, more = load_embedded(one.holdout, one.modalities, grid, "unseen cases")
    twins = [*one.twins_of_train, *one.twins_of_holdout]
    synthetic, painted = load_embedded(twins, one.modalities, grid, f"twins of {one.name}")
    if one.task == "segmentation":
        check_grids(one.folder, painted, shapes | more)
    stand_in = repeated(train.join(holdout))
    seen = one.scored_and_seen
    remarks = [Reason("overlap", OVERLAP.format(n=len(seen), ids=", ".join(seen[:5])))] if seen else []
    remarks += [
        Reason("repeated_cases", f"{n} {what} cases left out: voxel by voxel another real case.")
        for what, side in (("training", train), ("unseen", holdout))
        if (n := sum(case.id in stand_in for case in side.cases))
    ]
    if foreign := sorted(painted - shapes - more):  # images with a class are resized by whoever trains on them
        text = f"Synthetic images have another size, {foreign[0]}: all are compared on {grid.nodes} nodes a side."
        remarks.append(Reason("other_size", text))
    conditional = one.task == "segmentation"
    train, holdout = (side.without(stand_in) for side in (train, holdout))
    if not conditional:
        return AuditData(train, holdout, synthetic), remarks
    patient = {case.id: case.patient for side in (train, holdout) for case in side.cases}
    twins = [
        replace(case, patient=patient.get(stand_in.get(case.id, case.id), case.patient)) for case in synthetic.cases
    ]
    synthetic = EmbeddedCases(synthetic.bank, tuple(twins))
    data = AuditData(train, holdout, synthetic, conditional=True, stand_in=stand_in)
    return replace(data, residual=_residuals(one, data).__getitem__), remarks


def _residuals(one: SyntheticSet, data: AuditData) -> dict[str, float]:
    """Return id -> how alike each twin and its source are beyond what the label of the twin explains."""
    sides = (data.train, data.holdout)
    pairs = [(of.cases[j], data.synthetic.cases[i]) for of in sides for i, j in data.sources_among(of).items()]
    labels = sorted(one.labels.values())

    with ThreadPoolExecutor(readers()) as pool:
        alike = pool.map(lambda pair: residual_of(pair[0], pair[1], one.modalities, labels), pairs)
        return dict(zip([twin.id for _, twin in pairs], alike))


def residual_of(source: Case, twin: Case, modalities: Sequence[str], labels: Sequence[int]) -> float:
    """Return how alike a twin and its source are beyond what the twin's label explains, see the formula of P4.

    Raises:
        CaseError: If they lie on two grids.
    """
    mine, theirs = (read_images(case, modalities) for case in (source, twin))
    if mine.shape != theirs.shape:
        raise CaseError(
            f"Expected the twin of case {source.id} on its grid {tuple(mine.shape[1:])}, but got "
            f"{tuple(theirs.shape[1:])} in {twin.require_label_map().parent}. Resample it."
        )
    return region_residual_similarity(mine, theirs, torch.from_numpy(twin.load_label()), labels)


def embedded(space: Space, images: EmbeddedCases, one: SyntheticSet) -> Tensor:
    """Read images again, and return their features ``(n, d)``; those of classes are brought to one size."""
    labels = list(one.regions.values())
    every = (*one.train, *one.holdout, *one.twins_of_train, *one.twins_of_holdout)
    size = None if labels else common_size({size_of(case.images[one.modalities[0]]) for case in every})

    def row(case: Case) -> Tensor:
        image, label, spacing = load(case, one.modalities)
        return features_in(space, image if size is None else resize(image, size), label, labels, spacing)

    with ThreadPoolExecutor(readers()) as pool:
        return torch.stack([evidence.double().cpu() for evidence in pool.map(row, images.cases)])


def _unaskable(one: SyntheticSet) -> str:
    """Return why a set cannot be asked at all, or nothing."""
    if not one.train:
        return "none of the cases that the generator learned from is among these cases."
    if not one.holdout:
        return "there is no case that the generator never saw (0 unseen patients)."
    if not (one.twins_of_train or one.twins_of_holdout):
        return "the set holds no synthetic case."
    return ""


def _open(one: SyntheticSet, why: str) -> Verdict:
    return not_assessed(
        "privacy", Reason("no_cases", f"Not assessed: {why}"), "Real cases on both sides.", {}, one.subject
    )
