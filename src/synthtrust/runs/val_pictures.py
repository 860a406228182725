"""Pictures of validation cases for wandb: a slice with the labels of the reference and of the prediction over it."""

from collections.abc import Mapping
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.utils.data import default_collate

from synthtrust.trackers import is_wandb, tell


class ShowValidation(Callback):
    """Hands pictures of the first validation cases to wandb, some steps apart.

    A picture shows the slice of the first modality that holds most labelled voxels; wandb switches the label maps on
    and off. It shows a patient, so that nothing is shown unless it is asked for. The training is the same with it.

    Args:
        every: Steps between two pictures, a multiple of those between two validations.
        n_cases: How many cases are shown.
    """

    def __init__(self, every: int, n_cases: int) -> None:
        self.every, self.n_cases = every, n_cases

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Predict and show, when it is time."""
        loggers = [logger for logger in trainer.loggers if is_wandb(logger)]
        if not (loggers and trainer.is_global_zero) or trainer.sanity_checking or trainer.global_step % self.every:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        shown = _shown(data, pl_module, self.n_cases)
        names = {value: name for name, value in data.cohort.labels.items()}
        for logger in loggers:
            tell(logger, lambda wandb: wandb.experiment.log({"val/cases": _pictures(shown, names)}))


@torch.inference_mode()
def _shown(data: Any, model: Any, n_cases: int) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """Return id -> slices ``(H, W)`` of image, reference and prediction."""
    dataset = data.val_dataloader()[0].dataset
    slices = {}
    for number in range(min(n_cases, len(dataset))):  # not by the loader, which would draw from the run's randomness
        batch = {name: value.to(model.device) for name, value in default_collate([dataset[number]]).items()}
        label, predicted = batch["label"][0].reshape(batch["label"].shape[-3:]), model.predict(batch["image"])[0]
        plane = int((label > 0).sum((0, 1)).argmax())
        parts = (part[..., plane].float().cpu() for part in (batch["image"][0, 0], label, predicted))
        slices[data.val_cases[number].id] = tuple(parts)
    return slices


def _pictures(shown: Mapping[str, tuple[Tensor, Tensor, Tensor]], names: Mapping[int, str]) -> list[Any]:
    import wandb

    labels = {0: "background", **names}
    return [
        wandb.Image(
            _grey(image),
            caption=case_id,
            masks={
                source: {"mask_data": part.T.flip(0).to(torch.uint8).numpy(), "class_labels": labels}
                for source, part in (("reference", reference), ("prediction", prediction))
            },
        )
        for case_id, (image, reference, prediction) in shown.items()
    ]


def _grey(image: Tensor) -> Any:
    """Return a slice ``(H, W)`` as grey levels from 0 to 255, anterior up."""
    low, high = image.min(), image.max()
    return ((image - low) / (high - low).clamp(min=1e-6) * 255).T.flip(0).to(torch.uint8).numpy()
