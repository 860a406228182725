"""The command ``evaluate``: which audits are asked, about runs or a received set, the page, and the exit code."""

from synthtrust.evaluation.calibration import calibrate
from synthtrust.evaluation.plan import plan_study
from synthtrust.evaluation.received import audit_received_set
from synthtrust.evaluation.runs import evaluate_runs, score_elsewhere

__all__ = ["audit_received_set", "calibrate", "evaluate_runs", "plan_study", "score_elsewhere"]
