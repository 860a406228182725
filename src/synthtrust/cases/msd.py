"""Cases of the Medical Segmentation Decathlon: a folder with a dataset.json that lists images and label maps."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from synthtrust.cases.case import Case
from synthtrust.cases.cohort import BRATS_LABELS, Cohort, Refusal
from synthtrust.cases.errors import CaseError
from synthtrust.cases.grid import check_grid
from synthtrust.cases.volumes import patient_of, stem_of

MODALITIES = {"t1w": "t1", "t1gd": "t1ce", "t2w": "t2"}
"""Names of Task01_BrainTumour that are written otherwise here; any other name is only put in lower case."""

TUMOUR = {
    "edema": "ED",
    "non-enhancing tumor": "NCR",
    "non-enhancing tumour": "NCR",
    "enhancing tumor": "ET",
    "enhancing tumour": "ET",
}
"""Label names of Task01_BrainTumour -> canonical ones; its values differ from those of every BraTS release."""


def read_msd(root: str | Path, modalities: Sequence[str] | None = None) -> Cohort:
    """Read the training cases that ``dataset.json`` lists, and check their headers; no voxel is read.

    A set whose labels are those of Task01_BrainTumour becomes NCR 1, ED 2, ET 3; any other keeps its own names and
    values. The layout knows no patients, so each case is its own: two cases of one person (a left and a right
    hippocampus) may come to lie in train and test.

    Args:
        root: The folder of one task, with ``dataset.json``.
        modalities: Which to read, by canonical name, in the order of the network's channels; all when not given.

    Returns:
        The cases; one without a listed file, or whose files do not lie on one grid, is in ``refused``.

    Raises:
        CaseError: If ``dataset.json`` is missing or is not one, or an id is listed twice.
        ValueError: If a modality is not in the set, or is asked for twice.
    """
    root = Path(root)
    facts = _load(root / "dataset.json")
    channels = {_modality(name): int(index) for index, name in facts["modality"].items()}
    modalities = list(channels) if modalities is None else list(modalities)
    if not modalities or set(modalities) - channels.keys() or len(set(modalities)) < len(modalities):
        raise ValueError(f"Expected modalities among {list(channels)} of {root}, each once, but got {modalities}.")
    labels, relabel = _labels({int(value): name for value, name in facts["labels"].items()})

    cases, refused = [], []
    for entry in facts["training"]:
        image, label = (_on_disk(root / entry[role]) for role in ("image", "label"))
        if image.name.startswith("._"):  # written by macOS beside every file it copies
            continue
        case = Case(
            id=stem_of(image),
            images=dict.fromkeys(modalities, image),
            label=label,
            channels={name: channels[name] for name in modalities} if len(channels) > 1 else {},
            relabel=relabel,
        )
        try:
            check_grid(case)
            cases.append(replace(case, patient=patient_of(image) or case.patient))
        except CaseError as error:
            refused.append(Refusal(image, str(error)))
    licence = facts.get("licence") or facts.get("license") or "unknown"
    return Cohort(
        root.absolute().name, tuple(cases), tuple(modalities), labels, licence=str(licence), refused=tuple(refused)
    )


def _load(path: Path) -> dict[str, Any]:
    """Read dataset.json and check the four things that are needed of it."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CaseError(f"Expected {path}, but there is none. Set cases.root to the folder of one task.") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CaseError(f"Expected the dataset.json of a task, but could not read {path}: {error}.") from error
    for key in ("modality", "labels"):
        if not (isinstance(facts, dict) and _is_numbered(facts.get(key))):
            raise CaseError(f'Expected "{key}" as {{"0": "name", ...}} in {path}, but got {_got(facts, key)}.')
    entries = facts.get("training")
    if not (isinstance(entries, list) and entries and all(_is_entry(entry) for entry in entries)):
        raise CaseError(
            f'Expected "training" as [{{"image": "file", "label": "file"}}, ...] in {path}, '
            f"but got {_got(facts, 'training')}."
        )
    return dict(facts)


def _is_numbered(names: object) -> bool:
    """Whether this is {"0": "name", ...}; nnU-Net turns it round, which must not be read as names."""
    return (
        isinstance(names, dict) and bool(names) and all(k.isdecimal() and isinstance(v, str) for k, v in names.items())
    )


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and all(isinstance(entry.get(role), str) for role in ("image", "label"))


def _got(facts: object, key: str) -> str:
    return repr(facts.get(key) if isinstance(facts, dict) else facts)[:80]


def _modality(name: str) -> str:
    return MODALITIES.get(name.strip().lower(), name.strip().lower())


def _labels(names: Mapping[int, str]) -> tuple[dict[str, int], dict[int, int]]:
    """Return label name -> canonical value, and value in the file -> canonical value."""
    named = {value: name for value, name in names.items() if value != 0}
    if named and all(name.lower() in TUMOUR for name in named.values()):
        return dict(BRATS_LABELS), {0: 0} | {v: BRATS_LABELS[TUMOUR[name.lower()]] for v, name in named.items()}
    return {name: value for value, name in named.items()}, {0: 0} | {value: value for value in named}


def _on_disk(path: Path) -> Path:
    """Return the file as listed, or its packed or unpacked form where only that is there."""
    other = path.with_name(path.name.removesuffix(".gz") if path.name.endswith(".gz") else f"{path.name}.gz")
    return other if other.is_file() and not path.is_file() else path
