"""What the network is told to paint: a class, or findings, or nothing, by which it learns what any image looks like."""

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
    """C classes as numbers from 0 on, C standing for none; or C findings as 0 and 1 behind a 1, zeros for none.

    The 1 tells an image without any finding from one of which nothing is told.
    """

    n: int
    """C."""
    findings: bool

    def of(self, labels: Sequence[int | Findings]) -> NDArray:
        """Return the conditions of some labels, int64 ``(B,)`` or float32 ``(B, 1 + C)``.

        >>> Conditions(2, findings=True).of([Findings((0, 1)), Findings((0, 0))]).tolist()
        [[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]]

        Raises:
            Refusal: If there is no such class, or there are other findings.
        """
        if not self.findings:
            return np.array([of_class({k: k for k in range(self.n)}, label) for label in labels], np.int64)
        shown = np.array(labels, np.float32)
        if shown.shape != (len(labels), self.n):
            raise Refusal(f"Expected {self.n} findings, as the training cases have, but got {list(labels)[:2]}.")
        return np.concatenate([np.ones((len(shown), 1), np.float32), shown], axis=1)

    @property
    def nothing(self) -> NDArray:
        """The condition of which nothing is told, shape ``()`` or ``(1 + C,)``."""
        return np.zeros(1 + self.n, np.float32) if self.findings else np.array(self.n)

    def embed_in(self, network: DiffusionModelUNet) -> None:
        """Let the network add up the embeddings of all findings of an image; of a class it has one anyway."""
        if self.findings:
            width = network.class_embedding.embedding_dim
            network.class_embedding = nn.Linear(1 + self.n, width, bias=False)
            nn.init.normal_(network.class_embedding.weight)  # as those of classes begin
