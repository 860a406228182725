"""The draws of a generator's training: every case once a round, every draw once, whoever sees it and however often."""

import pytest

from synthtrust.generators.training.draws import TrainingSampler, case_of_draw


def test_every_case_comes_once_in_a_round_and_the_rounds_differ_in_their_order():
    rounds = [[case_of_draw(round_ * 50 + draw, 50, seed=3) for draw in range(50)] for round_ in range(4)]
    assert all(sorted(order) == list(range(50)) for order in rounds)
    assert len({tuple(order) for order in rounds}) == 4


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_the_ranks_see_every_draw_of_a_training_once_and_a_resumed_training_the_rest(world_size):
    def draws(done):
        ranks = [list(TrainingSampler(4, 2, rank, world_size, done=lambda: done)) for rank in range(world_size)]
        assert len({len(rank) for rank in ranks}) == 1, "a rank would wait for the others for ever"
        return sorted(draw for rank in ranks for draw in rank)

    n = 4 * 2 * world_size
    assert draws(0) == list(range(n))
    assert draws(3) == list(range(3 * 2 * world_size, n))
    assert draws(4) == []
