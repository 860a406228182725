"""Subgroups of patients: whether synthetic training costs all of them alike."""

from synthtrust.audits.subgroups.audit import Subgroups

__all__ = ["Subgroups"]
