"""The privacy audit: whether a synthetic set gives away whom it was learned from."""

from synthtrust.audits.privacy.audit import Privacy

__all__ = ["Privacy"]
