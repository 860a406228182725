"""The generator: a diffusion model behind the contract that every generator keeps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from synthtrust.cases import Case
from synthtrust.generators.brain.box import Size, pack, unpack
from synthtrust.generators.brain.brain_painter import BrainPainter
from synthtrust.generators.brain.condition_from_label import frame, stretch
from synthtrust.generators.brain.mean_brain import typical_of
from synthtrust.generators.brain.statistics import Survey, check_modalities
from synthtrust.generators.brain.volumes import prepared
from synthtrust.generators.diffusion.schedule import Diffusion, Sampler
from synthtrust.generators.med_ddpm.local import LocalNetwork
from synthtrust.generators.med_ddpm.network import CHANNELS, DiffusionUNet
from synthtrust.generators.med_ddpm.published import (
    LABELS,
    MODALITIES,
    TowardsBraTS,
    check_voxels,
    load_published,
    read_checkpoint,
)
from synthtrust.generators.med_ddpm.training import Schedule, train
from synthtrust.generators.med_ddpm.velocity import VelocityNetwork
from synthtrust.generators.med_ddpm.volumes import with_average
from synthtrust.generators.synthesis.id_lists import read_ids
from synthtrust.generators.training.device import at_home
from synthtrust.generators.training.fit_environment import own_randomness, training_key, workplace
from synthtrust.generators.training.loop import FACTS, averaged, read_last, resumed
from synthtrust.refusals import Refusal

Images = dict[str, NDArray[np.floating]]

OF_THE_PAINTING = frozenset({"sampler", "sampling_steps", "max_steps", "sample_every"})
"""Fields that another value of which does not make a checkpoint useless."""

AS_PUBLISHED: dict[str, Any] = {"pack": 1, "white": None, "brain_only": False}
"""Fields whose values published weights decide."""

BETAS = 1e-4
"""How far the betas of a checkpoint may lie from those of the schedule."""

EARLY = 1.5
"""How much denser few timesteps are where brains are nearly noise: their largest components have variances near 10."""

SHOWN_STEPS = 20  # of a sample on the way: enough to see what is being learned


@dataclass
class MedDDPM(BrainPainter):
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
    not_in_recipe: ClassVar[frozenset[str]] = BrainPainter.not_in_recipe | {"train_ids"}
    files_in_recipe: ClassVar[frozenset[str]] = frozenset({"weights"})

    channels: tuple[int, ...] = CHANNELS
    """Feature maps per level of the network, even numbers; every further level halves the resolution."""
    num_res_blocks: int = 2
    """Residual blocks per level."""
    size: Size | None = (192, 192, 144)
    """Sides of the box that is painted [voxels], about the grid's centre; None for the smallest around all brains."""
    pack: int = 1
    """Voxels per side that are folded into channels: 2 makes a step about eight times cheaper."""
    brain_only: bool = False
    """Paint the brain alone, in its principal components, with the average brain laid beside the label map; a small
    network of one level tells the velocity. As published, a U-Net tells the noise of the whole box, mostly air."""
    dilations: tuple[int, ...] = (1, 2, 4, 1)
    """Of the convolutions, one after the other, of the network that paints brains alone [packed voxels]."""
    patch_size: Size | None = None
    """Sides of the random parts to train on [voxels]; None for the whole box."""
    white: float | None = None
    """Percentile of the brain that becomes +1; None for the volume's maximum, as published."""
    flip: bool = False
    """Mirror half of the examples along the first axis."""
    timesteps: int = 250
    """Of the diffusion."""
    sampler: Sampler = "ddpm"
    """``ddpm`` takes all timesteps; ``ddim`` may take fewer."""
    sampling_steps: int | None = None
    """Timesteps that painting takes; None for all."""
    lr: float = 1e-5
    """Of Adam; at its highest, if it is annealed."""
    anneal: bool = False
    """Let the rate rise at first, and fall to 0 along a cosine; as published it is constant."""
    max_steps: int = 100_000
    """Of the optimizer."""
    batch_size: int = 1
    """Volumes per device and batch."""
    accumulate: int = 2
    """Batches per step."""
    ema_decay: float = 0.9995
    """Of the average of the weights, per step (published: 0.995 every 10 steps)."""
    grad_clip: float | None = None
    """Largest norm of the gradient."""
    precision: Literal["auto", "32-true", "bf16-mixed"] = "32-true"
    """Of training and painting; ``auto`` for what is quick on the machine where the training is begun."""
    devices: int | str = 1
    """Of the training; several are processes on this machine, started by the training itself."""
    brain_label: int | None = None
    """Class of the brain in the label maps, if there is one; never painted on as a label."""
    weights: str | None = None
    """File of published weights (``ema`` of a Med-DDPM checkpoint); nothing is trained then."""
    train_ids: str | tuple[str, ...] | None = None
    """Whom the published weights were trained on: ids, or a text or CSV file of them; None when nobody knows."""
    sample_every: int = 0
    """Training steps from one picture of a training case and its twin to the next; 0 for none. The pictures show a real
    patient, on disk and to loggers that take images."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.diffusion.kept(self.sampler, self.sampling_steps)
        changed = {name: value for name in AS_PUBLISHED if (value := getattr(self, name)) != AS_PUBLISHED[name]}
        if self.weights is not None and changed:
            raise Refusal(f"Expected {AS_PUBLISHED} with published weights, which were trained so, but got {changed}.")
        if self.weights is None and self.train_ids is not None:
            raise Refusal(
                "Expected train_ids beside published weights alone, since this generator learns from the training "
                "cases of the run, but got no weights. Set weights, or leave train_ids null."
            )
        if self.brain_only and len(self.channels) != 1:
            raise Refusal(f"Expected one number of channels with brain_only, but got {list(self.channels)}.")

    @property
    def training_ids(self) -> tuple[str, ...] | None:
        """Ids of the cases that published weights were trained on; None when nobody knows.

        Raises:
            AttributeError: Without published weights: the generator then learns from the cases of ``fit`` alone.
        """
        if self.weights is None:
            raise AttributeError("Expected published weights, but this generator learns from the cases of fit alone.")
        return read_ids(self.train_ids)

    @property
    def diffusion(self) -> Diffusion:
        """The schedule."""
        return Diffusion(self.timesteps)

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
                self.survey_ = self._survey(cases, MODALITIES, LABELS)
            else:
                with workplace(self._home) as home:
                    self.network_, self.survey_ = self._train(cases, home)
        at_home(self.network_)
        return self

    def sample(self, label: NDArray[np.uint8], rng: np.random.Generator) -> Images:
        """Paint one image per modality onto a label map.

        Raises:
            Refusal: If the label map holds a label that the training cases have not, or reaches beyond ``size``.
        """
        return self.sample_many([label], [rng])[0]

    def sample_many(self, labels: Sequence[NDArray[np.uint8]], rngs: Sequence[np.random.Generator]) -> list[Images]:
        """Paint onto several label maps at once, each with its own randomness; see ``sample``."""
        known = self.survey_
        brains, conditions = zip(*(stretch(label, known, self.brain_label) for label in labels), strict=True)
        typical = known.typical
        inside = np.stack([condition.sum(0, keepdims=True) for condition in conditions])  # (B, 1, *size)
        diffusion = self.diffusion
        if typical is not None:
            conditions = tuple(with_average(condition, typical.average) for condition in conditions)
            reach = torch.from_numpy(typical.reach)[:, None, None, None]
            diffusion = Diffusion(self.timesteps, -reach, reach, EARLY)
        generators = [torch.Generator().manual_seed(int(rng.integers(2**63))) for rng in rngs]
        network = self.network_
        device = next(network.parameters()).device
        condition = pack(torch.from_numpy(np.stack(conditions)), self.pack).to(device)
        n_images = len(known.modalities)
        seen = pack(torch.from_numpy(inside), self.pack).amax(1, keepdim=True).to(device)

        def predict(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            x = x if typical is None else x * seen
            with torch.autocast(device.type, torch.bfloat16, enabled=self.precision_ == "bf16-mixed"):
                told: torch.Tensor = network(torch.cat([x, condition], 1), t)
            return told if typical is None else diffusion.noise_of(told, x, t)

        painted = diffusion.sample(
            predict,
            (n_images * self.pack**3, *condition.shape[2:]),
            generators,
            sampler=self.sampler,
            steps=self.sampling_steps,
            device=device,
        )
        if typical is not None:
            painted = typical.from_components(painted)
        units = list(unpack(painted.cpu(), self.pack).numpy())  # each (M, *size)
        if typical is not None:
            units = [np.clip(typical.restored(unit), -1, 1) for unit in units]
        return [frame(unit, brain, known) for unit, brain in zip(units, brains, strict=True)]

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

    def _train(self, cases: Sequence[Case], home: Path) -> tuple[nn.Module, Survey]:
        key = training_key(self, cases, OF_THE_PAINTING)
        last = resumed(home, key, self.max_steps)
        self._go_on_in(last)
        known = Survey.from_plain(last[FACTS]["survey"]) if last else self._survey(cases)
        if not last or last["global_step"] < self.max_steps:
            with prepared(cases, known, home / "volumes", white=self.white, brain_label=self.brain_label):
                if self.brain_only and known.typical is None:
                    typical = typical_of(home / "volumes", known.n_channels, self.pack, flip=self.flip)
                    known = replace(known, typical=typical)
                network = self._new_network(known)
                at_home(network)
                facts = {"key": key, "survey": known.plain(), "precision": self.precision_}
                cheaper = {"sampler": "ddim", "sampling_steps": min(SHOWN_STEPS, self.timesteps)}
                loggers = self._loggers if self.devices in (1, "1") else ()  # none follows into others' processes
                watchers = self._watchers(cases, known, home, loggers, **cheaper)
                plan = self._plan(Schedule)
                train(network, self.diffusion, known, plan, home, facts, self._loggers, watchers)
            last = read_last(home)
        network = self._new_network(known)
        network.load_state_dict(averaged(last))
        return network.eval(), known

    def _new_network(self, known: Survey) -> nn.Module:
        n_images, n_condition = len(known.modalities), known.n_channels
        n_seen = n_images + n_condition + (n_images if self.brain_only else 0)
        ends = n_seen * self.pack**3, n_images * self.pack**3
        if known.typical is None:
            return DiffusionUNet(*ends, self.channels, self.num_res_blocks)
        network = LocalNetwork(*ends, self.channels[0], self.dilations)
        return VelocityNetwork(network, torch.from_numpy(known.typical.variances), self.diffusion)
