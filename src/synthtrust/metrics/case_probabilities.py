"""The probabilities of every test case, real and synthetic, exact over any ranks."""

from collections.abc import Iterable

import torch
from torch import Tensor
from torchmetrics import Metric

from synthtrust.metrics.case_counts import REAL, SYNTHETIC
from synthtrust.metrics.rank_merge import add_case_state
from synthtrust.refusals import Refusal

AGREE = 0.02  # between two scorings of one case; half precision varies so with the batch it is in


class CaseProbabilities(Metric):
    """Keeps the probabilities of M paired test cases for K classes.

    The state is one table with a place for every case, -1 where nothing was predicted. Of a case that several ranks
    scored (the padding of a sampler) the first rank's row counts, whole: rows that were mixed from two would no longer
    sum to 1. So ranks with unequal shares and ranks without any case give exactly what one process gives.

    Args:
        n_cases: M, the number of places.
        classes: The K classes, or findings, by name, in order.
        exclusive: Whether they exclude each other, so that the probabilities of a case sum to 1; findings do not.

    Raises:
        Refusal: If there is no case, there are fewer than two classes or no finding, or a name stands twice.

    >>> table = CaseProbabilities(n_cases=2, classes=["normal", "pneumonia"])
    >>> table.update(torch.tensor([[0.25, 0.75]]), torch.tensor([1]), torch.tensor([False]))
    >>> table.one_source(synthetic=False)
    (tensor([1]), tensor([[0.2500, 0.7500]], dtype=torch.float64))
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = None
    table: Tensor

    def __init__(self, n_cases: int, classes: Iterable[str], *, exclusive: bool = True) -> None:
        super().__init__()
        self.classes, self.exclusive = tuple(classes), exclusive
        if n_cases < 1 or len(self.classes) < 1 + exclusive or len(set(self.classes)) < len(self.classes):
            raise Refusal(
                f"Expected cases, and {'two classes' if exclusive else 'findings'} named once, but got {n_cases} and "
                f"{self.classes}."
            )
        self.n_cases = n_cases
        unseen = torch.full((2, n_cases, len(self.classes)), -1.0, dtype=torch.float64)
        add_case_state(self, "table", unseen)

    def update(self, probability: Tensor, case: Tensor, synthetic: Tensor) -> None:
        """Write down the probabilities of some cases.

        Args:
            probability: ``(B, K)``, in [0, 1]; of classes each row of sum 1.
            case: The place of each case in the test set, ``(B,)``, from 0 to M-1; twins share a place.
            synthetic: Whether each is synthetic, ``(B,)``, bool.

        Raises:
            Refusal: If a shape, a place or a probability is wrong, or a case was scored before with other
                probabilities, which happens when `reset` was forgotten between epochs.
        """
        probability, case, synthetic = (
            x.as_subclass(Tensor).to(self.table.device) for x in (probability, case, synthetic)
        )
        self._check(probability, case, synthetic)
        index = (synthetic.long(), case.long())
        known = self.table[index]  # (B, K)
        self.table[index] = torch.where(known >= 0, known, probability.double())
        differs = ((self.table[index] - probability).abs() > AGREE).any(dim=1)
        if differs.any():
            raise Refusal(
                f"Expected one score a case, but got other probabilities for {case[differs].tolist()} than before. "
                "Reset the metric between epochs."
            )

    def compute(self) -> Tensor:
        """Return the probabilities of all ranks, ``(2, M, K)`` float64: source (real, synthetic), case and class.

        -1 where a case was not scored. All ranks must call it.
        """
        return self.table.clone()

    def one_source(self, *, synthetic: bool) -> tuple[Tensor, Tensor]:
        """Return ``(case, probability)`` of one source alone: places ``(n,)``, ascending, and ``(n, K)`` float64.

        For validation, which has no twins. All ranks must call it.
        """
        with self.sync_context(dist_sync_fn=self.dist_sync_fn):
            table = self.table[SYNTHETIC if synthetic else REAL].clone()
        case = (table >= 0).all(dim=1).nonzero().flatten()
        return case, table[case]

    def _check(self, probability: Tensor, case: Tensor, synthetic: Tensor) -> None:
        shapes = [tuple(x.shape) for x in (probability, case, synthetic)]
        expected = [(case.numel(), len(self.classes)), (case.numel(),), (case.numel(),)]
        if shapes != expected or synthetic.dtype != torch.bool or case.is_floating_point():
            raise Refusal(
                f"Expected probability, case (integer) and synthetic (bool) of shape {expected}, but got {shapes} of "
                f"{probability.dtype}, {case.dtype} and {synthetic.dtype}."
            )
        outside = case[(case < 0) | (case >= self.n_cases)].tolist()
        right = ((probability >= 0) & (probability <= 1 + 1e-3)).all(dim=1)  # NaN is not
        if self.exclusive:
            right &= (probability.sum(dim=1) - 1).abs() < 1e-3
        if outside or not right.all():
            raise Refusal(
                f"Expected places from 0 to {self.n_cases - 1} and probabilities"
                f"{' of sum 1' if self.exclusive else ' from 0 to 1'}, but got places {outside} and probabilities "
                f"{probability[~right].tolist()[:4]}."
            )
