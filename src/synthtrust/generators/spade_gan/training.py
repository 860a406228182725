"""The training: generator network and discriminator take turns, and are resumed where a killed process left them.

There are two optimizers, so Lightning leaves the steps to this module (manual optimization), with these consequences:

- A step is one of the generator network and one of the discriminator. Lightning counts every step of an optimizer that
  it wraps. That of the discriminator is stepped unwrapped, so that ``global_step`` counts the generator network alone,
  ``max_steps`` means what it says, and a resumed training does what is left of it.
- Lightning neither gathers batches into a step nor clips gradients. ``batch_size`` does the first; gradients are
  clipped here, those of each network by their own norm.
- Autocast to bfloat16 covers the whole step; losses are taken in float32. Gradients are not scaled: bfloat16 has the
  range of float32.
- Only the weights of the generator network are averaged, since it alone paints.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lightning import Callback
from lightning.pytorch.loggers import Logger
from monai.losses import PatchAdversarialLoss
from torch import Tensor
from torch.nn.functional import l1_loss
from torch.utils.data import DataLoader

from synthtrust.generators.brain.box import space_to_depth
from synthtrust.generators.brain.volumes import Pairs
from synthtrust.generators.spade_gan.network import Discriminator, Encoder, GeneratorNetwork
from synthtrust.generators.training.draws import TrainingSampler
from synthtrust.generators.training.learner import Learner
from synthtrust.generators.training.loop import WriteLoss, train_to_end
from synthtrust.refusals import Refusal

PARTS = ("reconstruction", "features", "style", "adversarial", "discriminator")
"""Parts of the loss, in the order of the table of losses, each before its weight."""

ADAM_BETAS = (0.5, 0.999)
"""Decay rates of the averages of Adam: little momentum, since two opponents overshoot (Radford et al. 2016)."""

if TYPE_CHECKING:
    from synthtrust.generators.spade_gan.generator import SpadeGAN


class StyledPairs(Pairs):
    """Pairs with the randomness of a style, ``noise`` ``(style_size,)`` float32; else as ``Pairs``."""

    def __init__(self, folder: Path, *, style_size: int, n_channels: int, flip: bool, seed: int) -> None:
        super().__init__(folder, n_channels=n_channels, patch_size=None, flip=flip, seed=seed)
        self.style_size = style_size

    def drawn(self, rng: np.random.Generator, shape: tuple[int, ...]) -> dict[str, Tensor]:
        """Draw the noise."""
        return {"noise": torch.from_numpy(rng.standard_normal(self.style_size, dtype=np.float32))}


def train(
    painter: GeneratorNetwork,
    encoder: Encoder,
    discriminator: Discriminator,
    n_channels: int,
    generator: "SpadeGAN",
    home: Path,
    facts: dict,
    loggers: Sequence[Logger] = (),
    callbacks: Sequence[Callback] = (),
) -> None:
    """Train networks on the volumes prepared in ``home/volumes``; leave ``home/last.ckpt`` and ``home/loss.csv``.

    A training that was interrupted goes on from ``home/last.ckpt``, with the examples it would have seen.

    Args:
        painter: The generator network; trained in place, as the other two.
        encoder: Predicts the style of a real image.
        discriminator: Separates real from painted images.
        n_channels: Channels of the condition.
        generator: Holds the hyper-parameters.
        home: Folder of the checkpoint.
        facts: Kept in the checkpoint; plain values.
        loggers: Receive the losses.
        callbacks: Further callbacks of the training.

    Raises:
        Refusal: If a loss is not finite, or the weights that were to be saved; the checkpoint before stays.
        RuntimeError: If the training stopped before its last step.
    """
    contest = SpadeGANModule(painter, encoder, discriminator, n_channels, generator, home, facts)
    watchers = [WriteLoss(home, loggers, PARTS), *callbacks]
    train_to_end(contest, home, generator.max_steps, precision=generator.precision_, callbacks=watchers)


class SpadeGANModule(Learner):
    """Trains a generator network to reconstruct real images from labels and styles, and to deceive a discriminator.

    Its loss is a weighted sum: the mean absolute error within the brain; the same of the discriminator's features
    (feature matching: Wang et al. 2018, Eq. 4); the divergence of the styles from those drawn at painting (Kingma and
    Welling 2014); and the least squares of the discriminator's logits (Mao et al. 2017). Around the brain everything
    is -1.
    """

    def __init__(
        self,
        painter: GeneratorNetwork,
        encoder: Encoder,
        discriminator: Discriminator,
        n_channels: int,
        generator: "SpadeGAN",
        home: Path,
        facts: dict,
    ) -> None:
        super().__init__(painter, generator.ema_decay, home, facts)
        self.automatic_optimization = False
        self.encoder, self.discriminator, self.n_channels, self.generator = (
            encoder,
            discriminator,
            n_channels,
            generator,
        )
        self.adversarial_loss = PatchAdversarialLoss(criterion="least_squares", no_activation_leastsq=True)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> dict[str, Tensor]:
        """Let generator network and discriminator take a step each, and return the parts of the loss."""
        image, condition = batch["image"], batch["condition"]
        brain = condition.any(1, keepdim=True)
        mean, log_variance = (
            output.float() for output in self.encoder(space_to_depth(image, self.generator.patch_fold))
        )
        style = mean + (0.5 * log_variance).exp() * batch["noise"]
        painted = torch.where(brain, self.network(condition, style).float(), -1)

        logits, features = self.discriminator(image, condition)
        self.discriminator.requires_grad_(requires_grad=False)  # the generator network's loss is not to train it
        passed, imitated = self.discriminator(painted, condition)
        self.discriminator.requires_grad_(requires_grad=True)
        parts = {
            "reconstruction": l1_loss(painted, image, reduction="sum") / (brain.sum() * image.shape[1]),
            "features": _likeness(imitated, features),
            "style": 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean(),
            "adversarial": self._adversarial(passed, real=True, of_discriminator=False),
        }
        weights = (
            self.generator.reconstruction_weight,
            self.generator.feature_weight,
            self.generator.style_weight,
            1.0,
        )
        loss = sum(weight * part for weight, part in zip(weights, parts.values(), strict=True))
        fooled, _ = self.discriminator(painted.detach(), condition)
        parts["discriminator"] = 0.5 * (
            self._adversarial(logits, real=True, of_discriminator=True)
            + self._adversarial(fooled, real=False, of_discriminator=True)
        )
        self._check(parts)
        ours: Any = self.optimizers()[0]  # type: ignore[index]
        discriminator_optimizer: Any = self.optimizers(use_pl_optimizer=False)[1]  # type: ignore[index]
        for optimizer, of_all in ((ours, loss), (discriminator_optimizer, parts["discriminator"])):
            optimizer.zero_grad()
            self.manual_backward(of_all)
            self.clip_gradients(optimizer, self.generator.grad_clip, "norm")
            optimizer.step()
        self.update_ema()
        self.log("loss", parts["reconstruction"], prog_bar=True)
        return {name: part.detach() for name, part in parts.items()}

    def _adversarial(self, logits: list[Tensor], *, real: bool, of_discriminator: bool) -> Tensor:
        loss: Tensor = self.adversarial_loss([scale.float() for scale in logits], real, of_discriminator)
        return loss

    def _check(self, parts: dict[str, Tensor]) -> None:
        wrong = [f"{name} {part.item()}" for name, part in parts.items() if not torch.isfinite(part.detach())]
        if wrong:
            raise Refusal(self._diverged(", ".join(wrong), self.trainer.global_step + 1))

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Return Adam at constant rates, for generator network and encoder, and for the discriminator."""
        ours = [*self.network.parameters(), *self.encoder.parameters()]
        return [
            torch.optim.Adam(ours, lr=self.generator.lr, betas=ADAM_BETAS),
            torch.optim.Adam(self.discriminator.parameters(), lr=self.generator.discriminator_lr, betas=ADAM_BETAS),
        ]

    def train_dataloader(self) -> DataLoader:
        """Return all examples of the training but those that a resumed training has seen."""
        generator = self.generator
        examples = StyledPairs(
            self.folder / "volumes",
            style_size=generator.style_size,
            n_channels=self.n_channels,
            flip=generator.flip,
            seed=generator.seed,
        )
        draws = TrainingSampler(generator.max_steps, generator.batch_size, 0, 1, done=lambda: self.trainer.global_step)
        return self.loader(examples, draws, generator.batch_size)


def _likeness(painted: list[list[Tensor]], real: list[list[Tensor]]) -> Tensor:
    """Return the mean absolute difference of features, averaged over layers and discriminators."""
    pairs = [pair for layers in zip(painted, real, strict=True) for pair in zip(*layers, strict=True)]
    return torch.stack([l1_loss(painted.float(), other.detach().float()) for painted, other in pairs]).mean()
