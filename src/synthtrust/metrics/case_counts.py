"""The voxel counts of every test case, from which Dice and every trust factor are computed, exact over any ranks."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ClassVar

import torch
from torch import Tensor
from torchmetrics import Metric

from synthtrust.metrics.functional.dice import EmptyRule, dice_from_counts
from synthtrust.metrics.rank_merge import add_case_state
from synthtrust.refusals import Refusal

REAL, SYNTHETIC = 0, 1
"""Places on the source axis."""


class CaseCounts(Metric):
    """Keeps the voxel counts of M paired test cases in K regions; a subclass says what to make of them.

    The state is one table with a place for every case, -1 where nothing was counted. Of a case that several ranks
    scored (the padding of a sampler) the first rank's counts are taken: those of two predictions are never mixed. So
    ranks with unequal shares and ranks without any case give exactly what one process gives.

    Args:
        n_cases: M, the number of places.
        regions: The K regions by name, in order; a mapping from names to labels will do.
        empty: What a region counts that is empty in prediction and reference, see `dice_from_counts`.

    Raises:
        Refusal: If there is no case or no region, a name stands twice, or ``empty`` is unknown.
    """

    axes: ClassVar[tuple[str, ...]]
    """What the axes of each tensor in the result run over: "source" (real, synthetic), "case", "region"."""

    full_state_update = False
    is_differentiable = False
    voxels: Tensor

    def __init__(self, n_cases: int, regions: Iterable[str], empty: EmptyRule = "brats") -> None:
        super().__init__()
        self.regions = tuple(regions)
        if n_cases < 1 or not self.regions or len(set(self.regions)) < len(self.regions):
            raise Refusal(f"Expected cases, and regions named once, but got {n_cases} and {self.regions}.")
        single = torch.ones(1, dtype=torch.int64)
        dice_from_counts(
            single, single, single, empty=empty
        )  # refuses an unknown rule before the training, not after it
        self.n_cases, self.empty = n_cases, empty
        unseen = torch.full((2, n_cases, len(self.regions), 3), -1)  # intersection, prediction, reference
        add_case_state(self, "voxels", unseen)

    def update(self, counts: Tensor, case: Tensor, synthetic: Tensor) -> None:
        """Write down the counts of some cases.

        Args:
            counts: Intersection, prediction and reference ``(B, K, 3)`` [voxels]: `overlap`, stacked.
            case: The place of each case in the test set, ``(B,)``, from 0 to M-1; twins share a place.
            synthetic: Whether each is synthetic, ``(B,)``, bool.

        Raises:
            TypeError: If the dtypes are not int64, an integer and bool.
            Refusal: If a shape or a place is wrong, or a case was scored before with other counts, which happens
                when `reset` was forgotten between epochs.
        """
        counts, case, synthetic = (x.as_subclass(Tensor).to(self.voxels.device) for x in (counts, case, synthetic))
        self._check(counts, case, synthetic)
        index = (synthetic.long(), case.long())
        known = self.voxels[index]  # (B, K, 3)
        self.voxels[index] = torch.where(known >= 0, known, counts)
        differs = (self.voxels[index] != counts).flatten(start_dim=1).any(dim=1)
        if differs.any():
            raise Refusal(
                f"Expected one score a case, but got other counts for {case[differs].tolist()} than before. "
                "Reset the metric between epochs."
            )

    def paired(self) -> tuple[Tensor, Tensor]:
        """Return ``(real, synthetic)``, the Dice of what this process holds; `compute` asks the other ranks first.

        A place at which neither source was scored (a test cut short) is left out; M counts the others.

        Returns:
            Dice ``(M, K)`` float64 each, row i of both the same case.

        Raises:
            Refusal: If a case was scored without its twin, or no case was scored.
        """
        seen = (self.voxels >= 0).flatten(start_dim=2).all(dim=-1)  # (2, M)
        alone = [(seen[source] & ~seen[1 - source]).nonzero().flatten().tolist() for source in (REAL, SYNTHETIC)]
        if any(alone):
            raise Refusal(
                f"Expected each case with its twin, but got real cases {alone[REAL]} and synthetic cases "
                f"{alone[SYNTHETIC]} alone. Score the missing ones, or ask for one source with `one_source`."
            )
        if not seen.any():
            raise Refusal(f"Expected scores of {self.n_cases} cases, but got none.")
        real, synthetic = (self._dice(self.voxels[source, seen[source]]) for source in (REAL, SYNTHETIC))
        return real, synthetic

    def one_source(self, *, synthetic: bool) -> tuple[Tensor, Tensor]:
        """Return ``(case, dice)`` of one source alone: places ``(n,)``, ascending, and Dice ``(n, K)`` float64.

        For validation, which has no twins. All ranks must call it, as they do `compute`.
        """
        counts = self.counts()[int(synthetic)]
        case = (counts >= 0).flatten(start_dim=1).all(dim=-1).nonzero().flatten()
        return case, self._dice(counts[case])

    def counts(self) -> Tensor:
        """Return the counts of all ranks, ``(2, M, K, 3)`` int64 [voxels]: source (real, synthetic), case, region, and
        intersection, prediction, reference; -1 where a case was not scored. All ranks must call it.
        """  # noqa: D205  the axes are one breath
        with self.sync_context(dist_sync_fn=self.dist_sync_fn):
            return self.voxels.clone()

    def _dice(self, counts: Tensor) -> Tensor:
        return dice_from_counts(counts[..., 0], counts[..., 1], counts[..., 2], empty=self.empty)

    def _check(self, counts: Tensor, case: Tensor, synthetic: Tensor) -> None:
        if counts.dtype != torch.int64 or case.is_floating_point() or synthetic.dtype != torch.bool:
            dtypes = (counts.dtype, case.dtype, synthetic.dtype)
            raise TypeError(f"Expected counts (int64), case (integer) and synthetic (bool), but got {dtypes}.")
        batch = case.numel()
        shapes = [tuple(x.shape) for x in (counts, case, synthetic)]
        expected = [(batch, len(self.regions), 3), (batch,), (batch,)]
        if shapes != expected:
            raise Refusal(f"Expected counts, case and synthetic of shape {expected}, but got {shapes}.")
        outside = case[(case < 0) | (case >= self.n_cases)].tolist()
        if outside or (counts < 0).any():
            raise Refusal(
                f"Expected places from 0 to {self.n_cases - 1} and counts of at least 0, but got places {outside} "
                f"and counts {counts[counts < 0].tolist()[:8]}."
            )

    def _wrap_compute(self, compute: Callable[..., Any]) -> Callable[..., Any]:
        """Give the result the shape its ``axes`` promise: torchmetrics squeezes it when it holds a single number."""
        squeezed = super()._wrap_compute(compute)

        @wraps(compute)
        def shaped(*args: Any, **kwargs: Any) -> Any:
            try:
                result = squeezed(*args, **kwargs)
            except ValueError:
                if self._is_synced:  # torchmetrics would stay with the gathered state, and refuse whatever comes next
                    self.unsync()
                raise
            lengths = {"source": 2, "case": -1, "region": len(self.regions)}
            shape = [lengths[axis] for axis in self.axes]
            return tuple(x.reshape(shape) for x in result) if isinstance(result, tuple) else result.reshape(shape)

        return shaped


class DiceVectors(CaseCounts):
    """Dice of M paired test cases, real and synthetic, in K regions: the paper's C_R and C_S.

    >>> dice = DiceVectors(n_cases=2, regions=["core"])
    >>> dice.update(torch.tensor([[[3, 4, 4]], [[1, 2, 2]]]), torch.tensor([1, 1]), torch.tensor([False, True]))
    >>> dice.compute()
    (tensor([[0.7500]], dtype=torch.float64), tensor([[0.5000]], dtype=torch.float64))
    """

    axes: ClassVar[tuple[str, ...]] = ("case", "region")
    higher_is_better = True

    def compute(self) -> tuple[Tensor, Tensor]:
        """Return ``(real, synthetic)``, Dice ``(M, K)`` float64 each, of all ranks, see `paired`."""
        return self.paired()
