"""The generator: a diffusion model behind the contract that every generator keeps."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray

from synthtrust.cases import Case
from synthtrust.files import fingerprint, sha256_of
from synthtrust.generators.base import Generator
from synthtrust.generators.guards import read_ids
from synthtrust.generators.med_ddpm.conditioning import LABELS, MODALITIES, likely_brain, numbered, one_hot
from synthtrust.generators.med_ddpm.diffusion import Diffusion, Sampler
from synthtrust.generators.med_ddpm.grid import Size, crop_or_pad, pack, unpack
from synthtrust.generators.med_ddpm.intensity import from_unit
from synthtrust.generators.med_ddpm.network import CHANNELS, DiffusionUNet
from synthtrust.generators.med_ddpm.published import load_published, read_checkpoint
from synthtrust.generators.med_ddpm.survey import Survey, own_brain, survey
from synthtrust.generators.med_ddpm.training import FACTS, LAST, LOSS, Schedule, averaged, read_last, train
from synthtrust.generators.med_ddpm.volumes import prepared

Images = dict[str, NDArray[np.floating]]

OF_THE_PAINTING = frozenset({"sampler", "sampling_steps", "max_steps"})
"""Fields that another value of which does not make a checkpoint useless."""


@dataclass
class MedDDPM(Generator):
    """Paints brains by a conditional three-dimensional diffusion model, in the manner of Med-DDPM.

    The condition is a channel per label and one of the brain around them. A real case's brain is where its images are
    not 0; ``sample`` never sees an image, and takes the brain from the label's own class (``brain_label``) or, where
    there is none, from an atlas of the training cases' brains. The manifest says which.

    Source: Dorjsembe et al., Conditional Diffusion Models for Semantic 3D Brain MRI Synthesis, IEEE JBHI 2024. The
    defaults are the published recipe; presets for smaller machines lie in ``conf/generator``.

    Limits: labels are expected on the voxel size and orientation of the training cases, those of BraTS for the
    published weights (1 mm, left-posterior-superior). What lies beyond ``size`` is not painted, and a label there is
    refused. A network that was trained long on few cases can repeat them: read the privacy audit. The published
    weights were trained on 193 cases of BraTS 2021: name them with ``train_ids``, or the set says "unknown".
    """

    channels: tuple[int, ...] = CHANNELS
    """Feature maps per level of the network, even numbers; every further level halves the resolution."""
    num_res_blocks: int = 2
    """Residual blocks per level."""
    size: Size | None = (192, 192, 144)
    """Sides of the box that is painted [voxels], about the grid's centre; None for the smallest around all brains."""
    pack: int = 1
    """Voxels per side that are folded into channels: 2 makes a step about eight times cheaper."""
    target: Literal["noise", "image"] = "noise"
    """What the network tells, as published the noise. Packed noise has more channels than a small network has feature
    maps to pass it on; the image has fewer that matter."""
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
    """Of Adam."""
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
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    """Of training and painting."""
    devices: int | str = 1
    """Of the training; several are processes on this machine, started by the training itself."""
    brain_label: int | None = None
    """Class of the brain in the label maps, if there is one; never painted on as a label."""
    weights: str | None = None
    """File of published weights (``ema`` of a Med-DDPM checkpoint); nothing is trained then."""
    train_ids: str | tuple[str, ...] | None = None
    """Whom the published weights were trained on: ids, or a text or CSV file of them; None when nobody knows."""

    def __post_init__(self) -> None:
        for name in ("channels", "size", "patch_size", "train_ids"):
            if isinstance(value := getattr(self, name), list):  # as a config has them
                setattr(self, name, tuple(value))
        self.diffusion.kept(self.sampler, self.sampling_steps)
        multiple = self._multiple
        for name in ("size", "patch_size"):
            value = getattr(self, name)
            if value is not None and (len(value) != 3 or any(side < 1 or side % multiple for side in value)):
                raise ValueError(
                    f"Expected {name} to be three multiples of {multiple} (pack times 2 per further level), "
                    f"but got {list(value)}."
                )
        if self.weights is not None and (self.pack, self.white, self.target) != (1, None, "noise"):
            raise ValueError(
                "Expected pack=1, white=null and target=noise with published weights, which were trained so, but got "
                f"pack={self.pack}, white={self.white} and target={self.target}."
            )
        self._home: Path | None = None

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

    def work_in(self, folder: str | Path) -> Self:
        """Keep checkpoint and losses in a folder, so that a ``fit`` that was killed goes on; else nothing is kept."""
        self._home = Path(folder)
        return self

    @property
    def remarks(self) -> dict[str, str]:
        """Where the brain in the condition comes from."""
        return {"brain in the condition": "atlas of training cases" if self.brain_label is None else "own label class"}

    def fit(self, cases: Sequence[Case]) -> Self:
        """Learn from real cases; with published weights only their brains' shape and intensities.

        Raises:
            ValueError: If there are no cases, they differ in modalities, or they do not fit the published weights.
        """
        cases = list(cases)
        with _own_randomness(self.seed):
            if self.weights is not None:
                self.network_ = self._load_weights(self.weights)
                self.survey_ = self._survey(cases)
            else:
                with _folder(self._home) as home:
                    self.network_, self.survey_ = self._train(cases, home)
        return self

    def sample(self, label: NDArray[np.uint8], rng: np.random.Generator) -> Images:
        """Paint one image per modality onto a label map.

        Raises:
            ValueError: If the label map holds a label that the training cases have not, or reaches beyond ``size``.
        """
        return self.sample_many([label], [rng])[0]

    def sample_many(self, labels: Sequence[NDArray[np.uint8]], rngs: Sequence[np.random.Generator]) -> list[Images]:
        """Paint onto several label maps at once, each with its own randomness; see ``sample``."""
        known = self.survey_
        brains, conditions = zip(*(self._condition(label) for label in labels), strict=True)
        generators = [torch.Generator().manual_seed(int(rng.integers(2**63))) for rng in rngs]
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = self.network_.to(device)
        condition = pack(torch.from_numpy(np.stack(conditions)), self.pack).to(device)
        n_images = len(known.modalities) * self.pack**3

        def predict(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            with torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16-mixed"):
                told: torch.Tensor = network(torch.cat([x, condition], 1), t)
            return told if self.target == "noise" else self.diffusion.noise_around(told.float(), x, t)

        painted = self.diffusion.sample(
            predict,
            (n_images, *condition.shape[2:]),
            generators,
            sampler=self.sampler,
            steps=self.sampling_steps,
            device=device,
        )
        units = unpack(painted.cpu(), self.pack).numpy()  # (B, M, *size)
        return [self._finish(unit, brain) for unit, brain in zip(units, brains, strict=True)]

    def _condition(self, label: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Return the brain on the label's grid, and the channels ``(K, *size)``."""
        known = self.survey_
        brain, label = own_brain(label, self.brain_label)
        brain = likely_brain(known.atlas, label) if brain is None else brain
        if np.count_nonzero(crop_or_pad(label, known.size)) != np.count_nonzero(label):
            raise ValueError(
                f"Expected labels within the {known.size} voxels about the grid's centre, but got some beyond. Train "
                "with a larger size."
            )
        channel = crop_or_pad(numbered(label, brain, known.labels), known.size)
        inside = crop_or_pad(crop_or_pad(brain, known.size), label.shape)  # what is beyond the box is not painted
        return inside, one_hot(channel, len(known.labels) + 1)

    def _finish(self, unit: NDArray[np.float32], brain: NDArray[np.bool_]) -> Images:
        known = self.survey_
        images = from_unit(crop_or_pad(unit, brain.shape, fill=-1), known.scale, brain)
        return dict(zip(known.modalities, images, strict=True))

    def _survey(self, cases: Sequence[Case]) -> Survey:
        published = self.weights is not None
        return survey(
            cases,
            MODALITIES if published else tuple(cases[0].images) if cases else (),
            labels=LABELS if published else None,
            size=self.size,
            multiple=self._multiple,
            white=self.white,
            brain_label=self.brain_label,
        )

    def _load_weights(self, path: str) -> DiffusionUNet:
        ema = read_checkpoint(path)
        if "betas" in ema and len(ema["betas"]) != self.timesteps:
            raise ValueError(
                f"Expected weights of {self.timesteps} timesteps, but {path} has {len(ema['betas'])}. Set timesteps."
            )
        return load_published(ema, channels=self.channels, num_res_blocks=self.num_res_blocks)

    def _train(self, cases: Sequence[Case], home: Path) -> tuple[DiffusionUNet, Survey]:
        key = self._key(cases)
        last = read_last(home)
        if last and (last[FACTS]["key"] != key or last["global_step"] > self.max_steps):  # of another training
            for name in (LAST, LOSS):
                (home / name).unlink(missing_ok=True)
            last = {}
        home.mkdir(parents=True, exist_ok=True)
        known = Survey.from_plain(last[FACTS]["survey"]) if last else self._survey(cases)
        network = self._new_network(known)
        if not last or last["global_step"] < self.max_steps:
            facts = {"key": key, "survey": known.plain()}
            with prepared(cases, known, home / "volumes", white=self.white, brain_label=self.brain_label):
                train(network, self.diffusion, len(known.labels) + 1, self._schedule, home, facts)
            last = read_last(home)
        network.load_state_dict(averaged(last))
        return network.eval(), known

    def _new_network(self, known: Survey) -> DiffusionUNet:
        n_images, n_condition = len(known.modalities), len(known.labels) + 1
        return DiffusionUNet(
            (n_images + n_condition) * self.pack**3, n_images * self.pack**3, self.channels, self.num_res_blocks
        )

    @property
    def _schedule(self) -> Schedule:
        return Schedule(**{field.name: getattr(self, field.name) for field in fields(Schedule)})

    @property
    def _multiple(self) -> int:
        return int(self.pack * 2 ** (len(self.channels) - 1))

    def _key(self, cases: Sequence[Case]) -> str:
        """Name what a checkpoint was trained from; a checkpoint of anything else is not gone on with."""
        hyper: dict[str, Any] = {name: value for name, value in asdict(self).items() if name not in OF_THE_PAINTING}
        content = [[case.id, *(sha256_of(path) for path in case.files.values())] for case in cases]
        return fingerprint([hyper, content])


@contextmanager
def _folder(home: Path | None) -> Iterator[Path]:
    """Give the folder to work in; a temporary one if none was handed in."""
    if home is not None:
        yield home
        return
    with TemporaryDirectory(prefix="med_ddpm_") as folder:
        yield Path(folder)


@contextmanager
def _own_randomness(seed: int) -> Iterator[None]:
    """Let a network's first weights depend on a seed alone, and give the caller's random states back."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002  what others left there
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002
