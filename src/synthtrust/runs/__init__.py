"""Runs: a config becomes objects, objects become a folder that knows all about itself."""

from typing import TYPE_CHECKING

from synthtrust.lazy import import_when_asked

if TYPE_CHECKING:
    from synthtrust.runs.added_surfaces import add_surfaces
    from synthtrust.runs.build import build_data, build_model, usable_cases
    from synthtrust.runs.export import export_run
    from synthtrust.runs.labelling import label_by_run
    from synthtrust.runs.made import make, read_cases
    from synthtrust.runs.predictions import score_predictions
    from synthtrust.runs.preparing import prepare_run
    from synthtrust.runs.run import Run, find_runs, headline, trained_model
    from synthtrust.runs.scoring import score_cohort
    from synthtrust.runs.training import list_cases, train_run
    from synthtrust.runs.trivial import add_trivial

import_when_asked(__name__)

__all__ = [
    "Run",
    "add_surfaces",
    "add_trivial",
    "build_data",
    "build_model",
    "export_run",
    "find_runs",
    "headline",
    "label_by_run",
    "list_cases",
    "make",
    "prepare_run",
    "read_cases",
    "score_cohort",
    "score_predictions",
    "train_run",
    "trained_model",
    "usable_cases",
]
