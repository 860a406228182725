"""Cases in a folder with a dataset.json: the Medical Segmentation Decathlon, and raw folders of nnU-Net."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from synthtrust.cases.case import Case
from synthtrust.cases.cohort import Cohort, RefusedCase
from synthtrust.cases.formats.volumes import patient_of
from synthtrust.cases.grid import check_grid
from synthtrust.cases.readers.dataset_json import DatasetJson, Entry, read_dataset_json
from synthtrust.cases.readers.label_values import named_values, numbered
from synthtrust.cases.readers.tree import VOLUME, find_volumes
from synthtrust.refusals import CaseError, Refusal

NOT_LISTED = "they are images that are no training case of dataset.json"


def read_msd(
    root: str | Path, modalities: Sequence[str] | None = None, label_values: Mapping[Any, Any] | None = None
) -> Cohort:
    """Read the training cases of a ``dataset.json``, and check their headers; no voxel is read.

    Images are 3-D, or 4-D with a channel for each modality, or, as nnU-Net has them, a file for each modality:
    ``case_0000.nii.gz``, ``case_0001.nii.gz``. Version 2 of nnU-Net keeps no list: each file in ``labelsTr`` is a case.
    A set whose labels are those of a brain tumour, however they are spelt, becomes NCR 1, ED 2, ET 3; any other keeps
    its own names. The layout knows no patients, so each case is its own: two cases of one person (a left and a right
    hippocampus) may come to lie in train and test.

    Args:
        root: The folder of one task, with ``dataset.json``.
        modalities: Which to read, by canonical name, in the order of the network's channels; all when not given.
        label_values: Value in the label files -> name of the label, null for none: instead of those in the file.

    Returns:
        The cases; one without a listed file, or whose files do not lie on one grid, is in ``refused``.

    Raises:
        CaseError: If ``dataset.json`` is missing or is not one, its labels cannot be learned, there is no case, or an
            id is listed twice.
        Refusal: If a modality is not in the set, or is asked for twice, or ``label_values`` has another form.
    """
    root = Path(root)
    facts = read_dataset_json(root / "dataset.json")
    channels = {name: index for index, name in enumerate(facts.modalities)}
    modalities = list(channels) if modalities is None else list(modalities)
    if not modalities or set(modalities) - channels.keys() or len(set(modalities)) < len(modalities):
        raise Refusal(f"Expected modalities among {list(channels)} of {root}, each once, but got {modalities}.")
    labels, relabel = numbered(facts.label_names() if label_values is None else named_values(label_values))
    tree = find_volumes(root)
    on_disk = {str(path).lower(): path for path in tree.volumes}

    cases, refused, used = [], [], set()
    for entry in facts.entries if facts.entries is not None else _unlisted(facts, root, tree.volumes):
        if entry.images[0].name.startswith("._"):  # written by macOS beside every file it copies
            continue
        try:
            images, name, index = _images(entry, facts, on_disk)
            case = Case(
                id=name,
                images={modality: images[channels[modality]] for modality in modalities},
                label_map=_on_disk(entry.label, on_disk),
                channels={modality: channels[modality] for modality in modalities} if index else {},
                relabel=relabel,
                label_hint=f"{facts.path} does not name it: name it in cases.label_values, or repair the file.",
            )
            used |= {*images, case.require_label_map()}
            check_grid(case)
            cases.append(replace(case, patient=patient_of(images[0]) or case.patient))
        except CaseError as error:
            refused.append(RefusedCase(entry.images[0], str(error)))
    return Cohort(
        root.absolute().name,
        tuple(cases),
        tuple(modalities),
        labels,
        facts.licence,
        tuple(refused),
        tree.but(used, lambda _: NOT_LISTED),
    )


def _unlisted(facts: DatasetJson, root: Path, volumes: Iterable[Path]) -> list[Entry]:
    """Return a case for each label map, and for each training image that has none."""
    ending = facts.ending.lower()
    stems: dict[str, Path] = {}
    for folder, cut in (("labelsTr", 0), ("imagesTr", len("_0000"))):
        for path in volumes:
            if path.parent == root / folder and path.name.lower().endswith(ending):
                stem = path.name[: len(path.name) - len(ending) - cut]
                stems.setdefault(stem, root / "labelsTr" / f"{stem}{facts.ending}")
    if not stems:
        raise CaseError(f"Expected label maps *{facts.ending} in {root / 'labelsTr'}, but found none.")
    return [Entry((root / "imagesTr" / f"{stem}{facts.ending}",), label) for stem, label in sorted(stems.items())]


def _images(entry: Entry, facts: DatasetJson, on_disk: Mapping[str, Path]) -> tuple[list[Path], str, bool]:
    """Return a file for each modality, the id of the case, and whether the modalities are channels of one file.

    Raises:
        CaseError: If a file is listed for some modalities alone.
    """
    n = len(facts.modalities)
    if len(entry.images) > 1:
        if len(entry.images) != n:
            raise CaseError(
                f"Expected {n} images of a case, one a modality, but got {len(entry.images)} in {facts.path}."
            )
        return [_on_disk(path, on_disk) for path in entry.images], _stem(entry.label), False
    listed = entry.images[0]
    image = _on_disk(listed, on_disk)
    if not image.is_file():
        ending = listed.name[len(_stem(listed)) :]
        parts = [_on_disk(listed.with_name(f"{_stem(listed)}_{k:04d}{ending}"), on_disk) for k in range(n)]
        if any(path.is_file() for path in parts):
            return parts, _stem(listed), False
    return [image] * n, _stem(listed), n > 1


def _stem(path: Path) -> str:
    return VOLUME.sub("", path.name)


def _on_disk(path: Path, on_disk: Mapping[str, Path]) -> Path:
    """Return the file as listed, or its packed or unpacked form, or with other capitals, where only that is there."""
    other = path.with_name(path.name.removesuffix(".gz") if path.name.endswith(".gz") else f"{path.name}.gz")
    forms = (path, other, on_disk.get(str(path).lower(), path), on_disk.get(str(other).lower(), path))
    return next((form for form in forms if form.is_file()), path)
