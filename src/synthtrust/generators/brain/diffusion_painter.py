"""What diffusion models of brains share: the training inside ``fit``, and painting on several label maps at once."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Callback
from numpy.typing import NDArray
from torch import Tensor, nn

from synthtrust.cases import Case
from synthtrust.generators.brain.box import depth_to_space
from synthtrust.generators.brain.brain_painter import BrainPainter
from synthtrust.generators.brain.condition_from_label import condition_from_label, to_images
from synthtrust.generators.brain.statistics import TrainingStatistics
from synthtrust.generators.brain.volumes import prepared
from synthtrust.generators.diffusion.dpm_solver import noises, paint
from synthtrust.generators.diffusion.schedule import Diffusion, Predict, Sampler
from synthtrust.generators.training.device import at_home
from synthtrust.generators.training.fit_environment import training_key
from synthtrust.generators.training.learner import Learner
from synthtrust.generators.training.loop import FACTS, WriteLoss, averaged, read_last, resumed, train_to_end

Images = dict[str, NDArray[np.floating]]

PAINTING_FIELDS = frozenset({"sampler", "sampling_steps", "max_steps", "sample_every"})
"""Fields of a generator that may change without making its checkpoint useless."""

SHOWN_STEPS = 20  # sampling steps of a picture during the training: enough to see what is being learned


class DiffusionPainter(BrainPainter):
    """A generator that paints brains by a diffusion in the box of its training cases.

    A subclass brings the network, the learner that trains it and the way from a condition to a volume. What it learns
    from the prepared volumes before the training goes into ``_learn_from``, ``_metadata`` and ``_restore``.
    """

    patch_size: tuple[int, int, int] | None
    flip: bool
    timesteps: int
    sampler: Sampler
    sampling_steps: int | None
    lr: float
    anneal: bool
    max_steps: int
    batch_size: int
    accumulate: int
    ema_decay: float
    grad_clip: float | None
    devices: int | str

    def __post_init__(self) -> None:
        super().__post_init__()
        self.diffusion.timesteps_for(self.sampler, self.sampling_steps)

    @property
    def diffusion(self) -> Diffusion:
        """The noise schedule, for images in [-1, 1]."""
        return Diffusion(self.timesteps)

    def sample(self, label: NDArray[np.uint8], rng: np.random.Generator) -> Images:
        """Paint one image per modality onto a label map.

        Raises:
            Refusal: If the label map holds a label that the training cases have not, or reaches beyond ``size``.
        """
        return self.sample_many([label], [rng])[0]

    def sample_many(self, labels: Sequence[NDArray[np.uint8]], rngs: Sequence[np.random.Generator]) -> list[Images]:
        """Paint onto several label maps at once, each with its own randomness; see ``sample``."""
        statistics = self.statistics_
        brains, conditions = zip(
            *(condition_from_label(label, statistics, self.brain_label) for label in labels), strict=True
        )
        generators = [torch.Generator().manual_seed(int(rng.integers(2**63))) for rng in rngs]
        volumes = self._paint(np.stack(conditions), generators)
        return [to_images(volume, brain, statistics) for volume, brain in zip(volumes, brains, strict=True)]

    @abstractmethod
    def _paint(self, conditions: NDArray[np.float32], generators: Sequence[torch.Generator]) -> NDArray[np.float32]:
        """Return volumes ``(B, M, *size)`` in [-1, 1] for one-hot conditions ``(B, K, *size)``."""

    def _predict(self, x: Tensor, condition: Tensor, t: Tensor) -> Tensor:
        """Return the network's prediction for noisy packed volumes ``(B, C, ...)`` and their condition."""
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.precision_ == "bf16-mixed"):
            prediction: Tensor = self.network_(torch.cat([x, condition], 1), t)
        return prediction

    def _denoise(
        self, diffusion: Diffusion, predict_noise: Predict, condition: Tensor, generators: Sequence[torch.Generator]
    ) -> Tensor:
        """Sample packed volumes ``(B, C, ...)``, on the device and of the sides of a packed condition."""
        shape = (len(self.statistics_.modalities) * self.patch_fold**3, *condition.shape[2:])
        device, steps = condition.device, self.sampling_steps
        if self.sampler in ("ddpm", "ddim"):
            return diffusion.sample(predict_noise, shape, generators, sampler=self.sampler, steps=steps, device=device)

        def guess(x: Tensor, t: Tensor) -> Tensor:
            return diffusion.denoised(x, int(t[0]), predict_noise(x, t).float())

        def fresh() -> Tensor:
            return noises(shape, generators).to(device)

        timesteps = diffusion.timesteps_for(self.sampler, steps)
        is_stochastic = self.sampler == "sde_dpm_solver"
        return paint(diffusion, guess, fresh(), timesteps, fresh=fresh if is_stochastic else None)

    def _unpacked(self, packed: Tensor) -> NDArray[np.float32]:
        """Return packed volumes as arrays ``(B, M, *size)``."""
        volumes: NDArray[np.float32] = depth_to_space(packed.cpu(), self.patch_fold).numpy()
        return volumes

    @property
    def _device(self) -> torch.device:
        """The device that the network is on."""
        device: torch.device = next(self.network_.parameters()).device
        return device

    def _train(self, cases: Sequence[Case], folder: Path) -> None:
        """Train the network in a folder, from the checkpoint there if it is of the same training.

        Raises:
            Refusal: If a loss or the weights to be saved are not finite; the checkpoint before stays.
            RuntimeError: If the training stopped before its last step.
        """
        key = training_key(self, cases, PAINTING_FIELDS)
        last = resumed(folder, key, self.max_steps)
        self._go_on_in(last)
        self.statistics_ = TrainingStatistics.from_plain(last[FACTS]["statistics"]) if last else self._measure(cases)
        if last:
            self._restore(last[FACTS])
        if not last or last["global_step"] < self.max_steps:
            volumes = folder / "volumes"
            with prepared(
                cases,
                self.statistics_,
                volumes,
                intensity_percentile=self.intensity_percentile,
                brain_label=self.brain_label,
            ):
                if not last:
                    self._learn_from(volumes)
                network = self._new_network()
                at_home(network)
                learner = self._new_learner(network, folder, {"key": key, **self._metadata()})
                train_to_end(
                    learner,
                    folder,
                    self.max_steps,
                    precision=self.precision_,
                    callbacks=self._training_callbacks(cases, folder),
                    devices=self.devices,
                    accumulate=self.accumulate,
                    grad_clip=self.grad_clip,
                )
            last = read_last(folder)
        network = self._new_network()
        network.load_state_dict(averaged(last))
        self.network_ = network.eval()

    def _training_callbacks(self, cases: Sequence[Case], folder: Path) -> list[Callback]:
        """Return what writes the losses and draws samples; no logger follows into the processes of several devices."""
        loggers = self._loggers if self.devices in (1, "1") else ()
        cheaper = {"sampler": "sde_dpm_solver", "sampling_steps": min(SHOWN_STEPS, self.timesteps)}
        return [WriteLoss(folder, loggers), *self._watchers(cases, self.statistics_, folder, loggers, **cheaper)]

    @abstractmethod
    def _new_network(self) -> nn.Module:
        """Make the untrained network for the training cases that were measured."""

    @abstractmethod
    def _new_learner(self, network: nn.Module, folder: Path, metadata: dict[str, Any]) -> Learner:
        """Make the module that trains the network on the volumes in ``folder / "volumes"``."""

    def _learn_from(self, volumes: Path) -> None:
        """Measure what else is needed in a folder of prepared volumes."""

    def _metadata(self) -> dict[str, Any]:
        """Return what a checkpoint has to keep beside the weights, as plain values and tensors."""
        return {"statistics": self.statistics_.plain(), "precision": self.precision_}

    def _restore(self, metadata: Mapping[str, Any]) -> None:
        """Undo ``_metadata`` for what ``_learn_from`` measured."""
