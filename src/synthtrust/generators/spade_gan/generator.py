"""The generator SpadeGAN: a network trained against a discriminator, behind the contract of every generator."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray

from synthtrust.cases import Case
from synthtrust.generators.brain.box import Size
from synthtrust.generators.brain.brain_painter import BrainPainter
from synthtrust.generators.brain.condition_from_label import condition_from_label, to_images
from synthtrust.generators.brain.mean_brain import average_brain
from synthtrust.generators.brain.statistics import TrainingStatistics
from synthtrust.generators.brain.volumes import prepared
from synthtrust.generators.spade_gan.network import Discriminator, Encoder, GeneratorNetwork
from synthtrust.generators.spade_gan.training import train
from synthtrust.generators.training.device import own_device
from synthtrust.generators.training.fit_environment import own_randomness, training_key, workplace
from synthtrust.generators.training.loop import FACTS, averaged, read_last, resumed

Images = dict[str, NDArray[np.floating]]

OF_THE_PAINTING = frozenset({"max_steps", "sample_every"})
"""Fields that may change without making a checkpoint useless."""


@dataclass
class SpadeGAN(BrainPainter):
    """Paints brains by spatially-adaptive normalisation, against a discriminator: one pass of a network per twin.

    The condition is that of Med-DDPM: a channel per label and one of the brain around them. A real case's brain is
    where its images are not 0; ``sample`` never sees an image, and takes the brain from the label's own class
    (``brain_label``) or, where there is none, from an atlas of the training cases' brains. The manifest says which.
    What the label map does not tell (contrasts, the shape of the ventricles) is a style: an encoder tells it from the
    real image in training, and painting draws it.

    Source: Park et al., Semantic Image Synthesis with Spatially-Adaptive Normalization, CVPR 2019; for brains,
    Fernandez et al., Can Segmentation Models Be Trained with Fully Synthetically Generated Data?, SASHIMI 2022. The
    defaults are for a GPU; presets lie in ``conf/generator``.

    Limits: labels are expected on the voxel size and orientation of the training cases. What lies beyond ``size`` is
    not painted, and a label there is refused. A network that was trained long on few cases can repeat them: read the
    privacy audit. Training takes one device.
    """

    channels: tuple[int, ...] = (64, 128, 256, 256)
    """Feature maps per level of the painter, the finest first; every further level halves the resolution."""
    spade_channels: int = 64
    """Feature maps between the label map and the scale and shift it gives."""
    style_size: int = 64
    """Numbers of a style."""
    discriminator_channels: int = 32
    """Feature maps of the discriminator's first layer; every further layer doubles them."""
    discriminator_layers: int = 3
    """Layers of the first discriminator, after its first; the more, the wider the patches it looks at."""
    discriminators: int = 1
    """How many; each further one has ``discriminator_layers`` more."""
    size: Size | None = None
    """Sides of the box that is painted [voxels], about the grid's centre; None for the smallest around all brains."""
    patch_fold: int = 2
    """Voxels per side that the painter folds into channels: 2 makes a step about eight times cheaper."""
    intensity_percentile: float = 99.8
    """Percentile of the brain that becomes +1."""
    flip: bool = True
    """Mirror half of the examples along the first axis."""
    reconstruction_weight: float = 10.0
    """Weight of the mean absolute error within the brain, in intensities of [-1, 1]."""
    feature_weight: float = 10.0
    """Weight of the mean absolute error of the discriminator's features."""
    style_weight: float = 0.01
    """The weight of the styles' divergence from those that painting draws [per nat]."""
    lr: float = 2e-4
    """Learning rate of Adam, for painter and encoder."""
    discriminator_lr: float = 2e-4
    """Learning rate of Adam, for the discriminator."""
    max_steps: int = 100_000
    """Steps of generator network and discriminator each."""
    batch_size: int = 1
    """Volumes per step."""
    ema_decay: float = 0.999
    """Decay of the average of the painter's weights, per step."""
    grad_clip: float = 1.0
    """Largest norm of the gradient, of the painter with its encoder and of the discriminator."""
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    """Precision of training and painting; ``auto`` for what is quick on the machine where the training is begun."""
    brain_label: int | None = None
    """Class of the brain in the label maps, if there is one; never painted on as a label."""
    sample_every: int = 0
    """Training steps from one picture of a training case and its twin to the next; 0 for none. The pictures show a real
    patient, on disk and to loggers that take images."""

    def fit(self, cases: Sequence[Case]) -> Self:
        """Learn from real cases.

        Raises:
            ValueError: If there are no cases, they differ in modalities, or the training diverges.
        """
        with own_randomness(self.seed), workplace(self._home) as home:
            self.network_, self.statistics_ = self._train(list(cases), home)
        self.network_ = self.network_.to(own_device())
        return self

    def sample(self, label: NDArray[np.uint8], rng: np.random.Generator) -> Images:
        """Paint one image per modality onto a label map.

        Raises:
            ValueError: If the label map holds a label that the training cases have not, or reaches beyond ``size``.
        """
        known = self.statistics_
        brain, condition = condition_from_label(label, known, self.brain_label)
        style = torch.from_numpy(rng.standard_normal((1, self.style_size), dtype=np.float32))
        device = next(self.network_.parameters()).device
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=self.precision_ == "bf16-mixed"):
            painted = self.network_(torch.from_numpy(condition)[None].to(device), style.to(device))
        return to_images(painted[0].float().cpu().numpy(), brain, known)

    def _train(self, cases: Sequence[Case], home: Path) -> tuple[GeneratorNetwork, TrainingStatistics]:
        key = training_key(self, cases, OF_THE_PAINTING)
        last = resumed(home, key, self.max_steps)
        self._go_on_in(last)
        known = TrainingStatistics.from_plain(last[FACTS]["statistics"]) if last else self._measure(cases)
        n_images, n_condition = len(known.modalities), known.n_channels
        painter = GeneratorNetwork(
            known.size, self.patch_fold, n_condition, n_images, self.channels, self.spade_channels, self.style_size
        )
        if not last or last["global_step"] < self.max_steps:
            encoder = Encoder(n_images * self.patch_fold**3, self.channels, self.style_size)
            discriminator = Discriminator(
                n_images,
                n_condition,
                known.size,
                self.discriminator_channels,
                self.discriminator_layers,
                self.discriminators,
            )
            facts = {"key": key, "statistics": known.plain(), "precision": self.precision_}
            with prepared(
                cases,
                known,
                home / "volumes",
                intensity_percentile=self.intensity_percentile,
                brain_label=self.brain_label,
            ):
                painter.average_brain[0] = average_brain(home / "volumes", n_condition, flip=self.flip)
                watchers = self._watchers(cases, known, home, self._loggers)
                train(painter, encoder, discriminator, n_condition, self, home, facts, self._loggers, watchers)
            last = read_last(home)
        painter.load_state_dict(averaged(last))
        return painter.eval(), known
