"""The training: a painter and its critic take turns, and are resumed where a killed process left them.

Two optimizers, so Lightning leaves the steps to us (manual optimization), with these consequences:

- a step is one of the painter and one of the critic. Lightning counts every step of an optimizer that it wraps; the
  critic's is stepped bare, so that ``global_step`` counts the painter's alone, ``max_steps`` means what it says, and
  what is left of a resumed training is right;
- Lightning neither gathers batches into a step nor clips gradients: ``batch_size`` does the first, and gradients are
  clipped here, of each opponent by their own norm;
- autocast to bfloat16 goes around the whole step; losses are taken in float32. There is no gradient scaling, which
  bfloat16 needs not;
- the average of the weights is of the painter, the only part that paints.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Callback
from lightning.pytorch.loggers import Logger
from monai.losses import PatchAdversarialLoss
from torch import Tensor
from torch.nn.functional import l1_loss
from torch.utils.data import DataLoader

from synthtrust.generators.brain.box import pack
from synthtrust.generators.brain.volumes import Draws, Pairs
from synthtrust.generators.spade_gan.network import Critic, Encoder, Painter
from synthtrust.generators.training.learner import Learner
from synthtrust.generators.training.loop import WriteLoss, train_to_end
from synthtrust.refusals import Refusal

PARTS = ("reconstruction", "features", "style", "adversarial", "critic")
"""The parts of the loss, in the order of the table of losses, each before its weight."""

MOMENTS = (0.5, 0.999)
"""The decay rates of Adam's averages: little momentum, since two opponents overshoot (Radford et al. 2016)."""


@dataclass(frozen=True)
class Schedule:
    """How a training goes; the fields of the same names of the generator say what they are."""

    pack: int
    flip: bool
    style_size: int
    reconstruction_weight: float
    feature_weight: float
    style_weight: float
    lr: float
    critic_lr: float
    max_steps: int
    batch_size: int
    ema_decay: float
    grad_clip: float
    precision: str
    seed: int


class StyledPairs(Pairs):
    """Pairs with the randomness of a style, ``noise`` ``(style_size,)`` float32; else as ``Pairs``."""

    def __init__(self, folder: Path, *, style_size: int, n_channels: int, flip: bool, seed: int) -> None:
        super().__init__(folder, n_channels=n_channels, patch_size=None, flip=flip, seed=seed)
        self.style_size = style_size

    def drawn(self, rng: np.random.Generator, shape: tuple[int, ...]) -> dict[str, Tensor]:
        """Draw the noise."""
        return {"noise": torch.from_numpy(rng.standard_normal(self.style_size, dtype=np.float32))}


def train(
    painter: Painter,
    encoder: Encoder,
    critic: Critic,
    n_channels: int,
    plan: Schedule,
    home: Path,
    facts: dict,
    loggers: Sequence[Logger] = (),
    callbacks: Sequence[Callback] = (),
) -> None:
    """Train networks on the volumes prepared in ``home/volumes``; leave ``home/last.ckpt`` and ``home/loss.csv``.

    A training that was interrupted goes on from ``home/last.ckpt``, with the examples it would have seen.

    Args:
        painter: Trained in place, as the other two.
        encoder: Tells the style of a real image.
        critic: Tells real from painted.
        n_channels: The number of channels of the condition.
        plan: How long, and with what.
        home: Folder of the checkpoint.
        facts: Kept in the checkpoint; plain values.
        loggers: Are told the losses.
        callbacks: More to be done on the way.

    Raises:
        Refusal: If a loss is not finite, or the weights that were to be saved; the checkpoint before stays.
        RuntimeError: If the training stopped before its last step.
    """
    contest = Contest(painter, encoder, critic, n_channels, plan, home, facts)
    watchers = [WriteLoss(home, loggers, PARTS), *callbacks]
    train_to_end(contest, home, plan.max_steps, precision=plan.precision, callbacks=watchers)


