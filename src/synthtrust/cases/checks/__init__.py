"""Checks: what is asked of a cohort before anything is trained on it."""
