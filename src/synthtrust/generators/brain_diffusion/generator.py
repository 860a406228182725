"""The generator BrainDiffusion: a diffusion of brains alone, small enough for two processor cores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthtrust.cases import Case
from synthtrust.generators.brain.box import Size, space_to_depth
from synthtrust.generators.brain_diffusion.network import LocalNetwork
from synthtrust.generators.brain_diffusion.pca import BrainPCA, fit_pca
from synthtrust.generators.brain_diffusion.training import PCAPainter, VelocityLearner
from synthtrust.generators.brain_diffusion.velocity import VelocityNetwork
from synthtrust.generators.brain_diffusion.volumes import with_average
from synthtrust.generators.diffusion.schedule import Diffusion, Sampler
from synthtrust.generators.training.device import at_home
from synthtrust.generators.training.fit_environment import own_randomness, workplace

SPACING_POWER = 1.5
"""How much denser the visited timesteps are where brains are nearly noise: their largest components have variances
near 10."""


@dataclass
class BrainDiffusion(PCAPainter):
    """Paints brains alone by a small conditional diffusion model, in their principal components.

    The condition is a channel per label, one of the brain around them, and the average brain of the training cases. A
    real case's brain is where its images are not 0; ``sample`` never sees an image, and takes the brain from the
    label's own class (``brain_label``) or, where there is none, from an atlas of the training cases' brains. The
    manifest says which. What lies around the brain is neither noised nor painted: it is 0.

    The idea of painting onto a label map by a three-dimensional diffusion is that of Med-DDPM (`MedDDPM`); network,
    loss, data and units are this project's own, and so are its results.

    Limits: labels are expected on the voxel size of the training cases. What lies beyond ``size`` is not painted, and
    a label there is refused. A network that was trained long on few cases can repeat them: read the privacy audit.
    """

    width: int = 96
    """Feature maps of the network, which has one level."""
    dilations: tuple[int, ...] = (1, 2, 4, 1)
    """Dilations of the network's convolutions, one after the other [packed voxels]."""
    size: Size | None = None
    """Sides of the box that is painted [voxels], about the grid's centre; None for the smallest around all brains."""
    patch_fold: int = 2
    """Voxels per side that are folded into channels: 2 makes a step about eight times cheaper."""
    patch_size: Size | None = (40, 40, 40)
    """Sides of the random parts to train on [voxels]; None for the whole box."""
    intensity_percentile: float | None = 99.8
    """Percentile of the brain that becomes +1; None for the volume's maximum."""
    flip: bool = True
    """Mirror half of the examples along the first axis."""
    timesteps: int = 250
    """Timesteps of the diffusion."""
    sampler: Sampler = "sde_dpm_solver"
    """``ddpm`` takes all timesteps, ``ddim`` may take fewer; ``dpm_solver`` is of second order, and ``sde_dpm_solver``
    adds new noise at each step as well, as ``ddpm`` does, whose statistics it keeps in 20 steps."""
    sampling_steps: int | None = 20
    """Timesteps that painting takes; None for all."""
    lr: float = 1e-3
    """Learning rate of Adam; at its highest, if it is annealed."""
    anneal: bool = True
    """Let the rate rise at first, and fall to 0 along a cosine."""
    max_steps: int = 6_000
    """Steps of the optimizer."""
    batch_size: int = 2
    """Volumes per device and batch."""
    accumulate: int = 1
    """Batches per step."""
    ema_decay: float = 0.998
    """Decay of the average of the weights, per step."""
    grad_clip: float | None = 1.0
    """Largest norm of the gradient."""
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    """Precision of training and painting; ``auto`` for what is quick on the machine where the training is begun."""
    devices: int | str = 1
    """Devices of the training; several are processes on this machine, started by the training itself."""
    brain_label: int | None = None
    """Class of the brain in the label maps, if there is one; never painted on as a label."""
    sample_every: int = 0
    """Training steps from one picture of a training case and its twin to the next; 0 for none. The pictures show a real
    patient, on disk and to loggers that take images."""

    def fit(self, cases: Sequence[Case]) -> Self:
        """Learn from real cases.

        Raises:
            Refusal: If there are no cases, they differ in modalities, or the training diverges.
        """
        with own_randomness(self.seed), workplace(self._home) as folder:
            self._train(list(cases), folder)
        at_home(self.network_)
        return self

    @property
    def _multiple(self) -> int:
        return self.patch_fold

    def _paint(self, conditions: NDArray[np.float32], generators: Sequence[torch.Generator]) -> NDArray[np.float32]:
        pca = self.pca_
        clip = torch.from_numpy(pca.clip)[:, None, None, None]
        diffusion = Diffusion(self.timesteps, -clip, clip, SPACING_POWER)
        averages = np.stack([with_average(condition, pca.average) for condition in conditions])
        condition = space_to_depth(torch.from_numpy(averages), self.patch_fold).to(self._device)
        brain = space_to_depth(torch.from_numpy(conditions.sum(1, keepdims=True)), self.patch_fold).amax(
            1, keepdim=True
        )
        brain = brain.to(self._device)

        def predict_noise(x: Tensor, t: Tensor) -> Tensor:
            x = x * brain
            return diffusion.noise_of(self._predict(x, condition, t), x, t)

        components = self._denoise(diffusion, predict_noise, condition, generators)
        volumes = self._unpacked(pca.from_components(components))
        return np.stack([np.clip(pca.restored(volume), -1, 1) for volume in volumes])

    def _new_network(self) -> VelocityNetwork:
        n_images, n_labels = len(self.statistics_.modalities), self.statistics_.n_channels
        n_in = 2 * n_images + n_labels  # the noisy images, the labels with the brain, the average brain
        network = LocalNetwork(n_in * self.patch_fold**3, n_images * self.patch_fold**3, self.width, self.dilations)
        return VelocityNetwork(network, torch.from_numpy(self.pca_.variances), self.diffusion)

    def _new_learner(self, network: torch.nn.Module, folder: Path, metadata: dict[str, Any]) -> VelocityLearner:
        return VelocityLearner(network, self, folder, metadata)

    def _learn_from(self, volumes: Path) -> None:
        self.pca_ = fit_pca(volumes, self.statistics_.n_channels, self.patch_fold, flip=self.flip)

    def _metadata(self) -> dict[str, Any]:
        return super()._metadata() | {"pca": self.pca_.plain()}

    def _restore(self, metadata: Mapping[str, Any]) -> None:
        self.pca_ = BrainPCA.from_plain(metadata["pca"])
