"""Runs: a config becomes objects, objects become a folder that knows all about itself."""

from synthtrust.runs.build import build_data, build_model, read_cases
from synthtrust.runs.run import Run, find_runs
from synthtrust.runs.training import list_cases, train_run

__all__ = ["Run", "build_data", "build_model", "find_runs", "list_cases", "read_cases", "train_run"]
