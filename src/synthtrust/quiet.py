"""Silence about what no user can act on: announcements of libraries, deprecations, and warnings of what is well."""

import logging
import warnings

ANNOUNCERS = ("lightning", "lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero")
"""Loggers of Lightning, whose information is about devices that are not there and about other products."""

IMMATERIAL = (
    ".*does not have many workers.*",  # the processes follow what the machine gives
    ".*dataloader is not resumable.*",  # it is: draws are numbered
    ".*number of training batches .* is smaller than the logging interval.*",
    ".*Checkpoint directory .* exists and is not empty.*",  # a run that is resumed
    ".*It is recommended to use .*sync_dist=True.*",  # every rank has the scores of all
    ".*LeafSpec.*",
    ".*`srun` command is available on your system but is not used.*",  # nor needs to be, by one process
)
"""Warnings of what is as it should be."""

DEPRECATIONS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
"""Warnings of one library to the authors of another."""


def quiet_libraries() -> None:
    """Leave out what libraries announce and deprecate; all other warnings are shown, each in one line."""
    for name in ANNOUNCERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    for category in DEPRECATIONS:
        warnings.simplefilter("ignore", category)
    for message in IMMATERIAL:
        warnings.filterwarnings("ignore", message=message)
