"""Med-DDPM: a diffusion model that paints brains onto label maps, trained here or with its published weights."""

from synthtrust.generators.med_ddpm.generator import MedDDPM
from synthtrust.generators.med_ddpm.network import DiffusionUNet
from synthtrust.generators.med_ddpm.published import load_published, read_checkpoint

__all__ = ["DiffusionUNet", "MedDDPM", "load_published", "read_checkpoint"]
