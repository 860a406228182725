"""How ranks combine tables that have a place for every case: the first rank that saw a case gives its row, whole."""

from functools import partial
from typing import Any

from torch import Tensor
from torchmetrics import Metric


def add_case_state(metric: Metric, name: str, unseen: Tensor) -> None:
    """Add a table of cases as a state, so that any shares of the cases give what one process gives.

    A concatenation of lists would hold the cases twice that pad a sampler; a maximum would mix rows of two ranks whose
    predictions differ.

    Args:
        metric: The metric that gets the state.
        name: Name of the state.
        unseen: The table before any case was seen, rows along the last axis. The last number of a row is negative as
            long as nobody filled it, and never after.
    """
    reduce: Any = partial(_first_seen, ndim=unseen.ndim)
    metric.add_state(name, unseen, dist_reduce_fx=reduce)


def _first_seen(tables: Tensor, ndim: int) -> Tensor:
    """Return the row of each case from the first rank that has one."""
    if tables.ndim == ndim:  # torchmetrics calls it for one process, too
        return tables
    first = (tables[..., -1] >= 0).int().argmax(dim=0)  # 0 where no rank did
    return tables.gather(0, first[None, ..., None].expand(1, *tables.shape[1:]))[0]
