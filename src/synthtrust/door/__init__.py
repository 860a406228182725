"""The door: what can be refused is refused here, before anything heavy is imported and anything is written."""

from synthtrust.door.callback import Door
from synthtrust.door.evaluation import check_evaluation
from synthtrust.door.refusals import in_one_line
from synthtrust.door.training import check_training

__all__ = ["Door", "check_evaluation", "check_training", "in_one_line"]
