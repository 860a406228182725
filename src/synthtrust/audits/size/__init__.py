"""Size: whether a synthetic set loses small structures."""

from synthtrust.audits.size.audit import Size

__all__ = ["Size"]
