"""The description of a synthetic set in the Croissant format, which catalogues of data sets read."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthtrust.cases.manifest import NAME as MANIFEST
from synthtrust.cases.manifest import load_manifest
from synthtrust.files import sha256_of, write_json
from synthtrust.generators.synthesis.origin import ORIGIN

log = logging.getLogger(__name__)

NAME = "croissant.json"

CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{
        name: f"cr:{name}"
        for name in (
            "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet",
            "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet",
            "references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField",
            "transform",
        )
    },
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "sc": "https://schema.org/",
}  # fmt: skip
"""The JSON-LD context of Croissant 1.0 with its vocabulary on responsible AI."""

MEDIA = {".gz": ("application/gzip", "*/*.nii.gz"), ".png": ("image/png", "**/*.png")}
"""Ending of the images -> their type, and the pattern of their files."""
FIELDS = ("id", "patient", "source")
"""What the manifest has of every case."""


def write_croissant(folder: Path) -> Path:
    """Describe a finished set in ``croissant.json`` beside its manifest.

    Data and terms: Croissant Format Specification 1.0 and its RAI vocabulary 1.0 (MLCommons).

    Args:
        folder: The folder of the set, with its manifest.

    Raises:
        CaseError: If there is no manifest, or it declares no set.
    """
    write_json(folder / NAME, described(load_manifest(folder), sha256_of(folder / MANIFEST)))
    return folder / NAME


def describe(folder: Path) -> None:
    """Describe a set that lacks it, of an older version or of a killed process; one that may only be read stays.

    Args:
        folder: The folder of the set, with its manifest.
    """
    if not (folder / NAME).exists():
        try:
            write_croissant(folder)
        except OSError as error:
            log.warning("%s was not written: %s", folder / NAME, error)


def described(record: Mapping[str, Any], sha256: str) -> dict[str, Any]:
    """Return the description of a set.

    Args:
        record: Its manifest.
        sha256: That of the manifest's file.
    """
    made_by, cases = record["made_by"], record["cases"]
    first = next(iter(cases[0]["images"].values()))["file"]
    encoding, pattern = MEDIA[Path(first).suffix]
    training_ids = record.get("training_ids")
    learned = "an unknown number of" if training_ids is None else str(len(training_ids))
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": record["name"],
        "description": f"{len(cases)} synthetic medical cases ({', '.join(record['modalities'])}).",
        "license": record["licence"],
        "version": "1.0.0",
        "datePublished": str(record["made_on"]["when"])[:10],
        "citeAs": f"{record['name']}. Synthetic set, made with {made_by.get('package', 'synthtrust')}.",
        "additionalType": ORIGIN,
        "rai:dataCollection": f"Made by the generator {made_by['generator']}, which learned from {learned} real cases.",
        "rai:dataCollectionType": "Synthetic",
        "rai:dataUseCases": record["intended_use"],
        "rai:dataLimitations": "What the set can be used for is told by an audit of utility and of fidelity alone.",
        "rai:dataBiases": "Those of the cases that the generator learned from, and what it leaves out of them.",
        "rai:personalSensitiveInformation": sensitive(record),
        "distribution": [
            {
                "@type": "cr:FileObject", "@id": "manifest", "name": MANIFEST, "contentUrl": MANIFEST,
                "encodingFormat": "application/json", "sha256": sha256,
            },
            {"@type": "cr:FileSet", "@id": "images", "name": "images", "encodingFormat": encoding, "includes": pattern},
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet", "@id": "cases", "name": "cases",
                "field": [
                    {
                        "@type": "cr:Field", "@id": f"cases/{name}", "name": name, "dataType": "sc:Text",
                        "source": {"fileObject": {"@id": "manifest"}, "extract": {"jsonPath": f"$.cases[*].{name}"}},
                    }
                    for name in FIELDS
                ],
            }
        ],
    }  # fmt: skip


def sensitive(record: Mapping[str, Any]) -> str:
    """Return what the set may tell of patients, as its manifest has it."""
    disclosed = (
        "Label maps are those of real patients, unedited: each case can be linked to its patient by its label alone. "
        if record.get("mask_disclosure")
        else ""
    )
    return disclosed + "Whether images reveal patients that the generator learned from is asked by an audit of privacy."
