"""BrainDiffusion: a small diffusion model that paints brains alone, in their principal components."""

from synthtrust.generators.brain_diffusion.generator import BrainDiffusion

__all__ = ["BrainDiffusion"]
