"""The examples of a generator's training, numbered: a resumed training goes on with those that it would have seen."""

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler


def case_of_draw(draw: int, n: int, seed: int) -> int:
    """Return the number of the case that a draw shows; in each round of n draws every case comes once.

    The order within a round depends on the seed and the number of the round alone. It is not that of a segmenter's
    training (`synthtrust.data.samplers.CaseCycle`), and stays as it is: another order would be another training of
    every generator whose sets lie on disk.

    >>> [case_of_draw(draw, 3, seed=0) for draw in range(6)]
    [2, 0, 1, 0, 1, 2]
    """
    round_, position = divmod(draw, n)
    return int(_order(n, seed, round_)[position])


@lru_cache(maxsize=4)
def _order(n: int, seed: int, round_: int) -> NDArray[np.int64]:
    """Return the order of the cases in one round."""
    return np.random.default_rng([seed, 1, round_]).permutation(n)


class TrainingSampler(Sampler[int]):
    """The numbers of the draws that are left of a training, for one rank; the ranks take turns.

    Args:
        batches: The batches of the whole training, on every rank.
        batch_size: Examples per batch.
        rank: Number of this process.
        world_size: Number of processes.
        done: Returns the number of batches that every rank has trained on, as a resumed training knows it.
    """

    def __init__(self, batches: int, batch_size: int, rank: int, world_size: int, done: Callable[[], int]) -> None:
        self.batches, self.batch_size, self.rank, self.world_size, self.done = (
            batches, batch_size, rank, world_size, done,
        )  # fmt: skip

    def __iter__(self) -> Iterator[int]:
        first, last = (n * self.batch_size * self.world_size + self.rank for n in (self.done(), self.batches))
        return iter(range(first, last, self.world_size))

    def __len__(self) -> int:
        return self.batches * self.batch_size
