"""The privacy audit, from runs to tables: data, questions, controls, verdict."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import pandas as pd

from synthtrust.audits.privacy.audit_data import AuditData
from synthtrust.audits.privacy.controls import label_map_controls, negative, positive
from synthtrust.audits.privacy.embedded import Grid, read_images
from synthtrust.audits.privacy.evidence import examine
from synthtrust.audits.privacy.gathering import features_of, gather
from synthtrust.audits.privacy.pairs import suspicious_pairs
from synthtrust.audits.privacy.settings import PrivacySettings
from synthtrust.audits.privacy.tables import CONTROLS, COPIES, TESTS, control_rows, copy_rows, measure_rows
from synthtrust.audits.privacy.verdict import decide
from synthtrust.audits.sets import PaintedRun, SyntheticSet, synthetic_sets
from synthtrust.audits.spaces import Space, try_space
from synthtrust.audits.verdict import not_assessed, verdict_table
from synthtrust.report.pairs import PICTURES
from synthtrust.verdicts import Reason, Verdict


@dataclass
class Privacy(PrivacySettings):
    """Looks for copies, membership and twins that know their source; plants copies to see what it would have missed.

    An attack from outside, with the images alone: what it finds is a lower bound of what leaks.
    """

    takes_confounded: ClassVar[bool] = True
    """It is about sets, however cases of them were mixed."""

    pictures: int = 5
    """Most suspicious pairs of each set that the page shows; 0 for none."""
    embedding: Space | None = None
    """Feature space of the distances that never decide; None for the coarse interiors of the copy search."""

    def __call__(self, runs: Iterable[PaintedRun]) -> dict[str, pd.DataFrame]:
        """Return tidy tables, each with a column ``set``.

        - ``tests``: measure, value, ci_low, ci_high, p, n_train, n_holdout, n_synthetic, decisive, note.
        - ``controls``: kind, rate, n, passed, smallest_share, note.
        - ``copies``: synthetic, nearest_real, own_source (whether that is the case whose label was painted on), view
          (how both were compared: whole image, turned or resized, half or one modality), similarity, z, r, strength,
          reading (COPY, SUSPECT or empty); the five most suspicious pairs at least. Its ``attrs`` hold pictures for the
          page: images of patients go into no table.
        - ``verdict``: see `synthtrust.audits.verdict`.

        Raises:
            CaseError: If an image cannot be used, or a synthetic one is on a grid that no real one has.
        """
        rows: dict[str, list] = {"tests": [], "controls": [], "copies": []}
        space = "coarse interiors" if self.embedding is None else type(self.embedding).__name__
        verdicts, pairs = [], []
        for synthetic_set in synthetic_sets(runs):
            if reason := _why_not_assessed(synthetic_set):
                verdicts.append(_not_assessed(synthetic_set, reason))
                continue
            name, modalities, manifest = synthetic_set.name, synthetic_set.modalities, synthetic_set.manifest
            grid = Grid.of(read_images(synthetic_set.train[0], modalities))
            data, remarks = self._gather(synthetic_set, grid)
            evidence = examine(data, self)
            controls = [
                *positive(data, evidence.copies, modalities, grid, self),
                *label_map_controls(evidence.label_maps, len(data.synthetic), self),
                *negative(data, evidence.copies, self),
            ]
            verdict = decide(
                evidence,
                controls,
                self,
                subject=synthetic_set.subject,
                ids_known=synthetic_set.training_ids_known,
                missing_ids=(len(synthetic_set.missing_ids), len(manifest.get("training_ids") or ())),
                disclosed=_n_disclosed(synthetic_set),
                remarks=remarks,
                patients_own=synthetic_set.patients_own,
            )
            copies = copy_rows(name, evidence.copies, data)
            rows["tests"] += measure_rows(name, evidence, self.confidence, space)
            rows["controls"] += control_rows(name, controls)
            rows["copies"] += copies
            pairs += suspicious_pairs(copies, data, modalities[0], self.pictures)
            verdicts.append(verdict)
        columns = {"tests": TESTS, "controls": CONTROLS, "copies": COPIES}
        tables = {name: pd.DataFrame(rows[name], columns=list(columns[name])) for name in rows}
        tables["copies"].attrs[PICTURES] = pairs
        return tables | {"verdict": verdict_table(verdicts)}

    def _gather(self, synthetic_set: SyntheticSet, grid: Grid) -> tuple[AuditData, list[Reason]]:
        """Read the three sets; a feature space of the user's is tried on one case before all are read."""
        space = self.embedding
        if space is None:
            return gather(synthetic_set, grid)
        first, regions = synthetic_set.train[0], list(synthetic_set.regions.values())
        try_space(space, type(space).__name__, first, synthetic_set.modalities, regions)
        data, remarks = gather(synthetic_set, grid)
        return replace(data, embed=lambda images: features_of(space, images, synthetic_set)), remarks


def _why_not_assessed(synthetic_set: SyntheticSet) -> str:
    """Return why a set cannot be asked at all, or nothing."""
    if not synthetic_set.train:
        return "none of the cases that the generator learned from is among these cases."
    if not synthetic_set.holdout:
        return "there is no case that the generator never saw (0 unseen patients)."
    if not synthetic_set.synthetic:
        return "the set holds no synthetic case."
    return ""


def _n_disclosed(synthetic_set: SyntheticSet) -> int:
    """Return how many twins have the unedited label map of their real case, as the manifest says."""
    manifest = synthetic_set.manifest
    edited = set(manifest.get("mask_edit") or ())
    return sum(case.id not in edited for case in synthetic_set.synthetic) if manifest.get("mask_disclosure") else 0


def _not_assessed(synthetic_set: SyntheticSet, reason: str) -> Verdict:
    return not_assessed(
        "privacy", Reason("no_cases", f"Not assessed: {reason}"), "Real cases on both sides.", {}, synthetic_set.subject
    )
