"""Tumours painted into another patient's brain: an example of a plugin for synthtrust."""
