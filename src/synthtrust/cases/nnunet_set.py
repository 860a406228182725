"""Cases written as a raw data set of nnU-Net, version 2: what ``read_nnunet`` reads, with a split and test cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases.case import Case
from synthtrust.cases.cohort import Cohort
from synthtrust.cases.formats.volumes import describe_header, write_volume_like
from synthtrust.cases.names import alike
from synthtrust.files import write_json
from synthtrust.progress import track
from synthtrust.refusals import CaseError, Refusal

ENDING = ".nii.gz"
SPLITS = "splits_final.json"
"""The file with the split; nnU-Net looks for it among the preprocessed data."""

RESERVED = ("background", "ignore")
"""Names of labels that mean something else to nnU-Net."""


@dataclass(frozen=True)
class MixedParts:
    """Real and synthetic cases of one training: to learn from, to choose on, and to be tested on."""

    train: tuple[Case, ...]
    val: tuple[Case, ...]
    test: tuple[Case, ...]


def nnunet_name(case: Case) -> str:
    """Return how nnU-Net knows a case: by its source and its id, since a twin has the id of its real case.

    >>> nnunet_name(Case("BraTS_7", {}, "label.nii.gz"))
    'real_BraTS_7'
    """
    return f"{case.source.value}_{case.id}"


def label_numbers(labels: Mapping[str, int]) -> dict[str, int]:
    """Return label name -> number in the files: in the order of the canonical values, without gaps, as nnU-Net asks.

    >>> label_numbers({"NCR": 1, "ET": 3})
    {'NCR': 1, 'ET': 2}
    """
    return {name: number for number, name in enumerate(sorted(labels, key=lambda name: labels[name]), start=1)}


def write_nnunet(folder: Path, cohort: Cohort, parts: MixedParts) -> None:
    """Write ``dataset.json``, ``splits_final.json``, and the images and label maps of all cases.

    Cases are called by source and id. Those to learn from and to choose on lie in ``imagesTr`` and ``labelsTr``, the
    two parts of one fold; those to be tested on in ``imagesTs`` and ``labelsTs``. Every image is written in the
    orientation and on the affine of its label map's file, since nnU-Net compares them; the numbers are those of the
    image, whole where its file has whole ones.

    Args:
        folder: An empty folder.
        cohort: Modalities, labels and licence.
        parts: The cases. One that is to be learned from twice cannot be written, see Raises.

    Raises:
        CaseError: If a file cannot be read.
        Refusal: If a case is there twice, a synthetic case lies in another part than a parent that is not learned
            from, or a label has a name that nnU-Net keeps for something else.
    """
    check_parts(cohort, parts)
    numbers = label_numbers(cohort.labels)
    table = np.zeros(256, dtype=np.uint8)  # canonical value -> number in the files
    for name, value in cohort.labels.items():
        table[value] = numbers[name]
    for suffix, cases in (("Tr", (*parts.train, *parts.val)), ("Ts", parts.test)):
        (folder / f"images{suffix}").mkdir()
        (folder / f"labels{suffix}").mkdir()
        for case in track(cases, "Writing cases"):
            _write_case(case, cohort.modalities, table, folder, suffix)
    write_json(
        folder / SPLITS, [{part: [nnunet_name(case) for case in getattr(parts, part)] for part in ("train", "val")}]
    )
    write_json(
        folder / "dataset.json",
        {
            "channel_names": {str(index): name for index, name in enumerate(cohort.modalities)},
            "labels": {"background": 0, **numbers},
            "numTraining": len(parts.train) + len(parts.val),
            "file_ending": ENDING,
            "licence": cohort.licence,
        },
    )


def check_parts(cohort: Cohort, parts: MixedParts) -> None:
    """Refuse cases that a raw data set of nnU-Net cannot hold, see `write_nnunet`.

    Raises:
        Refusal: If there are such cases.
    """
    if taken := [name for name in cohort.labels if alike(name) in RESERVED]:
        raise Refusal(
            f"Expected labels that nnU-Net learns, but {taken[0]!r} means something else to it. Give it another name "
            "in cases.label_values."
        )
    everything = (*parts.train, *parts.val, *parts.test)
    names = [nnunet_name(case) for case in everything]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Refusal(
            f"Expected each case once, since nnU-Net draws all cases equally often, but {twice[:4]} are there several "
            "times. Choose another data.mode; nnU-Net takes as many steps for real_only as for duplicate_real."
        )
    patient = {case.id: case.patient for case in cohort.cases}
    kept_apart = {case.patient for case in (*parts.val, *parts.test)}
    if children := [case.id for case in parts.train if case.parent and patient.get(case.parent) in kept_apart]:
        raise Refusal(
            f"Expected synthetic cases in the part of the patient they were made from, but {children[:4]} would be "
            "learned from, and their patients are validated or tested on."
        )


def _write_case(case: Case, modalities: Sequence[str], table: NDArray[np.uint8], folder: Path, suffix: str) -> None:
    label_map, name = case.require_label_map(), nnunet_name(case)
    label = case.load_label()
    for index, modality in enumerate(modalities):
        image = case.load_image(modality)
        if image.shape != label.shape:
            raise CaseError(
                f"Expected {case.images[modality]} on the grid {label.shape} of its label map, but got {image.shape}."
            )
        stored = image.astype(_stored_type(case.images[modality]))
        write_volume_like(stored, label_map, folder / f"images{suffix}" / f"{name}_{index:04d}{ENDING}")
    write_volume_like(table[label], label_map, folder / f"labels{suffix}" / f"{name}{ENDING}")


def _stored_type(image: Path) -> np.dtype:
    """Return the type of the numbers in a file if they are whole and small; float32 otherwise."""
    header = describe_header(image)
    is_whole = header.dtype.kind in "iu" and header.dtype.itemsize <= 2 and not header.scaled
    return header.dtype.newbyteorder("=") if is_whole else np.dtype(np.float32)
