"""The network of a finished run, with its best weights."""

from collections.abc import Sequence
from typing import Any

import torch

from synthtrust.cases import Cohort
from synthtrust.checkpoints import load_checkpoint
from synthtrust.runs.build import build_model
from synthtrust.runs.run import Run


def trained_model(run: Run, cohort: Cohort, size: Sequence[int] = ()) -> Any:
    """Return the model of a run in evaluation mode, on the GPU if there is one.

    Args:
        run: A finished run.
        cohort: Cases with the run's modalities and labels.
        size: Side lengths of the images, for a classifier.
    """
    model = build_model(run.config, cohort, size)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.load_state_dict(load_checkpoint(run.best, device)["state_dict"])
    return model.eval().to(device)
