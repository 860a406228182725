"""The utility audit: what a model is worth that was trained on synthetic cases."""

from synthtrust.audits.utility.audit import Utility

__all__ = ["Utility"]
