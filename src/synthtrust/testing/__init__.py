"""For tests, a plugin's too: tiny cases on disk, and the laws every generator keeps."""

from synthtrust.testing.generator_contract import (
    ClassGeneratorContract,
    FindingsGeneratorContract,
    GeneratorContract,
)
from synthtrust.testing.tiny import AFFINE, draw_tiny, save_nifti, tiny_cases, tiny_cohort
from synthtrust.testing.tiny_classes import draw_tiny_plane, tiny_classes
from synthtrust.testing.tiny_findings import tiny_findings

__all__ = [
    "AFFINE",
    "ClassGeneratorContract",
    "FindingsGeneratorContract",
    "GeneratorContract",
    "draw_tiny",
    "draw_tiny_plane",
    "save_nifti",
    "tiny_cases",
    "tiny_classes",
    "tiny_cohort",
    "tiny_findings",
]
