"""The generator: a diffusion model behind the contract that every generator keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synthtrust.cases import Case
from synthtrust.generators.brain.box import Size, space_to_depth
from synthtrust.generators.brain.diffusion_painter import DiffusionPainter
from synthtrust.generators.brain.statistics import check_modalities
from synthtrust.generators.diffusion.schedule import Sampler
from synthtrust.generators.med_ddpm.network import CHANNELS, DiffusionUNet
from synthtrust.generators.med_ddpm.published import (
    LABELS,
    MODALITIES,
    TowardsBraTS,
    check_voxels,
    load_published,
    read_checkpoint,
)
from synthtrust.generators.med_ddpm.training import NoiseLearner
from synthtrust.generators.synthesis.id_lists import read_ids
from synthtrust.generators.training.device import at_home
from synthtrust.generators.training.fit_environment import own_randomness, workplace
from synthtrust.refusals import Refusal

AS_PUBLISHED: dict[str, Any] = {"patch_fold": 1, "intensity_percentile": None}
"""Fields whose values are fixed by published weights."""

BETAS = 1e-4
"""Largest difference of the betas in a checkpoint from those of the schedule."""


@dataclass
class MedDDPM(DiffusionPainter):
    """Paints brains by a conditional three-dimensional diffusion model, in the manner of Med-DDPM.

    The condition is a channel per label and one of the brain around them. A real case's brain is where its images are
    not 0; ``sample`` never sees an image, and takes the brain from the label's own class (``brain_label``) or, where
    there is none, from an atlas of the training cases' brains. The manifest says which.

    Source: Dorjsembe et al., Conditional Diffusion Models for Semantic 3D Brain MRI Synthesis, IEEE JBHI 2024. The
    defaults are the published recipe; presets for smaller machines lie in ``conf/generator``.

    Limits: labels are expected on the voxel size of the training cases, that of BraTS for the published weights
    (1 mm). What lies beyond ``size`` is not painted, and a label there is
    refused. A network that was trained long on few cases can repeat them: read the privacy audit. The published
    weights were trained on 193 cases of BraTS 2021: name them with ``train_ids``, or the set says "unknown".
    """

    version: ClassVar[int] = 2
    not_in_recipe: ClassVar[frozenset[str]] = DiffusionPainter.not_in_recipe | {"train_ids"}
    files_in_recipe: ClassVar[frozenset[str]] = frozenset({"weights"})

    channels: tuple[int, ...] = CHANNELS
    """Feature maps per level of the network, even numbers; every further level halves the resolution."""
    num_res_blocks: int = 2
    """Residual blocks per level."""
    size: Size | None = (192, 192, 144)
    """Sides of the box that is painted [voxels], about the grid's centre; None for the smallest around all brains."""
    patch_fold: int = 1
    """Voxels per side that are folded into channels: 2 makes a step about eight times cheaper."""
    patch_size: Size | None = None
    """Sides of the random parts to train on [voxels]; None for the whole box."""
    intensity_percentile: float | None = None
    """Percentile of the brain that becomes +1; None for the volume's maximum, as published."""
    flip: bool = False
    """Mirror half of the examples along the first axis."""
    timesteps: int = 250
    """Timesteps of the diffusion."""
    sampler: Sampler = "ddpm"
    """``ddpm`` takes all timesteps, ``ddim`` may take fewer; ``dpm_solver`` is of second order, and ``sde_dpm_solver``
    adds new noise at each step as well, as ``ddpm`` does, whose statistics it keeps in 20 steps."""
    sampling_steps: int | None = None
    """Timesteps that painting takes; None for all."""
    lr: float = 1e-5
    """Learning rate of Adam; at its highest, if it is annealed."""
    anneal: bool = False
    """Let the rate rise at first, and fall to 0 along a cosine; as published it is constant."""
    max_steps: int = 100_000
    """Steps of the optimizer."""
    batch_size: int = 1
    """Volumes per device and batch."""
    accumulate: int = 2
    """Batches per step."""
    ema_decay: float = 0.9995
    """Decay of the average of the weights, per step (published: 0.995 every 10 steps)."""
    grad_clip: float | None = None
    """Largest norm of the gradient."""
    precision: Literal["auto", "32-true", "bf16-mixed"] = "32-true"
    """Precision of training and painting; ``auto`` for what is quick on the machine where the training is begun."""
    devices: int | str = 1
    """Devices of the training; several are processes on this machine, started by the training itself."""
    brain_label: int | None = None
    """Class of the brain in the label maps, if there is one; never painted on as a label."""
    weights: str | None = None
    """File of published weights (``ema`` of a Med-DDPM checkpoint); nothing is trained then."""
    train_ids: str | tuple[str, ...] | None = None
    """Cases that the weights were trained on: ids, or a text or CSV file of them; None if they are unknown."""
    sample_every: int = 0
    """Training steps from one picture of a training case and its twin to the next; 0 for none. The pictures show a real
    patient, on disk and to loggers that take images."""

    def __post_init__(self) -> None:
        super().__post_init__()
        changed = {name: value for name in AS_PUBLISHED if (value := getattr(self, name)) != AS_PUBLISHED[name]}
        if self.weights is not None and changed:
            raise Refusal(f"Expected {AS_PUBLISHED} with published weights, which were trained so, but got {changed}.")
        if self.weights is None and self.train_ids is not None:
            raise Refusal(
                "Expected train_ids beside published weights alone, since this generator learns from the training "
                "cases of the run, but got no weights. Set weights, or leave train_ids null."
            )

    @property
    def training_ids(self) -> tuple[str, ...] | None:
        """Ids of the cases that published weights were trained on; None if they are unknown.

        Raises:
            AttributeError: Without published weights: the generator then learns from the cases of ``fit`` alone.
        """
        if self.weights is None:
            raise AttributeError("Expected published weights, but this generator learns from the cases of fit alone.")
        return read_ids(self.train_ids)

    def fit(self, cases: Sequence[Case]) -> Self:
        """Learn from real cases; with published weights only their brains' shape and intensities.

        Raises:
            Refusal: If there are no cases, they differ in modalities, they or their voxels do not fit the published
                weights, or the training diverges.
        """
        cases = list(cases)
        with own_randomness(self.seed):
            if self.weights is not None:
                self.network_ = self._load_weights(self.weights)
                check_modalities(cases, MODALITIES)
                check_voxels(cases)
                self.statistics_ = self._measure(cases, MODALITIES, LABELS)
            else:
                with workplace(self._home) as folder:
                    self._train(cases, folder)
        at_home(self.network_)
        return self

    def _paint(self, conditions: NDArray[np.float32], generators: Sequence[torch.Generator]) -> NDArray[np.float32]:
        condition = space_to_depth(torch.from_numpy(conditions), self.patch_fold).to(self._device)

        def predict_noise(x: Tensor, t: Tensor) -> Tensor:
            return self._predict(x, condition, t)

        return self._unpacked(self._denoise(self.diffusion, predict_noise, condition, generators))

    def _load_weights(self, path: str) -> nn.Module:
        ema = read_checkpoint(path)
        if "betas" in ema and len(ema["betas"]) != self.timesteps:
            raise Refusal(
                f"Expected weights of {self.timesteps} timesteps, but {path} has {len(ema['betas'])}. Set timesteps."
            )
        if "betas" in ema and not np.allclose(ema["betas"].float().numpy(), self.diffusion.betas, atol=BETAS):
            raise Refusal(
                f"Expected weights that were trained with the cosine schedule of Med-DDPM, but the betas in {path} are "
                "others: what is painted with them would be noise."
            )
        return TowardsBraTS(load_published(ema, channels=self.channels, num_res_blocks=self.num_res_blocks)).eval()

    def _new_network(self) -> DiffusionUNet:
        n_images, n_condition = len(self.statistics_.modalities), self.statistics_.n_channels
        n_in, n_out = (n * self.patch_fold**3 for n in (n_images + n_condition, n_images))
        return DiffusionUNet(n_in, n_out, self.channels, self.num_res_blocks)

    def _new_learner(self, network: nn.Module, folder: Path, metadata: dict[str, Any]) -> NoiseLearner:
        return NoiseLearner(network, self, folder, metadata)
