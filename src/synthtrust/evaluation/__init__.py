"""The command ``evaluate``: which audits are asked, about runs or a received set, the page, and the exit code."""

from typing import TYPE_CHECKING

from synthtrust.lazy import import_when_asked

if TYPE_CHECKING:
    from synthtrust.evaluation.calibration import calibrate
    from synthtrust.evaluation.elsewhere import score_elsewhere
    from synthtrust.evaluation.plan import plan_study
    from synthtrust.evaluation.received import audit_received_set
    from synthtrust.evaluation.runs import evaluate_runs

import_when_asked(__name__)

__all__ = ["audit_received_set", "calibrate", "evaluate_runs", "plan_study", "score_elsewhere"]
