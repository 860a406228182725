"""The door: what can be refused is refused here, before anything heavy is imported and anything is written."""

from synthtrust.door.callback import Door
from synthtrust.door.evaluation import check_evaluation
from synthtrust.door.help import help_text
from synthtrust.door.refusals import in_one_line
from synthtrust.door.training import check_training
from synthtrust.door.unfinished import Unfinished, unfinished_in

__all__ = ["Door", "Unfinished", "check_evaluation", "check_training", "help_text", "in_one_line", "unfinished_in"]
