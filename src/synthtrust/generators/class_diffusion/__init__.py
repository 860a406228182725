"""Class diffusion: a diffusion model that paints images of a class."""

from synthtrust.generators.class_diffusion.generator import ClassDiffusion

__all__ = ["ClassDiffusion"]
