"""For tests, a plugin's too: tiny cases on disk, and the laws every generator keeps."""

from synthtrust.testing.generator_contract import GeneratorContract
from synthtrust.testing.tiny import AFFINE, draw_tiny, save_nifti, tiny_cases, tiny_cohort

__all__ = ["AFFINE", "GeneratorContract", "draw_tiny", "save_nifti", "tiny_cases", "tiny_cohort"]