class Contest(Learner):
    """A painter gives real images back from their labels and their styles, and has to pass a critic.

    The painter's loss is, with weights, the mean absolute error within the brain; the same of the critic's features
    (feature matching: Wang et al. 2018, Eq. 4); the divergence of the styles from those drawn at painting (Kingma and
    Welling 2014); and the least squares of the critic's verdicts (Mao et al. 2017). Around the brain everything is -1.
    """

    def __init__(
        self,
        painter: Painter,
        encoder: Encoder,
        critic: Critic,
        n_channels: int,
        plan: Schedule,
        home: Path,
        facts: dict,
    ) -> None:
        super().__init__(painter, plan.ema_decay, home, facts)
        self.automatic_optimization = False
        self.encoder, self.critic, self.n_channels, self.plan = encoder, critic, n_channels, plan
        self.opponents = PatchAdversarialLoss(criterion="least_squares", no_activation_leastsq=True)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> dict[str, Tensor]:
        """Let painter and critic take a step each; return the parts of the loss."""
        image, condition = batch["image"], batch["condition"]
        brain = condition.any(1, keepdim=True)
        mean, log_variance = (told.float() for told in self.encoder(pack(image, self.plan.pack)))
        style = mean + (0.5 * log_variance).exp() * batch["noise"]
        painted = torch.where(brain, self.network(condition, style).float(), -1)

        verdict, features = self.critic(image, condition)
        self.critic.requires_grad_(requires_grad=False)  # the painter's loss is no business of its weights
        passed, imitated = self.critic(painted, condition)
        self.critic.requires_grad_(requires_grad=True)
        parts = {
            "reconstruction": l1_loss(painted, image, reduction="sum") / (brain.sum() * image.shape[1]),
            "features": _likeness(imitated, features),
            "style": 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean(),
            "adversarial": self._verdict(passed, real=True, of_critic=False),
        }
        weights = (self.plan.reconstruction_weight, self.plan.feature_weight, self.plan.style_weight, 1.0)
        loss = sum(weight * part for weight, part in zip(weights, parts.values(), strict=True))
        fooled, _ = self.critic(painted.detach(), condition)
        parts["critic"] = 0.5 * (
            self._verdict(verdict, real=True, of_critic=True) + self._verdict(fooled, real=False, of_critic=True)
        )
        self._check(parts)
        ours: Any = self.optimizers()[0]  # type: ignore[index]
        theirs: Any = self.optimizers(use_pl_optimizer=False)[1]  # type: ignore[index]
        for optimizer, of_all in ((ours, loss), (theirs, parts["critic"])):
            optimizer.zero_grad()
            self.manual_backward(of_all)
            self.clip_gradients(optimizer, self.plan.grad_clip, "norm")
            optimizer.step()
        self.update_ema()
        self.log("loss", parts["reconstruction"], prog_bar=True)
        return {name: part.detach() for name, part in parts.items()}

    def _verdict(self, verdicts: list[Tensor], *, real: bool, of_critic: bool) -> Tensor:
        loss: Tensor = self.opponents([verdict.float() for verdict in verdicts], real, of_critic)
        return loss

    def _check(self, parts: dict[str, Tensor]) -> None:
        wrong = [f"{name} {part.item()}" for name, part in parts.items() if not torch.isfinite(part.detach())]
        if wrong:
            raise Refusal(self._diverged(", ".join(wrong), self.trainer.global_step + 1))

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Adam at constant rates, for painter and encoder, and for the critic."""
        ours = [*self.network.parameters(), *self.encoder.parameters()]
        return [
            torch.optim.Adam(ours, lr=self.plan.lr, betas=MOMENTS),
            torch.optim.Adam(self.critic.parameters(), lr=self.plan.critic_lr, betas=MOMENTS),
        ]

    def train_dataloader(self) -> DataLoader:
        """All examples of the training, those that a resumed training has seen left out."""
        plan = self.plan
        examples = StyledPairs(
            self.folder / "volumes",
            style_size=plan.style_size,
            n_channels=self.n_channels,
            flip=plan.flip,
            seed=plan.seed,
        )
        draws = Draws(plan.max_steps, plan.batch_size, 0, 1, done=lambda: self.trainer.global_step)
        return self.loader(examples, draws, plan.batch_size)


def _likeness(painted: list[list[Tensor]], real: list[list[Tensor]]) -> Tensor:
    """Return the mean absolute difference of features, averaged over layers and critics."""
    pairs = [pair for layers in zip(painted, real, strict=True) for pair in zip(*layers, strict=True)]
    return torch.stack([l1_loss(one.float(), other.detach().float()) for one, other in pairs]).mean()
