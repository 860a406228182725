"""How BraTS, and public sets that follow it, name their files: the case, what the file shows, and the time point."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from synthtrust.cases.readers.brats_labels import OLD, SERIES
from synthtrust.cases.readers.tree import VOLUME

SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "flair": ("flair", "t2f", "t2flair", "t2_flair"),
    "t1ce": ("t1ce", "t1c", "t1gd", "t1gad", "t1wce"),
    "t1": ("t1", "t1n", "t1w"),
    "t2": ("t2", "t2w"),
}
"""Canonical modality -> how files name it, in any case: BraTS up to 2021, from 2023 on, and others."""

LABELS = (
    "seg", "segm", "final_seg", "tumor_segmentation", "tumor_seg", "tumor_mask", "gtv", "segmentation",
    "glistrboost_manuallycorrected",
)  # fmt: skip
"""How files name a label map that a person made or corrected."""

AUTOMATIC = ("automated_approx_segm", "automated_segm", "glistrboost")
"""How files name a label map that a program made; it is read where a case has no other."""

NO_LABEL = ("brain_segmentation", "brain_parenchyma_segmentation", "brain_mask", "brain_seg")
"""Masks of the brain, which lie among the label maps."""

NAMINGS = (
    "<case>_{flair,t1ce,t1,t2,seg}.nii[.gz] (2018 to 2021), <case>-{t2f,t1c,t1n,t2w,seg}.nii[.gz] (from 2023 on), or "
    "as UCSF-PDGM, UPENN-GBM, TCGA or FeTS name them"
)

SEG = "seg"
_ROLE = {suffix: modality for modality, suffixes in SUFFIXES.items() for suffix in suffixes}
_ROLE |= dict.fromkeys((*LABELS, *AUTOMATIC), SEG) | dict.fromkeys(NO_LABEL, "")
_FILE = re.compile(  # the shortest case: what follows it may hold the same marks
    rf"(?P<case>.+?)[_-](brain_(?={'|'.join(word for words in SUFFIXES.values() for word in words)}))?"
    rf"(?P<role>{'|'.join(sorted(_ROLE, key=len, reverse=True))})",
    re.IGNORECASE,
)
_SERIES = re.compile(r"brats(?:-(?P<series>men-rt|[a-z]+)|\d+)", re.IGNORECASE)
_OF_BRATS = re.compile(r"ucsf-pdgm|upenn-gbm|tcga", re.IGNORECASE)
_TIME_POINT = re.compile(
    r"(?P<patient>brats-(men-rt|[a-z]+)-\d+|upenn-gbm-\d+|ucsf-pdgm-\d+|tcga-\w+-\w+|patient_\d+)[-_]"
    r"(\d+|fu\d+d|\d{4}\.\d\d\.\d\d|timepoint_\d+)",
    re.IGNORECASE,
)
_CALLED = {series.lower(): series for series in SERIES} | {"peds": "PED", "mets": "MET", "africa": "SSA"}


@dataclass(frozen=True)
class Name:
    """What the name of a file says."""

    case: str
    role: str
    """A canonical modality, or ``seg``."""
    automatic: bool = False
    """Whether it is a label map that a program made."""


def name_of(path: Path) -> Name | None:
    """Read the name of a file; nothing if it shows neither a modality nor a label map.

    Some archives unpack each file into a folder of its own that is called as the file was: that name counts.

    >>> name_of(Path("UPENN-GBM-00001_11/UPENN-GBM-00001_11_T1GD.nii.gz"))
    Name(case='UPENN-GBM-00001_11', role='t1ce', automatic=False)
    >>> name_of(Path("BraTS2021_00495_flair.nii/00000057_brain_flair.nii"))
    Name(case='BraTS2021_00495', role='flair', automatic=False)
    """
    for name in (path.parent.name, path.name):
        stem = VOLUME.sub("", name)
        if stem != name and (match := _FILE.fullmatch(stem)):
            role = match["role"].lower()
            return Name(match["case"], _ROLE[role], role in AUTOMATIC) if _ROLE[role] else None
    return None


def patient_of(case_id: str) -> str:
    """Return the patient of a case: the part of its id before a time point, if it ends with one.

    >>> patient_of("BraTS-GLI-00005-100"), patient_of("UCSF-PDGM-0429_FU003d"), patient_of("Brats18_TCIA01_001_1")
    ('BraTS-GLI-00005', 'UCSF-PDGM-0429', 'Brats18_TCIA01_001_1')
    """
    match = _TIME_POINT.fullmatch(case_id)
    return match["patient"] if match else case_id


def release_named(case_id: str) -> str:
    """Return the beginning of an id that names its release or series, in lower case; nothing if there is none.

    >>> release_named("BraTS-MEN-RT-0003-1"), release_named("BraTS20_Training_001"), release_named("Patient_001")
    ('brats-men-rt', 'brats20', '')
    """
    match = _SERIES.match(case_id)
    return match[0].lower() if match else ""


def shares_patients(case_id: str) -> bool:
    """Whether a case is of a collection whose patients are in BraTS too, under other names."""
    return bool(_OF_BRATS.match(case_id))


def series_called(word: str) -> str | None:
    """Return the series that a word means; None if it is none.

    >>> series_called("brats-ped"), series_called("men-rt"), series_called("brats2021")
    ('PED', 'MEN-RT', '')
    """
    match = _SERIES.fullmatch(word)
    if match and not match["series"]:
        return OLD
    return _CALLED.get((match["series"] if match else word).lower())
