"""The utility audit: what is a model worth that was trained on synthetic cases?"""

from synthtrust.audits.utility.audit import Utility

__all__ = ["Utility"]
