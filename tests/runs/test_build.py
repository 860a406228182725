"""What the Trainer of a run may not be."""

import pytest
from lightning.pytorch.strategies import ModelParallelStrategy

from synthtrust.refusals import Refusal
from synthtrust.runs import build


def trainer_config(composed, strategy):
    return composed(
        "train",
        "trainer.accelerator=cpu",
        "trainer.devices=2",
        "paths.output=somewhere",
        f"trainer.strategy={strategy}",
    )


def test_ranks_that_would_keep_their_scores_to_themselves_are_refused_however_they_were_chosen(composed):
    spawned = "{_target_: lightning.pytorch.strategies.DDPStrategy, start_method: spawn}"
    with pytest.raises(Refusal, match=r"^Expected trainer.strategy=auto or ddp, whose ranks .* got DDPStrategy with"):
        build.build_trainer(trainer_config(composed, spawned))


def test_a_strategy_that_divides_the_weights_is_refused(composed):
    divided = f"{{_target_: lightning.pytorch.strategies.{ModelParallelStrategy.__name__}}}"
    with pytest.raises(Refusal, match=r"give each rank the whole network, but got ModelParallelStrategy"):
        build.build_trainer(trainer_config(composed, divided))


def test_ddp_is_built(composed):
    assert build.build_trainer(trainer_config(composed, "ddp")).world_size == 2
