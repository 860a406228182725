"""Labelled set: a synthetic set with label maps and ids of its own, from any generator."""

from synthtrust.generators.labelled_set.importer import LabelledSet

__all__ = ["LabelledSet"]
