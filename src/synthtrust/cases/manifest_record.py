"""The check of the record in a manifest, so that one edited by hand is refused in one line that says what is wrong."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from synthtrust.cases.case import Source
from synthtrust.refusals import CaseError

NO_LABEL = "none"
"""What stands in the place of the label of a synthetic image without one."""
PARTS = ("", "train", "val", "test")


def check_record(record: Mapping[str, Any], where: Path) -> None:
    """Check that a record has the form that ``write_manifest`` gives it; its files need not exist.

    Args:
        record: The record of a manifest of the present format.
        where: The path of the manifest, for the message.

    Raises:
        CaseError: If an entry is missing, has another kind, or names a file outside of the folder.
    """
    modalities, labels, cases, ids = (record.get(key) for key in ("modalities", "labels", "cases", "training_ids"))
    _demand(isinstance(record.get("name"), str) and isinstance(record.get("licence"), str), "name and licence", where)
    _demand(isinstance(record.get("made_by"), dict), "made_by, the recipe,", where)
    _demand(_are_words(modalities) and bool(modalities), "a list of modalities", where)
    _demand(isinstance(labels, dict) and all(map(_is_number, labels.values())), "labels, each with its value,", where)
    _demand(ids in (None, "unknown") or _are_words(ids), 'training_ids, a list of ids or "unknown",', where)
    _demand("card" not in record or _is_entry(record["card"]), "the file and sha256 of its card", where)
    _demand(isinstance(cases, list) and all(isinstance(case, dict) for case in cases), "a list of cases", where)
    for case in record["cases"]:
        _check_case(case, record["modalities"], len(record["labels"]), where)


def _check_case(case: Mapping[str, Any], modalities: list[str], n_labels: int, where: Path) -> None:
    name, label, images, channels = (case.get(key) for key in ("id", "label", "images", "channels"))
    _demand(_is_word(name) and _is_word(case.get("patient")), "id and patient of every case", where)
    owner = f"of case {name}"
    _demand(case.get("source") in list(Source), f"source real or synthetic {owner}", where)
    fine = _is_number(label) or _is_entry(label) or _are_findings(label, n_labels) or _is_unlabelled(case)
    _demand(fine, f"label, a class or a file with its sha256, or findings, {owner}", where)
    _demand(isinstance(images, dict) and images.keys() == set(modalities), f"an image of each modality {owner}", where)
    for modality in modalities:
        _demand(
            _is_entry(case["images"][modality]),
            f"a file inside its folder and its sha256 for {modality} {owner}",
            where,
        )
    if channels is not None:
        fine = (
            isinstance(channels, dict)
            and channels.keys() <= set(modalities)
            and all(map(_is_number, channels.values()))
        )
        _demand(fine, f"channels by modality {owner}", where)
    for role in ("parent", "donor"):
        _demand(isinstance(case.get(role, ""), str), f"the id of a {role} {owner}", where)
    _demand(case.get("part", "") in PARTS, f"part among train, val and test {owner}", where)


def _demand(fine: bool, expected: str, where: Path) -> None:
    if not fine:
        raise CaseError(f"Expected {expected} in {where}, but got none or something else. Make the set again.")


def _is_word(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _are_words(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_word, value))


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _are_findings(value: object, n: int) -> bool:
    return isinstance(value, list) and len(value) == n and all(_is_number(side) and side <= 1 for side in value)


def _is_unlabelled(case: Mapping[str, Any]) -> bool:
    """Return whether a case is a synthetic image that is said to have no label."""
    return case.get("label") == NO_LABEL and case.get("source") == Source.SYNTHETIC


def _is_entry(value: object) -> bool:
    """Return whether a value names a file inside the folder, with its hash."""
    if not (isinstance(value, dict) and _is_word(value.get("file")) and _is_word(value.get("sha256"))):
        return False
    path = PurePosixPath(value["file"])
    return not path.is_absolute() and ".." not in path.parts
