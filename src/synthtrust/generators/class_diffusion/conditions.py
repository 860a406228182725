"""The condition that the network paints by: a class, findings, or nothing, by which it learns what all images share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from monai.networks.nets import DiffusionModelUNet
from numpy.typing import NDArray
from torch import nn

from synthtrust.cases import Findings
from synthtrust.generators.memory import of_class
from synthtrust.refusals import Refusal


@dataclass(frozen=True)
class Conditions:
    """Conditions for C classes, numbers from 0 to C - 1 and C for no condition; or for C findings.

    Findings are a 1 followed by C numbers 0 or 1, and no condition is all zeros. The leading 1 distinguishes an image
    without any finding from no condition.
    """

    n: int
    """C, the number of classes or findings."""
    findings: bool
    """Whether these are findings."""

    def of(self, labels: Sequence[int | Findings]) -> NDArray:
        """Return the conditions for labels, int64 ``(B,)`` or float32 ``(B, 1 + C)``.

        >>> Conditions(2, findings=True).of([Findings((0, 1)), Findings((0, 0))]).tolist()
        [[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]]

        Raises:
            Refusal: If a label is no such class, or has another number of findings.
        """
        if not self.findings:
            return np.array([of_class({k: k for k in range(self.n)}, label) for label in labels], np.int64)
        shown = np.array(labels, np.float32)
        if shown.shape != (len(labels), self.n):
            raise Refusal(f"Expected {self.n} findings, as the training cases have, but got {list(labels)[:2]}.")
        return np.concatenate([np.ones((len(shown), 1), np.float32), shown], axis=1)

    @property
    def nothing(self) -> NDArray:
        """The value for no condition, shape ``()`` or ``(1 + C,)``."""
        return np.zeros(1 + self.n, np.float32) if self.findings else np.array(self.n)

    def embed_in(self, network: DiffusionModelUNet) -> None:
        """Let the network add up the embeddings of an image's findings; for classes it has an embedding already."""
        if self.findings:
            width = network.class_embedding.embedding_dim
            network.class_embedding = nn.Linear(1 + self.n, width, bias=False)
            nn.init.normal_(network.class_embedding.weight)  # as embeddings of classes are initialised
