"""The audit of the onset: from which step of its training on a generator repeats its training cases."""

from synthtrust.audits.onset.audit import Onset

__all__ = ["Onset"]
