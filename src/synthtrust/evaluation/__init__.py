"""The command ``evaluate``: which audits are asked, about runs or a received set, the page, and the exit code."""

from synthtrust.evaluation.received import audit_received_set
from synthtrust.evaluation.runs import calibrate, evaluate_runs, plan_study, score_elsewhere

__all__ = ["audit_received_set", "calibrate", "evaluate_runs", "plan_study", "score_elsewhere"]
