"""Phantoms: procedural brains, for everybody without data."""
