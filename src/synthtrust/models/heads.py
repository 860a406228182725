"""Heads: what a classifier's logits mean, of classes that exclude each other or of findings that do not."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from synthtrust.cases import Case
from synthtrust.refusals import Refusal

Weights = Literal["balanced"] | Sequence[float] | None
"""How much cases count in the loss, as the config says it."""


class Head(ABC):
    """Reads logits ``(B, K)`` of K named classes or findings."""

    exclusive: ClassVar[bool]
    """Whether the probabilities of a case sum to 1."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)

    @abstractmethod
    def probability(self, logits: Tensor) -> Tensor:
        """Return probabilities ``(B, K)``."""

    @abstractmethod
    def loss(self, logits: Tensor, label: Tensor, weights: Tensor, smoothing: float) -> Tensor:
        """Return the loss of a batch, from its labels as `synthtrust.data.ImageCases` has them."""

    @abstractmethod
    def truth(self, case: Case) -> list[dict[str, Any]]:
        """Return what stands beside each of the K probabilities of a case in the table of scores."""

    @abstractmethod
    def balanced(self, counts: Tensor, n_cases: int) -> Tensor:
        """Return weights ``(K,)`` that make up for rarity, from the training cases of each; 0 where there are none."""

    def weights(self, wanted: Weights, counts: Sequence[int], n_cases: int) -> Tensor:
        """Return the weights in the loss, ``(K,)``.

        Raises:
            Refusal: If they are not one for each class or finding.
        """
        if wanted is None or (wanted == "balanced" and not counts):
            return torch.ones(len(self.names))
        if wanted == "balanced":
            return self.balanced(torch.tensor(list(counts), dtype=torch.float32), n_cases)
        if isinstance(wanted, str) or len(wanted) != len(self.names):
            raise Refusal(
                f"Expected model.class_weights null, balanced or one number for each of {list(self.names)}, but got "
                f"{wanted}."
            )
        return torch.tensor(list(wanted), dtype=torch.float32)


class ClassHead(Head):
    """Softmax over classes, trained by cross-entropy; labels are classes ``(B,)``."""

    exclusive = True

    def probability(self, logits: Tensor) -> Tensor:
        """Return probabilities that sum to 1."""
        return logits.softmax(dim=1)

    def loss(self, logits: Tensor, label: Tensor, weights: Tensor, smoothing: float) -> Tensor:
        """Return the weighted cross-entropy."""
        return functional.cross_entropy(logits, label, weights, label_smoothing=smoothing)

    def truth(self, case: Case) -> list[dict[str, Any]]:
        """Return the target beside the name of each class."""
        return [{"target": self.names[case.require_class()], "class": name} for name in self.names]

    def balanced(self, counts: Tensor, n_cases: int) -> Tensor:
        """Return ``N / (K n_k)``, of a class of n_k cases."""
        return torch.where(counts > 0, counts.sum() / (len(counts) * counts.clamp(min=1)), 0.0)


class FindingsHead(Head):
    """A sigmoid for each finding, trained by binary cross-entropy; labels are 0 and 1 ``(B, K)``."""

    exclusive = False

    def probability(self, logits: Tensor) -> Tensor:
        """Return the probability of each finding by itself."""
        return logits.sigmoid()

    def loss(self, logits: Tensor, label: Tensor, weights: Tensor, smoothing: float) -> Tensor:
        """Return the mean over cases and findings of the binary cross-entropy, its positive part weighed."""
        target = label.to(logits.dtype) * (1 - smoothing) + smoothing / 2
        return functional.binary_cross_entropy_with_logits(logits, target, pos_weight=weights)

    def truth(self, case: Case) -> list[dict[str, Any]]:
        """Return 1 or 0 beside the name of each finding."""
        return [
            {"class": name, "present": present}
            for name, present in zip(self.names, case.require_findings(), strict=True)
        ]

    def balanced(self, counts: Tensor, n_cases: int) -> Tensor:
        """Return ``(N - n_k) / n_k``, so that having a finding counts as much as not having it."""
        return torch.where(counts > 0, (n_cases - counts) / counts.clamp(min=1), 0.0)
