"""The privacy audit: does a synthetic set give away whom it was learned from?"""

from synthtrust.audits.privacy.audit import Privacy

__all__ = ["Privacy"]
