"""Simulated studies with known truths: whether intervals cover and verdicts keep their error rates."""
