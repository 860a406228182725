"""Shortcuts: whether a network learns the source of an image in place of its class."""

from synthtrust.audits.shortcuts.audit import Shortcuts

__all__ = ["Shortcuts"]
