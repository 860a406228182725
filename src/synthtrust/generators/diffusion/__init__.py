"""Diffusion: from images to noise by a schedule, and from noise back to images."""
