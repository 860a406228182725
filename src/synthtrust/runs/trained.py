"""The network of a finished run, with its best weights."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from synthtrust.cases import Cohort
from synthtrust.cases.geometry import CANONICAL
from synthtrust.checkpoints import load_checkpoint
from synthtrust.refusals import Refusal
from synthtrust.runs.build import build_model
from synthtrust.runs.run import Run


def check_orientation(run: Run, facts: Mapping[str, Any], expected: str) -> None:
    """Refuse a network whose arrays lay otherwise than they are read now: it would score a mirrored patient.

    Args:
        run: Named in the error.
        facts: Of the run, with ``orientation``; older runs have none.
        expected: Of the arrays that it is to see; empty for plane images.

    Raises:
        Refusal: If it is another one.
    """
    if facts.get("orientation", "") != expected:
        raise Refusal(
            f"Expected a run that was trained on volumes in {expected} orientation, but {run.folder} was trained on "
            "arrays in the order of their files, by an older version. Train it again under another name=...."
        )


def trained_model(run: Run, cohort: Cohort, size: Sequence[int] = ()) -> Any:
    """Return the model of a run in evaluation mode, on the GPU if there is one.

    Args:
        run: A finished run.
        cohort: Cases with the run's modalities and labels.
        size: Side lengths of the images, for a classifier.

    Raises:
        Refusal: If the run was trained on volumes as their files had them, by an older version.
    """
    plane = len(run.facts().get("image_size", ())) == 2
    check_orientation(run, run.facts(), "" if plane else CANONICAL)
    model = build_model(run.config, cohort, size)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.load_state_dict(load_checkpoint(run.best, device)["state_dict"])
    return model.eval().to(device)
