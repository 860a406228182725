"""Cases in a raw folder of nnU-Net: read as other folders with a dataset.json, and checked as nnU-Net checks them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthtrust.cases.cohort import Cohort
from synthtrust.cases.formats.rasters import RASTERS
from synthtrust.cases.readers.dataset_json import read_dataset_json
from synthtrust.cases.readers.msd import read_msd
from synthtrust.refusals import CaseError


def read_nnunet(
    root: str | Path, modalities: Sequence[str] | None = None, label_values: Mapping[Any, Any] | None = None
) -> Cohort:
    """Read the training cases of a raw folder of nnU-Net, version 1 or 2, and check their headers; no voxel is read.

    The folder holds ``dataset.json``, ``imagesTr/<case>_0000.nii.gz`` and so on, a file for each channel, and
    ``labelsTr/<case>.nii.gz``. Channels and labels get their names as in `read_msd`. Version 2 may name overlapping
    regions instead of labels: those of a brain tumour (whole tumour, core, enhancing tumour) are taken apart into NCR,
    ED and ET; for any others ``label_values`` says what the values mean. Images in ``imagesTs`` are passed over.

    Args:
        root: The folder of one data set, such as ``nnUNet_raw/Dataset001_BrainTumour``.
        modalities: Which to read, by canonical name, in the order of the network's channels; all when not given.
        label_values: Value in the label files -> name of the label, null for none: instead of those in the file.

    Returns:
        The cases; one without a file of a channel or a label map, or whose files do not lie on one grid, is in
        ``refused``.

    Raises:
        CaseError: As `read_msd`; or if the files are plane images, which have no label maps here, or there are more
            or fewer training cases than ``numTraining`` in ``dataset.json`` promises.
        Refusal: As `read_msd`.
    """
    facts = read_dataset_json(Path(root) / "dataset.json")
    if facts.ending.lower() in RASTERS:
        raise CaseError(
            f"Expected volumes, such as *.nii.gz, but the files of {facts.path} end in {facts.ending}: plane images "
            "with label maps cannot be read. Stack them into volumes."
        )
    cohort = read_msd(root, modalities, label_values)
    n_cases = len(cohort.cases) + len(cohort.refused)
    if facts.n_training not in (None, n_cases):
        raise CaseError(
            f"Expected {facts.n_training} training cases, the numTraining of {facts.path}, but there are {n_cases}. "
            "Copy those that are missing, or correct numTraining."
        )
    return cohort
