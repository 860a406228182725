"""Which examples come when: they are numbered, so that a resumed, sharded or many-worker run sees the same ones."""

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from lightning import Trainer
from numpy.typing import NDArray
from torch.utils.data import Sampler


class CaseCycle:
    """The endless order of training cases: draw ``g`` belongs to round ``g // n``, in which each of n cases comes once.

    The order within a round depends on the seed and the number of the round alone.
    """

    def __init__(self, n: int, seed: int) -> None:
        self.n, self.seed = n, seed

    def __getitem__(self, draw: int) -> int:
        round_, position = divmod(draw, self.n)
        return int(_order(self.n, self.seed, round_)[position])


@lru_cache(maxsize=4)
def _order(n: int, seed: int, round_: int) -> NDArray[np.intp]:
    """Return the order of the cases in one round."""
    return np.random.default_rng([seed, round_, n]).permutation(n)


class EpochSampler(Sampler[int]):
    """The draw numbers of one epoch for one rank; the ranks take turns.

    Where an epoch begins follows from the number of batches that every rank has trained on so far, which a checkpoint
    knows for certain; Lightning's count of epochs is off by one after some resumes.

    Args:
        batches: Batches per epoch on every rank.
        batch_size: Examples per batch.
        rank: Number of this process.
        world_size: Number of processes.
        done: Returns the number of batches that every rank has trained on.
    """

    def __init__(
        self, batches: int, batch_size: int, rank: int = 0, world_size: int = 1, done: Callable[[], int] = lambda: 0
    ) -> None:
        self.batches, self.batch_size, self.rank, self.world_size, self.done = (
            batches, batch_size, rank, world_size, done,
        )  # fmt: skip

    def __iter__(self) -> Iterator[int]:
        first = self.done() * self.batch_size * self.world_size + self.rank
        return iter(range(first, first + len(self) * self.world_size, self.world_size))

    def __len__(self) -> int:
        return self.batches * self.batch_size


class ShardSampler(Sampler[int]):
    """Deals items out over ranks; where they do not come out even, the last ranks repeat the first items.

    Every rank has equally many: at each batch of a validation ddp sends running statistics of batch norms from the
    first rank to the others, so a rank with one batch more would wait for ever. The scores are gathered by case, and a
    repeated one counts once.
    """

    def __init__(self, n: int, rank: int = 0, world_size: int = 1) -> None:
        self.items = [position % n for position in range(rank, -(-n // world_size) * world_size, world_size)]

    def __iter__(self) -> Iterator[int]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def shards_loaders(trainer: Trainer) -> bool:
    """Return whether a Trainer shards loaders itself; Lightning has no public name for this setting."""
    return bool(trainer._accelerator_connector.use_distributed_sampler)
