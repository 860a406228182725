"""The fidelity audit: whether the synthetic cases look like real ones."""

from synthtrust.audits.fidelity.audit import Fidelity

__all__ = ["Fidelity"]
