"""Reading of the three sets that the audit compares: training, unseen and synthetic cases."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import torch
from torch import Tensor

from synthtrust.audits.privacy.audit_data import AuditData
from synthtrust.audits.privacy.embedded import EmbeddedCases, Grid, load_embedded, read_images, repeated
from synthtrust.audits.sets import SyntheticSet
from synthtrust.audits.spaces import Space, check_grids, common_size, features_in, load, size_of
from synthtrust.cases import Case, CaseError
from synthtrust.cases.resizing import resize
from synthtrust.machine import readers
from synthtrust.metrics.functional import region_residual_similarity
from synthtrust.verdicts import Reason

OVERLAP = (
    "{n} validation and test cases ({ids}) are of patients that the generator learned from: they count as training "
    "cases here, not as unseen ones."
)

EDITED = (
    "{n} of {of} twins have a label map that is not their real case's. The search for label maps of patients (P5) is "
    "not applicable: a twin's id declares whose label map it was edited from."
)


def gather(synthetic_set: SyntheticSet, grid: Grid) -> tuple[AuditData, list[Reason]]:
    """Read the three sets; a real case that repeats another, voxel by voxel, is left out and named.

    Raises:
        CaseError: If an image cannot be used, or a synthetic one is on a grid that no real one has.
    """
    train, train_shapes = load_embedded(synthetic_set.train, synthetic_set.modalities, grid, "training cases")
    holdout, holdout_shapes = load_embedded(synthetic_set.holdout, synthetic_set.modalities, grid, "unseen cases")
    synthetic, twin_shapes = load_embedded(
        synthetic_set.synthetic, synthetic_set.modalities, grid, f"cases of {synthetic_set.name}"
    )
    if synthetic_set.on_label_maps:
        check_grids(synthetic_set.folder, twin_shapes, train_shapes | holdout_shapes)
    stand_in = repeated(train.join(holdout))
    seen = synthetic_set.scored_and_seen
    remarks = [Reason("overlap", OVERLAP.format(n=len(seen), ids=", ".join(seen[:5])))] if seen else []
    remarks += [
        Reason("repeated_cases", f"{n} {name} cases left out: each repeats another real case voxel by voxel.")
        for name, side in (("training", train), ("unseen", holdout))
        if (n := sum(case.id in stand_in for case in side.cases))
    ]
    foreign = sorted(twin_shapes - train_shapes - holdout_shapes)
    if foreign and not synthetic_set.differs_in_size:
        text = f"Synthetic images have another size, {foreign[0]}: all are compared on {grid.nodes} nodes a side."
        remarks.append(Reason("other_size", text))
    train, holdout = (side.without(stand_in) for side in (train, holdout))
    if not synthetic_set.on_label_maps:
        paired = not synthetic_set.own_cases
        own_maps = not paired and all(case.has_label_map for case in synthetic.cases)
        labels = tuple(sorted(synthetic_set.regions.values())) if own_maps else ()
        return AuditData(train, holdout, synthetic, paired=paired, labels=labels, extent=grid.extent), remarks
    if n := len(synthetic_set.manifest.get("mask_edit") or ()):
        remarks.append(Reason("edited_label_maps", EDITED.format(n=n, of=len(synthetic.cases))))
    patient = {case.id: case.patient for side in (train, holdout) for case in side.cases}
    twins = [
        replace(case, patient=patient.get(stand_in.get(case.id, case.id), case.patient)) for case in synthetic.cases
    ]
    synthetic = replace(synthetic, cases=tuple(twins))
    data = AuditData(train, holdout, synthetic, conditional=True, stand_in=stand_in, extent=grid.extent)
    return replace(data, residual=_residuals(synthetic_set, data).__getitem__), remarks


def _residuals(synthetic_set: SyntheticSet, data: AuditData) -> dict[str, float]:
    """Return id -> how alike each twin and its source are beyond what the label of the twin explains."""
    sides = (data.train, data.holdout)
    pairs = [(side.cases[j], data.synthetic.cases[i]) for side in sides for i, j in data.sources_among(side).items()]
    labels = sorted(synthetic_set.labels.values())

    with ThreadPoolExecutor(readers()) as pool:
        alike = pool.map(lambda pair: residual_of(pair[0], pair[1], synthetic_set.modalities, labels), pairs)
        return dict(zip([twin.id for _, twin in pairs], alike))


def residual_of(source: Case, twin: Case, modalities: Sequence[str], labels: Sequence[int]) -> float:
    """Return how alike a twin and its source are beyond what the twin's label explains, see the formula of P4.

    Raises:
        CaseError: If they lie on two grids.
    """
    source_image, twin_image = (read_images(case, modalities) for case in (source, twin))
    if source_image.shape != twin_image.shape:
        raise CaseError(
            f"Expected the twin of case {source.id} on its grid {tuple(source_image.shape[1:])}, but got "
            f"{tuple(twin_image.shape[1:])} in {twin.require_label_map().parent}. Resample it."
        )
    return region_residual_similarity(source_image, twin_image, torch.from_numpy(twin.load_label()), labels)


def features_of(space: Space, images: EmbeddedCases, synthetic_set: SyntheticSet) -> Tensor:
    """Read images again, and return their features ``(n, d)``; those of classes are brought to one size."""
    labels = list(synthetic_set.regions.values())
    real = (*synthetic_set.train, *synthetic_set.holdout)
    cases = (*real, *synthetic_set.synthetic)
    sizes = {size_of(case.images[synthetic_set.modalities[0]]) for case in cases}
    size = None if synthetic_set.differs_in_size else common_size(sizes)

    def row(case: Case) -> Tensor:
        image, label, spacing = load(case, synthetic_set.modalities)
        return features_in(space, image if size is None else resize(image, size), label, labels, spacing)

    with ThreadPoolExecutor(readers()) as pool:
        return torch.stack([features.double().cpu() for features in pool.map(row, images.cases)])
