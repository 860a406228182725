"""From config to Trainer: with its callbacks, with loggers that end no run, and with ranks that come to their end."""

import torch
from lightning import Trainer
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.strategies import DDPStrategy, ParallelStrategy
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher  # Lightning has no public name for it
from omegaconf import DictConfig, OmegaConf

from synthtrust.refusals import Refusal
from synthtrust.runs.made import make, plain
from synthtrust.strategies import divided_weights, lost_ranks
from synthtrust.trackers import guarded

TIMER = {"_target_": "lightning.pytorch.callbacks.Timer"}
"""What counts the seconds of a training, and keeps them in its checkpoints, so that interruptions lose none of them."""

KEEP_FREED_MEMORY = {"_target_": "synthtrust.training_memory.KeepFreedMemory"}
"""What makes steps on a processor quicker, and changes nothing else."""

SHOW_VALIDATION = "synthtrust.runs.val_pictures.ShowValidation"
"""What hands pictures of validation cases to wandb."""

SHOW_PROGRESS = {"_target_": "synthtrust.training_progress.ShowProgress", "repeats": True}
"""What shows a training on the way, in the place of Lightning's bar."""


def build_trainer(cfg: DictConfig) -> Trainer:
    """Make the Trainer with its callbacks and plugins, and with loggers whose failures do not end the run.

    Raises:
        Refusal: If there is no such device, or the ranks would not come to their end, see ``check_strategy``.
    """
    node = plain(cfg.trainer)
    node["callbacks"] = [*(node.get("callbacks") or ()), TIMER, KEEP_FREED_MEMORY]
    if node.pop("enable_progress_bar", True):
        node["callbacks"].append(SHOW_PROGRESS)
    if every := cfg.get("track", {}).get("pictures_every", 0):
        node["callbacks"].append({"_target_": SHOW_VALIDATION, "every": every, "n_cases": cfg.track.pictures})
    nodes = node.get("logger")
    loggers = guarded(nodes, make) if isinstance(nodes, list) else nodes
    try:
        trainer: Trainer = make(OmegaConf.create({**node, "logger": None, "_partial_": True}))(
            logger=loggers,
            enable_progress_bar=False,  # it counts epochs, of which a run has no number
            default_root_dir=cfg.paths.output,  # on SLURM Lightning would begin with what lies in the working folder
        )
    except (MisconfigurationException, RuntimeError) as error:  # the second of SLURM's variables
        words = " ".join(str(error).split())
        raise Refusal(f"Expected a trainer that can work on this machine, but Lightning says: {words}") from error
    _check_ranks(trainer)
    _leave_queue_alone(trainer)
    # With deterministic algorithms PyTorch fills new memory with NaN, which costs time and makes the fault of bfloat16
    # on processors, see `synthtrust.machine.quick_precision`, come about more often for those who ask for it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    return trainer


def _leave_queue_alone(trainer: Trainer) -> None:
    """Keep Lightning from answering SLURM's SIGUSR1 by a checkpoint of its own and a place in the queue.

    A run resumes from its last validation alone, so that it comes to the same weights as without an interruption.
    """
    ranks = trainer._accelerator_connector.cluster_environment  # Lightning has no public name for it with one rank
    if isinstance(ranks, SLURMEnvironment):
        ranks.auto_requeue = False


def _check_ranks(trainer: Trainer) -> None:
    """Refuse the strategy that Lightning has chosen by itself, as in a notebook, or made of a mapping.

    Raises:
        Refusal: If its ranks end before their scores are written, if it divides the weights, or if a scheduler has
            started another number of ranks.
    """
    name = type(trainer.strategy).__name__
    if isinstance(trainer.strategy.launcher, _MultiProcessingLauncher):
        raise lost_ranks(f"{name} with ranks that are functions of one process")
    if isinstance(trainer.strategy, ParallelStrategy) and not isinstance(trainer.strategy, DDPStrategy):
        raise divided_weights(name)
    try:
        if (
            isinstance(trainer.strategy, ParallelStrategy)
            and (ranks := trainer.strategy.cluster_environment) is not None
        ):
            ranks.validate_settings(num_devices=trainer.num_devices, num_nodes=trainer.num_nodes)
    except ValueError as error:
        raise Refusal(
            f"Expected as many ranks as trainer.devices={trainer.num_devices} on each of "
            f"trainer.num_nodes={trainer.num_nodes} machines, but other numbers were started. Lightning says: {error}"
        ) from error
