"""The manifest: what a case set on disk says about itself, written last."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synthtrust.cases.case import Case, Findings, Source
from synthtrust.cases.cohort import Cohort
from synthtrust.cases.links import leads_out
from synthtrust.cases.manifest_record import NO_LABEL, check_record
from synthtrust.files import hashes, read_json, sha256_of, write_json
from synthtrust.refusals import CaseError, Refusal
from synthtrust.seals import SEAL, is_whole, sealed

NAME = "manifest.json"
FORMAT = 1
PACKAGES = ("synthtrust", "torch", "monai", "lightning", "numpy", "nibabel")
UNKNOWN = "unknown"
DAMAGED = "Get it from a copy; or, of a set that was made here, remove it and give the command that made it again."
CHANGED = f'Get it from a copy; or, if they were changed on purpose, remove "{SEAL}" in it.'
INTENDED_USE = "Research. Not for clinical use, and not anonymised in the legal sense."


def write_manifest(folder: Path, cohort: Cohort, made_by: Mapping[str, Any], **facts: Any) -> Path:
    """Record the cases of a folder, the sha256 of every file, and the recipe that made them, with a seal.

    A manifest written by hand, or changed on purpose, needs no seal: ``crc32`` may be left out.

    Args:
        folder: Holds every file of every case; paths are written relative to it.
        cohort: The cases, in canonical labels (``relabel=None``).
        made_by: The recipe, plain JSON values.
        facts: More to remember about the set, such as ``training_ids``, of which None is written as "unknown".

    Raises:
        Refusal: If a case still needs its release (``relabel``) to be read: a manifest does not keep that.
    """
    if foreign := [case.id for case in cohort.cases if case.relabel is not None]:
        raise Refusal(
            f"Expected cases in canonical labels, but got {foreign[:8]} as released. Write them anew before they are "
            "declared."
        )

    def entry(path: Path) -> dict[str, str]:
        return {"file": path.relative_to(folder).as_posix(), "sha256": hashes.of(path)}

    if facts.get("training_ids", ()) is None:
        facts["training_ids"] = UNKNOWN
    record = {
        "format": FORMAT,
        "name": cohort.name,
        "made_by": dict(made_by),
        "licence": cohort.licence,
        "intended_use": INTENDED_USE,
        "versions": {package: version(package) for package in PACKAGES},
        **facts,
        "modalities": list(cohort.modalities),
        "labels": dict(cohort.labels),
        "cases": [
            {
                "id": case.id,
                "patient": case.patient,
                "source": case.source.value,
                "label": _label_entry(case) if case.label_map is None else entry(case.label_map),
                "images": {modality: entry(path) for modality, path in case.images.items()},
                **({"channels": dict(case.channels)} if case.channels else {}),
                **({"part": case.split} if case.split else {}),
                **({"parent": case.parent} if case.parent else {}),
                **({"donor": case.donor} if case.donor else {}),
            }
            for case in cohort.cases
        ],
    }
    write_json(folder / NAME, sealed(record))
    return folder / NAME


def load_manifest(folder: Path) -> dict[str, Any]:
    """Return the raw record of a folder; training ids that are "unknown" are None.

    Raises:
        CaseError: If there is no manifest, or one of another format, or it does not declare a set of cases, or its
            values are not those that were sealed.
    """
    try:
        record: Any = read_json(folder / NAME)
    except FileNotFoundError:
        raise CaseError(f"Expected {folder / NAME}, but there is none; the set is unfinished. Make it again.") from None
    except ValueError as error:  # no JSON, no text, or too much of it
        raise CaseError(f"Expected a manifest, but {folder / NAME} is not JSON: {error}. {DAMAGED}") from error
    format_version = record.get("format") if isinstance(record, dict) else type(record).__name__
    if format_version != FORMAT:
        raise CaseError(
            f"Expected a manifest of format {FORMAT}, but got {format_version} in {folder / NAME}. {DAMAGED}"
        )
    check_record(record, folder / NAME)
    if not is_whole(record):
        raise CaseError(f"Expected {folder / NAME} as it was written, but its values have changed since. {CHANGED}")
    record.pop(SEAL, None)
    if record.get("training_ids") == UNKNOWN:
        record["training_ids"] = None
    return dict(record)


def read_manifest(folder: str | Path, *, verify: bool = False, follow_links: bool = False) -> Cohort:
    """Read the cases that a folder declares.

    Args:
        folder: Where ``manifest.json`` lies.
        verify: Compare every file with its sha256.
        follow_links: Read files through links that lead out of the folder. The folder itself may always be one.

    Raises:
        CaseError: If the manifest or a file is missing, a file is not the one that was written, or a link leads out.
    """
    folder = Path(folder)
    record = load_manifest(folder)

    def path_of(entry: dict[str, str]) -> Path:
        path = folder / entry["file"]
        if not follow_links and (target := leads_out(path, folder)) is not None:
            raise CaseError(
                f"Expected the files of the set in {folder}, but {path} leads to {target}, outside of it, which "
                "was not followed. Put the file in its place."
            )
        if not path.is_file():
            raise CaseError(f"Expected {path}, which {folder / NAME} names, but it is missing. Make the set again.")
        if verify and sha256_of(path) != entry["sha256"]:
            raise CaseError(f"Expected {path} as it was written, but its sha256 differs from {folder / NAME}.")
        return path

    if verify and (card := record.get("card")):
        path_of(card)

    def label_of(entry: int | list[int] | dict[str, str] | str) -> dict[str, Any]:
        """Return the field of a case that its label fills; JSON has a number, a list, a file or a word."""
        match entry:
            case str():
                return {}
            case int():
                return {"class_index": entry}
            case list():
                return {"findings": Findings(entry)}
        return {"label_map": path_of(entry)}

    cases = tuple(
        Case(
            id=case["id"],
            patient=case["patient"],
            source=Source(case["source"]),
            images={modality: path_of(entry) for modality, entry in case["images"].items()},
            channels=case.get("channels", {}),
            split=case.get("part", ""),
            parent=case.get("parent", ""),
            donor=case.get("donor", ""),
            **label_of(case["label"]),
        )
        for case in record["cases"]
    )
    return Cohort(record["name"], cases, tuple(record["modalities"]), record["labels"], record["licence"])


def _label_entry(case: Case) -> int | Findings | str:
    """Return the class or findings of a case, or that it has no label."""
    return NO_LABEL if case.task == "unlabelled" else case.target
