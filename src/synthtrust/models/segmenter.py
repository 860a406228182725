"""The segmenter: teaches a network to find labels, and scores it case by case."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from lightning import LightningModule
from monai.inferers import Inferer
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from synthtrust.cases import Case
from synthtrust.metrics import DiceVectors
from synthtrust.metrics.functional import dice_from_counts, overlap
from synthtrust.refusals import Refusal

Batch = dict[str, Tensor]


class Segmenter(LightningModule):
    """Softmax over background and labels, trained on patches, applied to whole cases by a sliding window.

    Args:
        net: Makes the network from ``in_channels`` and ``out_channels``; it maps images ``(B, C, H, W, D)`` to logits
            ``(B, L, H, W, D)``.
        loss: Compares logits with integer label maps ``(B, 1, H, W, D)``.
        optimizer: Makes an optimizer from parameters.
        inferer: Applies the network to a whole case.
        in_channels: Number of modalities.
        regions: Region name -> the labels it is made of; what is scored.
        n_labels: L, background included.
        scheduler: Makes a schedule from an optimizer, stepped after every optimizer step.
        empty: What an empty region scores, see ``synthtrust.metrics.functional.case_dice``.
    """

    task: ClassVar[Literal["segmentation", "classification"]] = "segmentation"

    def __init__(
        self,
        net: Callable[..., nn.Module],
        loss: nn.Module,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        inferer: Inferer,
        *,
        in_channels: int,
        regions: Mapping[str, Sequence[int]],
        n_labels: int,
        scheduler: Callable[[Optimizer], LRScheduler] | None = None,
        empty: Literal["brats", "nan"] = "brats",
    ) -> None:
        super().__init__()
        self.net = net(in_channels=in_channels, out_channels=n_labels)
        self.loss, self.optimizer, self.scheduler, self.inferer = loss, optimizer, scheduler, inferer
        self.in_channels, self.n_labels, self.empty = in_channels, n_labels, empty
        self.regions = {name: tuple(labels) for name, labels in regions.items()}
        self.val_dice: DiceVectors | None = None
        self.test_dice: DiceVectors | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What is scored, as plain JSON values."""
        return {"regions": {name: list(labels) for name, labels in self.regions.items()}, "empty": self.empty}

    def forward(self, image: Tensor) -> Tensor:
        """Return logits ``(B, L, H, W, D)`` of images ``(B, C, H, W, D)``."""
        logits: Tensor = self.net(image)
        return logits

    def predict(self, image: Tensor) -> Tensor:
        """Return label maps ``(B, H, W, D)`` of whole cases ``(B, C, H, W, D)``."""
        logits = self.inferer(image, self.net)
        return logits.argmax(1)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        loss: Tensor = self.loss(self(batch["image"]), batch["label"])
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def on_validation_start(self) -> None:
        """Make room for a score of every validation case."""
        self.val_dice = self._vectors(len(self._data.val_cases))

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Score a batch of whole cases."""
        _made(self.val_dice).update(self.count(batch), batch["case"], torch.zeros_like(batch["case"], dtype=torch.bool))

    def on_validation_epoch_end(self) -> None:
        """Log the mean Dice, and that of each region."""
        _, scores = _made(self.val_dice).one_source(synthetic=False)  # (M, K)
        dice = scores.nanmean(0)
        self.log("val/score", dice.nanmean(), prog_bar=True, rank_zero_only=False)
        self.log_dict({f"val/dice_{name}": value for name, value in zip(self.regions, dice, strict=True)})

    def on_test_start(self) -> None:
        """Make room for two scores of every test case: its own and its twin's."""
        self.test_dice = self._vectors(len(self._data.test_cases))

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Score a batch of whole cases, real or synthetic."""
        _made(self.test_dice).update(self.count(batch), batch["case"], batch["synthetic"])

    def test_rows(self, cases: Sequence[Case]) -> list[dict[str, Any]]:
        """Return a row per source, test case and region: case, patient, source, region, dice, voxel counts.

        All ranks must call it.
        """
        counts = _made(self.test_dice).counts().cpu()  # (2, M, K, 3)
        return [
            row
            for source, of_source in zip(("real", "synthetic"), counts, strict=True)
            for case, of_case in zip(cases, of_source, strict=True)
            for row in self.rows_of(case, source, of_case)
        ]

    def rows_of(self, case: Case, source: str, counts: Tensor) -> list[dict[str, Any]]:
        """Return a row per region of one case, from its voxel counts ``(K, 3)``."""
        intersection, prediction, reference = counts.unbind(-1)
        dice = dice_from_counts(intersection, prediction, reference, empty=self.empty)  # (K,)
        return [
            {
                "case": case.id,
                "patient": case.patient,
                "source": source,
                "region": region,
                "dice": float(dice[k]),
                "n_reference": int(reference[k]),
                "n_prediction": int(prediction[k]),
            }
            for k, region in enumerate(self.regions)
        ]

    def configure_optimizers(self) -> Any:
        """Hand the parameters to the optimizer of the config."""
        optimizer = self.optimizer(self.parameters())
        if self.scheduler is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": self.scheduler(optimizer), "interval": "step"}}

    def check_size(self, patch_size: Sequence[int]) -> None:
        """Refuse a patch size that the network cannot be trained on, without computing anything.

        Raises:
            Refusal: If the network fails on a batch of one patch of this size.
        """
        net = copy.deepcopy(self.net).to("meta").train()  # on this device shapes are worked out, and nothing else
        try:
            out = tuple(net(torch.empty((1, self.in_channels, *patch_size), device="meta")).shape[2:])
            why = "" if out == tuple(patch_size) else f"it gives logits of {out}."
        except (RuntimeError, ValueError) as error:
            why = str(error).splitlines()[0]
        if why:
            raise Refusal(
                f"Expected a patch size that {type(self.net).__name__} can be trained on, but got {tuple(patch_size)}: "
                f"{why} Set data.patch_size (SwinUNETR: multiples of 32, and not 32 along every axis with instance "
                "norm; others: multiples of the product of their strides)."
            )

    def count(self, batch: Batch) -> Tensor:
        """Voxels of intersection, prediction and reference, shape ``(B, K, 3)``."""
        return torch.stack(overlap(self.predict(batch["image"]), batch["label"], list(self.regions.values())), -1)

    def _vectors(self, n_cases: int) -> DiceVectors:
        return DiceVectors(n_cases, self.regions, empty=self.empty).to(self.device)

    @property
    def _data(self) -> Any:
        return getattr(self.trainer, "datamodule")  # noqa: B009  Lightning does not declare it


def _made(vectors: DiceVectors | None) -> DiceVectors:
    """Return the vectors that a start hook made.

    Raises:
        RuntimeError: If a step ran without its start hook.
    """
    if vectors is None:
        raise RuntimeError("Expected the Trainer to run this step, but it was called without one.")
    return vectors
