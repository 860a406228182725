"""A row of features for every case of several sets, exact over any ranks: what privacy and fidelity are computed of."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor
from torchmetrics import Metric

from synthtrust.metrics.embeddings import ReferencePca
from synthtrust.metrics.first_seen import add_table
from synthtrust.refusals import Refusal


class FeatureRows(Metric):
    """Keeps a row of D features for every case of some sets; a subclass says which sets, and what to make of them.

    The state is a table for each set with a place for every case. Of a case that several ranks have (the padding of a
    sampler) the first rank's row counts. So ranks with unequal shares and ranks without any case give exactly what one
    process gives, and always in one order; a concatenation of lists would not.

    Args:
        n_cases: Set -> its number of cases.
        n_features: D.
        coordinates: Fitted on real rows; brings rows to few standardised coordinates, as the fidelity audit does. None
            takes them as they are.

    Raises:
        Refusal: If the sets are others than the metric compares, or one has no case, or there is no feature.
    """

    sets: ClassVar[tuple[str, ...]]
    """What is compared: of ``train`` (the generator learned from them), ``holdout`` (it never saw them; the real cases
    of a fidelity measure) and ``synthetic``."""

    full_state_update = False
    is_differentiable = False
    AGREE: ClassVar[float] = 0.02
    """Relative difference between two rows of one case; half precision varies so with the batch it is in."""

    def __init__(self, n_cases: Mapping[str, int], n_features: int, coordinates: ReferencePca | None = None) -> None:
        super().__init__()
        if set(n_cases) != set(self.sets) or min(n_cases.values()) < 1 or n_features < 1:
            raise Refusal(
                f"Expected cases for each of {', '.join(self.sets)} and features, but got {dict(n_cases)} and "
                f"{n_features}."
            )
        self.n_features, self.coordinates = n_features, coordinates
        for name in self.sets:  # the last column says whether a row is there (1) or not (-1): its features may be NaN
            add_table(self, name, torch.full((n_cases[name], n_features + 1), -1.0, dtype=torch.float64))

    def update(self, rows: Tensor, case: Tensor, of: str) -> None:
        """Write down the features of some cases of one set.

        Args:
            rows: ``(B, D)``.
            case: The place of each case in its set, ``(B,)``, integer, from 0.
            of: The set.

        Raises:
            Refusal: If a shape, a place or the set is wrong, or a case was seen before with other features, which
                happens when `reset` was forgotten between epochs.
        """
        if of not in self.sets:
            raise Refusal(f"Expected cases of {', '.join(self.sets)}, but got some of {of!r}.")
        table: Tensor = getattr(self, of)
        if rows.shape != (case.numel(), self.n_features) or case.ndim != 1 or case.is_floating_point():
            raise Refusal(
                f"Expected rows (B, {self.n_features}) and integer places (B,), but got {tuple(rows.shape)} and "
                f"{tuple(case.shape)} of {case.dtype}."
            )
        if outside := case[(case < 0) | (case >= len(table))].tolist():
            raise Refusal(f"Expected places of {of} from 0 to {len(table) - 1}, but got {outside[:8]}.")
        here = rows.as_subclass(Tensor).detach().to(table)
        place = case.long().to(table.device)
        known = table[place]  # (B, D + 1)
        near = torch.isclose(known[:, :-1], here, rtol=self.AGREE, atol=self.AGREE, equal_nan=True).all(dim=1)
        if differs := place[(known[:, -1] > 0) & ~near].tolist():
            raise Refusal(
                f"Expected one row a case, but got other features for {differs[:8]} of {of} than before. Reset the "
                "metric between epochs."
            )
        new = torch.cat([here, torch.ones_like(here[:, :1])], dim=1)
        table[place] = torch.where(known[:, -1:] > 0, known, new)

    def forward(self, rows: Tensor, case: Tensor, of: str) -> None:
        """Write down the features as `update` does; a batch has no value of its own, since it is of one set."""
        self.update(rows, case, of)

    def rows(self, of: str) -> Tensor:
        """Return what this process holds of a set, ``(n, D)`` or ``(n, k)`` in coordinates, in order of place.

        Raises:
            Refusal: If no case of the set was seen.
        """
        table: Tensor = getattr(self, of).cpu()
        seen = table[table[:, -1] > 0, :-1]
        if not len(seen):
            raise Refusal(f"Expected features of {of} cases, but got none. Update the metric with them.")
        return seen if self.coordinates is None else self.coordinates.transform(seen)

    @abstractmethod
    def compute(self) -> Tensor:
        """Return the measure, float64; all ranks must call it."""
