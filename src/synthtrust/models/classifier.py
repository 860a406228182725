"""The classifier: teaches a network to tell the classes or findings of images, and scores it case by case."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from synthtrust.cases import Case
from synthtrust.metrics import CaseProbabilities
from synthtrust.metrics.functional.placements import auc_by_class
from synthtrust.models.base import Batch, ScoredModule, made
from synthtrust.models.heads import ClassHead, FindingsHead, Head, Weights
from synthtrust.refusals import Refusal

NAMES = {"channels": "in_channels", "classes": "out_channels", "dims": "spatial_dims"}
"""What the cohort decides about a network -> what most networks of MONAI call it."""


class Classifier(ScoredModule[CaseProbabilities]):
    """Tells classes that exclude each other, or findings that do not, in whole images; see `synthtrust.models.heads`.

    Args:
        net: Makes the network; it maps images ``(B, C, *size)`` to logits ``(B, K)``, or to a tuple that begins with
            them.
        optimizer: Makes an optimizer from parameters.
        channels: C, the number of modalities.
        classes: Names of the classes or findings, in order of value.
        size: Side lengths of the images [pixels, voxels], two or three.
        findings: Whether an image may have several of them or none: a probability for each, trained by binary
            cross-entropy; else a softmax over classes, trained by cross-entropy.
        class_counts: Training cases of each class or finding, for balanced weights.
        n_cases: Training cases, for balanced weights of findings.
        names: What the cohort decides -> the network's name for it: ``channels`` (C), ``classes`` (K), ``dims`` (2 or
            3), ``size``. Those that are not named are not handed over.
        class_weights: How much a case of each class counts in the loss: None for all alike; ``balanced`` for
            ``N / (K n_k)``, so that all classes count alike; or K numbers. Of a finding, how much a case that has it
            counts against one that has not: ``balanced`` is ``(N - n_k) / n_k``.
        label_smoothing: Share of the target that is spread over all classes, or over present and absent, in [0, 1].
        scheduler: Makes a schedule from an optimizer, stepped after every optimizer step.

    Raises:
        Refusal: If the class weights are not one per class.
    """

    task: ClassVar[Literal["segmentation", "classification"]] = "classification"
    probe_size = 2

    def __init__(
        self,
        net: Callable[..., nn.Module],
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        *,
        channels: int,
        classes: Sequence[str],
        size: Sequence[int],
        findings: bool = False,
        class_counts: Sequence[int] = (),
        n_cases: int = 0,
        names: Mapping[str, str] = NAMES,
        class_weights: Weights = None,
        label_smoothing: float = 0.0,
        scheduler: Callable[[Optimizer], LRScheduler] | None = None,
    ) -> None:
        known = {"channels": channels, "classes": len(classes), "dims": len(size), "size": tuple(size)}
        arguments = {argument: known[name] for name, argument in names.items()}
        super().__init__(net(**arguments), channels, optimizer, scheduler)
        self.classes, self.label_smoothing = tuple(classes), label_smoothing
        self.head: Head = FindingsHead(self.classes) if findings else ClassHead(self.classes)
        weights = self.head.weights(class_weights, class_counts, n_cases)
        self.register_buffer("weights", weights, persistent=False)
        self.weights: Tensor

    @property
    def facts(self) -> dict[str, Any]:
        """What is scored, as plain JSON values."""
        return {"classes": list(self.classes), "class_weights": [round(float(w), 6) for w in self.weights]}

    def forward(self, image: Tensor) -> Tensor:
        """Return logits ``(B, K)`` of images ``(B, C, *size)``."""
        out = self.net(image)
        logits: Tensor = out[0] if isinstance(out, tuple) else out  # a vision transformer adds its hidden states
        return logits

    def predict(self, image: Tensor) -> Tensor:
        """Return probabilities ``(B, K)`` float64, which keep the order of cases that are all but certain."""
        return self.head.probability(self(image).double())

    def loss_of(self, batch: Batch) -> Tensor:
        """Return the loss of a batch of images."""
        return self.head.loss(self(batch["image"]), batch["label"], self.weights, self.label_smoothing)

    def make_table(self, n_cases: int) -> CaseProbabilities:
        """Return a table for the probabilities of so many cases."""
        return CaseProbabilities(n_cases, self.classes, exclusive=self.head.exclusive)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Predict a batch."""
        real_or_not = torch.zeros_like(batch["synthetic"])  # in validation every case has one source only
        made(self.val_table).update(self.predict(batch["image"]), batch["case"], real_or_not)

    def on_validation_epoch_end(self) -> None:
        """Log the area under the ROC curve: the mean over the classes or findings that can be compared, and each."""
        case, probability = made(self.val_table).one_source(synthetic=False)
        target = np.array([self.data.val_cases[int(number)].target for number in case])  # (n,) or (n, K)
        areas, _ = auc_by_class(probability.cpu().numpy(), target)  # (K,), NaN without a case on either side
        self.log("val/score", float(np.nanmean(areas)), prog_bar=True, rank_zero_only=False)
        self.log_dict({f"val/auc_{name}": float(area) for name, area in zip(self.classes, areas, strict=True)})

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Predict a batch, real or synthetic."""
        made(self.test_table).update(self.predict(batch["image"]), batch["case"], batch["synthetic"])

    def test_values(self) -> Tensor:
        """Return the probabilities of every test case and of its twin, ``(2, M, K)``; all ranks must call it."""
        return made(self.test_table).compute().cpu()

    def rows_of(self, case: Case, source: str, values: Tensor) -> list[dict[str, Any]]:
        """Return a row per class or finding of one case, from its probabilities ``(K,)``.

        Columns: case, patient, source, target, class, probability. Of findings there is no target, and a column
        ``present``, 1 or 0, behind the class.
        """
        shared = {"case": case.id, "patient": case.patient, "source": source}
        return [
            {**shared, **truth, "probability": probability}
            for truth, probability in zip(self.head.truth(case), values.tolist(), strict=True)
        ]

    def check_size(self, size: Sequence[int]) -> None:
        """Refuse images that the network cannot take, without computing anything.

        Raises:
            Refusal: If the network fails on a batch of two such images, or does not give one logit per class.
        """
        if problem := self.size_problem(size):
            raise Refusal(
                f"Expected images that {type(self.net).__name__} can be trained on, but got {tuple(size)}: {problem} "
                "Set data.size, or choose another model."
            )

    def mismatch(self, out: Any, size: Sequence[int]) -> str:
        """Return what is wrong with the logits of two images; empty if there is one for each class."""
        shape = tuple((out[0] if isinstance(out, tuple) else out).shape)
        return "" if shape == (self.probe_size, len(self.classes)) else f"it gives logits of {shape} for two images."
