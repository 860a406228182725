"""The classifier: teaches a network to tell the classes or findings of images, and scores it case by case."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from synthtrust.cases import Case
from synthtrust.metrics import CaseProbabilities
from synthtrust.metrics.functional.placements import auc_by_class
from synthtrust.models.heads import ClassHead, FindingsHead, Head, Weights
from synthtrust.refusals import Refusal

Batch = dict[str, Tensor]

NAMES = {"channels": "in_channels", "classes": "out_channels", "dims": "spatial_dims"}
"""What the cohort decides about a network -> what most networks of MONAI call it."""


class Classifier(LightningModule):
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
        super().__init__()
        known = {"channels": channels, "classes": len(classes), "dims": len(size), "size": tuple(size)}
        self.net = net(**{theirs: known[mine] for mine, theirs in names.items()})
        self.optimizer, self.scheduler, self.label_smoothing = optimizer, scheduler, label_smoothing
        self.channels, self.classes = channels, tuple(classes)
        self.head: Head = FindingsHead(self.classes) if findings else ClassHead(self.classes)
        weights = self.head.weights(class_weights, class_counts, n_cases)
        self.register_buffer("weights", weights, persistent=False)
        self.weights: Tensor
        self.val_table: CaseProbabilities | None = None
        self.test_table: CaseProbabilities | None = None

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

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        loss = self.head.loss(self(batch["image"]), batch["label"], self.weights, self.label_smoothing)
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def on_validation_start(self) -> None:
        """Make room for the probabilities of every validation case."""
        self.val_table = self._table(len(self._data.val_cases))

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Predict a batch."""
        real_or_not = torch.zeros_like(batch["synthetic"])  # in validation every case has one source only
        _made(self.val_table).update(self.predict(batch["image"]), batch["case"], real_or_not)

    def on_validation_epoch_end(self) -> None:
        """Log the area under the ROC curve: the mean over the classes or findings that can be compared, and each."""
        case, probability = _made(self.val_table).one_source(synthetic=False)
        target = np.array([self._data.val_cases[int(place)].target for place in case])  # (n,) or (n, K)
        areas, _ = auc_by_class(probability.cpu().numpy(), target)  # (K,), NaN without a case on either side
        self.log("val/score", float(np.nanmean(areas)), prog_bar=True, rank_zero_only=False)
        self.log_dict({f"val/auc_{name}": float(area) for name, area in zip(self.classes, areas, strict=True)})

    def on_test_start(self) -> None:
        """Make room for the probabilities of every test case and of its twin."""
        self.test_table = self._table(len(self._data.test_cases))

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Predict a batch, real or synthetic."""
        _made(self.test_table).update(self.predict(batch["image"]), batch["case"], batch["synthetic"])

    def test_rows(self, cases: Sequence[Case]) -> list[dict[str, Any]]:
        """Return a row per source, test case and class: case, patient, source, target, class, probability.

        Of findings there is no target, and a column ``present``, 1 or 0, behind the class. All ranks must call it.
        """
        table = _made(self.test_table).compute().cpu().numpy()  # (2, M, K)
        return [
            row
            for source, probability in zip(("real", "synthetic"), table, strict=True)
            for case, of_case in zip(cases, probability, strict=True)
            for row in self.rows_of(case, source, of_case)
        ]

    def rows_of(self, case: Case, source: str, probability: Sequence[float]) -> list[dict[str, Any]]:
        """Return a row per class or finding of one case, from its probabilities ``(K,)``."""
        who = {"case": case.id, "patient": case.patient, "source": source}
        return [
            {**who, **truth, "probability": float(p)}
            for truth, p in zip(self.head.truth(case), probability, strict=True)
        ]

    def configure_optimizers(self) -> Any:
        """Hand the parameters to the optimizer of the config."""
        optimizer = self.optimizer(self.parameters())
        if self.scheduler is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": self.scheduler(optimizer), "interval": "step"}}

    def check_size(self, size: Sequence[int]) -> None:
        """Refuse images that the network cannot take, without computing anything.

        Raises:
            Refusal: If the network fails on a batch of two such images, or does not give one logit per class.
        """
        net = copy.deepcopy(self.net).to("meta").train()  # on this device shapes are worked out, and nothing else
        try:
            out = net(torch.empty((2, self.channels, *size), device="meta"))
            shape = tuple((out[0] if isinstance(out, tuple) else out).shape)
            why = "" if shape == (2, len(self.classes)) else f"it gives logits of {shape} for two images."
        except (RuntimeError, ValueError) as error:
            why = str(error).splitlines()[0]
        if why:
            raise Refusal(
                f"Expected images that {type(self.net).__name__} can be trained on, but got {tuple(size)}: {why} Set "
                "data.size, or choose another model."
            )

    def _table(self, n_cases: int) -> CaseProbabilities:
        return CaseProbabilities(n_cases, self.classes, exclusive=self.head.exclusive).to(self.device)

    @property
    def _data(self) -> Any:
        return getattr(self.trainer, "datamodule")  # noqa: B009  Lightning does not declare it


def _made(table: CaseProbabilities | None) -> CaseProbabilities:
    if table is None:
        raise RuntimeError("Expected the Trainer to run this step, but it was called without one.")
    return table
