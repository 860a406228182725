"""What a case is, and how sets of cases are found, split, mixed and kept on disk."""

from synthtrust.cases.case import Case, Findings, Source
from synthtrust.cases.checks.duplicates import Duplicate, check_duplicates, find_duplicates
from synthtrust.cases.checks.listing import Listing, describe, print_listing
from synthtrust.cases.cohort import Cohort, PassedOver, RefusedCase
from synthtrust.cases.manifest import load_manifest, read_manifest, write_manifest
from synthtrust.cases.mix import Mix
from synthtrust.cases.nnunet_set import MixedParts, label_numbers, nnunet_name, write_nnunet
from synthtrust.cases.patients import patients_by_id, patients_named
from synthtrust.cases.phantom.slices import phantom_slices
from synthtrust.cases.phantom.volumes import phantom
from synthtrust.cases.readers.brats import read_brats
from synthtrust.cases.readers.class_folders import read_class_folders
from synthtrust.cases.readers.medmnist import read_medmnist
from synthtrust.cases.readers.msd import read_msd
from synthtrust.cases.readers.nnunet import read_nnunet
from synthtrust.cases.readers.table import read_table
from synthtrust.cases.readers.volume_table import read_volume_table
from synthtrust.cases.splits import Splits, split
from synthtrust.cases.volumes import centre_crop_or_pad
from synthtrust.refusals import CaseError, Refusal

__all__ = [
    "Case",
    "CaseError",
    "Cohort",
    "Duplicate",
    "Findings",
    "Listing",
    "Mix",
    "MixedParts",
    "PassedOver",
    "Refusal",
    "RefusedCase",
    "Source",
    "Splits",
    "centre_crop_or_pad",
    "check_duplicates",
    "describe",
    "find_duplicates",
    "label_numbers",
    "load_manifest",
    "nnunet_name",
    "patients_by_id",
    "patients_named",
    "phantom",
    "phantom_slices",
    "print_listing",
    "read_brats",
    "read_class_folders",
    "read_manifest",
    "read_medmnist",
    "read_msd",
    "read_nnunet",
    "read_table",
    "read_volume_table",
    "split",
    "write_manifest",
    "write_nnunet",
]
