"""What a case is, and how sets of cases are found, split, mixed and kept on disk."""

from synthtrust.cases.brats import read_brats
from synthtrust.cases.case import Case, CaseError, Source
from synthtrust.cases.cohort import Cohort, Refusal
from synthtrust.cases.listing import Listing, describe, print_listing
from synthtrust.cases.manifest import load_manifest, read_manifest, write_manifest
from synthtrust.cases.mix import mix
from synthtrust.cases.msd import read_msd
from synthtrust.cases.phantom import phantom
from synthtrust.cases.splits import Splits, split

__all__ = [
    "Case",
    "CaseError",
    "Cohort",
    "Listing",
    "Refusal",
    "Source",
    "Splits",
    "describe",
    "load_manifest",
    "mix",
    "phantom",
    "print_listing",
    "read_brats",
    "read_manifest",
    "read_msd",
    "split",
    "write_manifest",
]
