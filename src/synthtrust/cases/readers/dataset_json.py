"""What a dataset.json says: that of the Medical Segmentation Decathlon, and those of nnU-Net, version 1 and 2."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthtrust.cases.readers.brats_names import SUFFIXES
from synthtrust.cases.readers.label_values import check_distinct, labels_of_regions
from synthtrust.files import read_json
from synthtrust.refusals import CaseError

_MODALITY = {name: modality for modality, names in SUFFIXES.items() for name in names}


@dataclass(frozen=True)
class Entry:
    """A case as the file lists it."""

    images: tuple[Path, ...]
    """One path, or in version 2 of nnU-Net one for each modality."""
    label: Path


@dataclass(frozen=True)
class DatasetJson:
    """The facts of a dataset.json that readers need."""

    modalities: tuple[str, ...]
    """Canonical names, in the order of the channels."""
    entries: tuple[Entry, ...] | None
    """None where nnU-Net keeps no list: every file in ``labelsTr`` is a case."""
    ending: str
    """The ending of files where there is no list."""
    licence: str
    label_facts: Mapping[str, Any]
    """As they stand in the file, one way round or the other."""
    path: Path
    n_training: int | None = None
    """Number of training cases that the file promises (``numTraining``); None if it promises none."""

    def label_names(self) -> dict[int, str]:
        """Return value -> name, background (0) left out; regions of a brain tumour are taken apart into its labels.

        Raises:
            CaseError: If a label is another region of several values, or is called ``ignore``, or two have one name:
                what is learned would not be what the file means.
        """
        turned = _is_numbered(self.label_facts)
        pairs = [(k, v) if turned else (v, k) for k, v in self.label_facts.items()]
        if regions := [name for values, name in pairs if isinstance(values, list)]:
            if (parts := labels_of_regions({name: values for values, name in pairs})) is not None:
                return parts
            raise CaseError(
                f"Expected one value for each label in {self.path}, but got several for {regions[0]!r}. Name the "
                "values in cases.label_values, such as {1: NCR, 2: ED, 3: ET}."
            )
        names = {int(value): str(name).strip() for value, name in pairs if int(value) != 0}
        if ignored := [value for value, name in names.items() if name.lower() == "ignore"]:
            raise CaseError(
                f"Expected labels to be learned in {self.path}, but {ignored[0]} is to be ignored, which no network "
                f"here does. Say what it is in cases.label_values, such as {{..., {ignored[0]}: background}}."
            )
        if not names:
            raise CaseError(f"Expected a label besides the background in {self.path}, but got none.")
        check_distinct(names, self.path)
        return names


def read_dataset_json(path: Path) -> DatasetJson:
    """Read a dataset.json and check what is needed of it.

    Raises:
        CaseError: If it is missing or is none.
    """
    facts = _load(path)
    key = "channel_names" if "channel_names" in facts else "modality"
    if not _is_numbered(facts.get(key)):
        raise CaseError(f'Expected "{key}" as {{"0": "name", ...}} in {path}, but got {_got(facts, key)}.')
    labels = facts.get("labels")
    if not (isinstance(labels, dict) and (_is_numbered(labels) or _is_named(labels))):
        raise CaseError(
            f'Expected "labels" as {{"0": "name", ...}} or {{"name": 0, ...}} in {path}, but got '
            f"{_got(facts, 'labels')}."
        )
    channels = facts[key]
    modalities = tuple(modality_called(channels[index]) for index in sorted(channels, key=int))
    if len(set(modalities)) < len(modalities):
        raise CaseError(
            f'Expected a name of its own for each of "{key}" in {path}, but got {list(modalities)}. Rename them there.'
        )
    ending = facts.get("file_ending", ".nii.gz")
    if not isinstance(ending, str) or not ending.startswith("."):
        raise CaseError(f'Expected "file_ending" such as ".nii.gz" in {path}, but got {_got(facts, "file_ending")}.')
    licence = facts.get("licence") or facts.get("license") or "unknown"
    n = facts.get("numTraining")
    promised = n if isinstance(n, int) and not isinstance(n, bool) else None
    return DatasetJson(modalities, _entries(facts, path), ending, str(licence), labels, path, promised)


def modality_called(name: str) -> str:
    """Return the canonical name of a modality; one that is not of BraTS is put in lower case.

    >>> modality_called("t1gd"), modality_called("MRI")
    ('t1ce', 'mri')
    """
    plain = name.strip().lower()
    return _MODALITY.get(plain, plain)


def _load(path: Path) -> dict[str, Any]:
    try:
        facts = read_json(path)
    except FileNotFoundError:
        raise CaseError(f"Expected {path}, but there is none. Set cases.root to the folder of one task.") from None
    except (OSError, ValueError) as error:
        raise CaseError(f"Expected the dataset.json of a task, but could not read {path}: {error}.") from error
    if not isinstance(facts, dict):
        raise CaseError(f"Expected facts by name in {path}, but got {str(facts)[:80]!r}.")
    return facts


def _entries(facts: Mapping[str, Any], path: Path) -> tuple[Entry, ...] | None:
    """Return the list of cases, as version 1 or 2 writes it."""
    root = path.parent
    if "training" in facts:
        listed = facts["training"]
        if not (isinstance(listed, list) and listed and all(_is_entry(entry, "image") for entry in listed)):
            raise CaseError(
                f'Expected "training" as [{{"image": "file", "label": "file"}}, ...] in {path}, '
                f"but got {_got(facts, 'training')}."
            )
        return tuple(Entry((root / entry["image"],), root / entry["label"]) for entry in listed)
    if "dataset" in facts:
        listed = facts["dataset"]
        if not (isinstance(listed, dict) and listed and all(_is_entry(entry, "images") for entry in listed.values())):
            raise CaseError(
                f'Expected "dataset" as {{"case": {{"images": ["file", ...], "label": "file"}}, ...}} in {path}, '
                f"but got {_got(facts, 'dataset')}."
            )
        return tuple(
            Entry(tuple(root / i for i in entry["images"]), root / entry["label"]) for entry in listed.values()
        )
    if "channel_names" in facts:
        return None
    raise CaseError(f'Expected "training" as a list of cases in {path}, but there is none.')


def _is_entry(entry: object, images: str) -> bool:
    if not (isinstance(entry, dict) and isinstance(entry.get("label"), str)):
        return False
    listed = [entry.get(images)] if images == "image" else entry.get(images)
    return isinstance(listed, list) and bool(listed) and all(isinstance(path, str) for path in listed)


def _is_numbered(names: object) -> bool:
    """Whether this is {"0": "name", ...}."""
    return (
        isinstance(names, dict) and bool(names) and all(k.isdecimal() and isinstance(v, str) for k, v in names.items())
    )


def _is_named(values: object) -> bool:
    """Whether this is {"name": 0, ...}, as version 2 of nnU-Net turns it round; a region has a list of values."""
    return isinstance(values, dict) and bool(values) and all(_is_value(v) for v in values.values())


def _is_value(value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_is_value(item) and not isinstance(item, list) for item in value)
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _got(facts: Mapping[str, Any], key: str) -> str:
    return repr(facts.get(key))[:80]
