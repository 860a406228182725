"""The generator: a class-conditional diffusion model behind the contract that every generator keeps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from monai.networks.nets import DiffusionModelUNet
from numpy.typing import NDArray

from synthtrust.cases import Case, Findings
from synthtrust.conventions import check_kept_steps
from synthtrust.generators.class_diffusion.intensity_range import IntensityRange, n_folded, pixel_shuffle
from synthtrust.generators.class_diffusion.training import Batches, train
from synthtrust.generators.class_images import gather
from synthtrust.generators.diffusion.dpm_solver import noises, paint, visited
from synthtrust.generators.diffusion.schedule import Diffusion
from synthtrust.generators.training.device import own_device
from synthtrust.generators.training.fit_environment import own_randomness, training_key, workplace
from synthtrust.generators.training.loop import FACTS, averaged, read_kept, read_last, resumed
from synthtrust.generators.training.trained import TrainedGenerator
from synthtrust.refusals import Refusal

ORDERS = {"dpm_solver": 2, "ddim": 1}

OF_THE_PAINTING = frozenset({"guidance", "sampler", "sampling_steps", "step"})
"""Fields that only matter when painting, so that a checkpoint stays valid when they change."""

GROUPS = 8
"""Groups of channels in each group normalisation, if the numbers of channels are multiples of it."""


@dataclass
class ClassDiffusion(TrainedGenerator):
    """Paints images or small volumes of a class by a diffusion model, whose network also learns without the class.

    For findings, which do not exclude each other, the embeddings of all findings of an image are added up, so that
    combinations can be painted that no training image has.

    The network predicts velocities (Salimans and Ho 2022) on a cosine schedule; painting follows DDIM's path in steps
    of second order (Lu et al. 2022) under classifier-free guidance (Ho and Salimans, Classifier-Free Diffusion
    Guidance, 2022). The network is MONAI's diffusion U-Net, with attention at its coarsest level. The defaults are for
    a GPU; presets for smaller machines lie in ``conf/generator``.

    Images are scaled to [-1, 1] by the lowest and the highest value of all training images: volumes in arbitrary units
    are to be normalised before. They are held in memory, 2 bytes a pixel. A network that was trained long on few
    images can repeat them: read the privacy audit. When it began to, ``keep_steps`` and ``step`` let the audit of the
    onset say: sets that differ in ``step`` alone are painted by the checkpoints of one training.
    """

    later_fields: ClassVar[frozenset[str]] = frozenset({"keep_steps", "step"})

    channels: tuple[int, ...] = (128, 128, 256, 256)
    """Feature maps per level of the network; every further level halves the resolution."""
    num_res_blocks: int = 2
    """Residual blocks per level."""
    patch_fold: int = 1
    """Pixels per side that are folded into channels: 2 makes a step of a plane image about four times cheaper."""
    size: tuple[int, ...] | None = None
    """Sides that images are resized to, trained and painted at [pixels]; None for the size they all have."""
    flip_axis: int | None = None
    """Axis along which half of the examples are mirrored, counted from 0; None for images whose left and right must not
    be exchanged."""
    class_dropout: float = 0.1
    """Share of the examples that are trained without their class; guidance needs them."""
    guidance: float = 1.0
    """Strength by which painting is moved from images of any class to those of its own. At 1 images vary as the
    training images do; above 1 they are more typical and less diverse, and painting takes twice as long."""
    timesteps: int = 250
    """Timesteps of the diffusion."""
    sampler: Literal["dpm_solver", "ddim"] = "dpm_solver"
    """DPM-Solver++ of second order, or DDIM, which needs more steps for the same contrast."""
    sampling_steps: int = 20
    """Number of timesteps of painting."""
    lr: float = 2e-4
    """Learning rate of Adam at its highest; it falls to 0 along a cosine."""
    max_steps: int = 100_000
    """Steps of the optimizer."""
    batch_size: int = 64
    """Number of images per step of the training, and of those that are painted at once."""
    ema_decay: float = 0.9995
    """Decay of the average of the weights, per step."""
    grad_clip: float | None = 1.0
    """Largest norm of the gradient."""
    precision: Literal["auto", "32-true", "bf16-mixed"] = "32-true"
    """Precision of training and painting; ``auto`` for what is quick on the machine where the training is begun.
    In float32 an image depends on those painted with it only by rounding errors; in bfloat16, about twice as fast
    where the processor has it, images differ from that by at most a grey level."""
    keep_steps: tuple[int, ...] | None = None
    """Steps of the training whose averaged weights are kept, rising up to ``max_steps``; None for none on the way."""
    step: int | None = None
    """Step of the training whose weights paint, one of ``keep_steps``; None for the last."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.diffusion.timesteps_for("ddim", self.sampling_steps)
        if self.sampler not in ORDERS:
            raise Refusal(f"Expected sampler among {list(ORDERS)}, but got {self.sampler!r}.")
        check_kept_steps(self.step, self.keep_steps, self.max_steps)
        if not 0 <= self.class_dropout < 1:
            raise Refusal(f"Expected class_dropout from 0 to below 1, but got {self.class_dropout}.")
        if self.guidance != 1 and self.class_dropout == 0:
            raise Refusal(
                f"Expected class_dropout above 0 for guidance {self.guidance}, but got 0: the network never learned "
                "without the class."
            )

    @property
    def shares_training(self) -> frozenset[str]:
        """The fields in which sets of one training may differ: of painting, where checkpoints on the way paint."""
        return frozenset() if self.step is None else OF_THE_PAINTING

    @property
    def diffusion(self) -> Diffusion:
        """The schedule."""
        return Diffusion(self.timesteps)

    def fit(self, cases: Sequence[Case]) -> Self:
        """Learn from real cases.

        Raises:
            Refusal: If the cases are not classified, a class below the highest has none, they differ in
                modalities or size, or the loss is not finite.
        """
        cases = list(cases)
        with own_randomness(self.seed), workplace(self._home) as home:
            self.network_, self.range_ = self._train(cases, home)
        self.network_ = self.network_.to(own_device())
        return self

    def sample(self, label: int | Findings, rng: np.random.Generator) -> dict[str, NDArray[np.floating]]:
        """Paint one image of a class or findings, per modality, of the size and in the units that it learned.

        Raises:
            Refusal: If no training case has that class.
        """
        return self.sample_many([label], [rng])[0]

    def sample_many(
        self, labels: Sequence[int | Findings], rngs: Sequence[np.random.Generator]
    ) -> list[dict[str, NDArray[np.floating]]]:
        """Paint several images at once, each with its own randomness; see ``sample``."""
        known = self.range_
        network, diffusion = self.network_, self.diffusion
        device = next(network.parameters()).device
        kind = torch.from_numpy(known.conditions.of(labels)).to(device)
        nothing = torch.from_numpy(known.conditions.nothing).to(device)

        def velocity(x: torch.Tensor, t: torch.Tensor, kind: torch.Tensor) -> torch.Tensor:
            with torch.autocast(device.type, torch.bfloat16, enabled=self.precision_ == "bf16-mixed"):
                prediction: torch.Tensor = network(x, t, class_labels=kind)
            return prediction.float()

        def guess(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            prediction = velocity(x, t, kind)
            if self.guidance != 1:
                of_any = velocity(x, t, nothing.expand_as(kind))
                prediction = of_any + self.guidance * (prediction - of_any)
            share = diffusion.sqrt_one_minus_alphas_cumprod(t, x)
            return (1 - share**2).sqrt() * x - share * prediction

        shape = (self._n_channels(known), *(side // self.patch_fold for side in known.padded(self._multiple)))
        noise = noises(shape, [torch.Generator().manual_seed(int(rng.integers(2**63))) for rng in rngs])
        timesteps = visited(self.timesteps, self.sampling_steps)
        painted = paint(diffusion, guess, noise.to(device), timesteps, order=ORDERS[self.sampler])
        images = known.from_unit(pixel_shuffle(painted.cpu(), self.patch_fold).numpy())
        return [dict(zip(known.modalities, image, strict=True)) for image in images]

    def _train(self, cases: Sequence[Case], home: Path) -> tuple[DiffusionModelUNet, IntensityRange]:
        key = training_key(self, cases, OF_THE_PAINTING)
        kept = {} if self.step is None else read_kept(home, self.step, key)
        last = kept or resumed(home, key, self.max_steps)
        self._go_on_in(last)
        if kept or (last and last["global_step"] == self.max_steps):
            known = IntensityRange.from_plain(last[FACTS]["range"])
            network = self._new_network(known)
        else:
            seen = gather(cases, self.size)
            known = IntensityRange.around(seen)
            network = self._new_network(known)
            units = known.to_unit(seen.images, self._multiple)
            labels = [Findings(row) for row in seen.classes.tolist()] if seen.findings else seen.classes.tolist()
            kinds = known.conditions.of(labels)
            batches = Batches(units, kinds, known.conditions.nothing, self.timesteps, self)
            facts = {"key": key, "range": known.plain(), "precision": self.precision_}
            train(network, self.diffusion, batches, self, home, facts, self._loggers)
            last = read_last(home)
        if self.step is not None and not (last := kept or read_kept(home, self.step, key)):
            raise Refusal(f"Expected weights of step {self.step}, but got none. Remove {home} and train again.")
        network.load_state_dict(averaged(last))
        return network.eval(), known

    def _new_network(self, known: IntensityRange) -> DiffusionModelUNet:
        network = DiffusionModelUNet(
            spatial_dims=len(known.size),
            in_channels=self._n_channels(known),
            out_channels=self._n_channels(known),
            num_res_blocks=self.num_res_blocks,
            channels=self.channels,
            attention_levels=(False,) * len(self.channels),
            norm_num_groups=math.gcd(GROUPS, *self.channels),
            num_head_channels=self.channels[-1],
            num_class_embeds=known.conditions.n + 1,  # the last one for any class
        )
        known.conditions.embed_in(network)
        return network

    def _n_channels(self, known: IntensityRange) -> int:
        return len(known.modalities) * n_folded(len(known.size), self.patch_fold)
