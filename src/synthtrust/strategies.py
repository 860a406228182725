"""Strategies of Lightning: which of them keep every score to the end, and why others are refused."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from synthtrust.refusals import Refusal

STRATEGIES = (
    "auto", "ddp", "ddp_find_unused_parameters_true", "ddp_find_unused_parameters_false", "single_device",
)  # fmt: skip
"""Strategies of Lightning by name whose ranks keep the whole network and, to the end, the scores that they have."""
SPAWNING = ("ddp_spawn", "ddp_fork", "ddp_notebook")
"""What the names of strategies begin with whose ranks are functions of one process, and end when they return."""
DIVIDING = ("fsdp", "modelparallel", "deepspeed")
"""What the names of strategies and of their classes begin with that give each rank a part of the weights."""


def check_strategy(strategy: Any) -> None:
    """Refuse a strategy under which a training would be lost or never end.

    Args:
        strategy: ``trainer.strategy``: a name, or a mapping with a ``_target_``.

    Raises:
        Refusal: If its ranks end before their scores are written, if it divides the weights, or if it is unknown.
    """
    described = isinstance(strategy, Mapping)
    name = str(strategy.get("_target_", "") if described else strategy).rpartition(".")[2]
    if name.startswith(SPAWNING) or (described and strategy.get("start_method", "popen") != "popen"):
        raise lost_ranks(name)
    if name.lower().startswith(DIVIDING):
        raise divided_weights(name)
    if not described and name not in STRATEGIES:
        near = get_close_matches(name, STRATEGIES, n=1)
        question = f" Did you mean {near[0]}?" if near else ""
        raise Refusal(f"Expected trainer.strategy among {', '.join(STRATEGIES)}, but got {name}.{question}")


def lost_ranks(strategy: str) -> Refusal:
    """Return the refusal of a strategy whose ranks are functions of one process: their scores end with them."""
    return Refusal(
        f"Expected trainer.strategy=auto or ddp, whose ranks are processes that keep their scores, but got {strategy}. "
        "Use trainer.strategy=ddp, by a command and not in a notebook."
    )


def divided_weights(strategy: str) -> Refusal:
    """Return the refusal of a strategy that gives each rank a part of the weights.

    Ranks ask each other for weights at every pass through the network. Whole cases are scored window by window, and
    ranks whose cases have unequal numbers of windows would wait for each other without end.
    """
    return Refusal(
        f"Expected trainer.strategy=auto or ddp, which give each rank the whole network, but got {strategy}, with "
        "which ranks that score cases of two sizes wait for each other without end. For less memory choose "
        "trainer.precision=bf16-mixed, a smaller data.patch_size, or model.net.use_checkpoint=true (SwinUNETR)."
    )
