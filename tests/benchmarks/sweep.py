"""Station: what a run of a sweep costs beside its training, and how that grows with the cases."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from lightning import seed_everything
from omegaconf import DictConfig, OmegaConf

from benchmarks.measure import Comparison
from helpers.configs import compose_by_hydra
from synthtrust.quiet import quiet_libraries
from synthtrust.runs import train_run
from synthtrust.runs.build import build_data, build_model
from synthtrust.runs.precision import settled
from synthtrust.runs.run import headline
from synthtrust.runs.trainer import build_trainer
from synthtrust.runs.training import score_table

Work = Callable[[], float]
"""Does a piece of work and returns a score."""

STATION = "A run of a sweep"
SIDE = 24  # [voxels] of a stand-in: real counts, tiny voxels
MODALITIES = ("t1c", "t1n", "t2f", "t2w")
TINY = ("model=unet", "trainer=cpu", "data.patch_size=[16,16,16]", "split.test=0.2", "split.val=0.05", "alpha=0.5")


def config(folder: Path, *options: str) -> DictConfig:
    """Return the config of a run whose sets, cache and folder lie in a folder."""
    kept = {"synthetic": folder / "synthetic", "cache": folder / "cache", "output": folder / "runs" / "first"}
    return compose_by_hydra("train", *options, *(f"paths.{name}={path}" for name, path in kept.items()))


def write_stand_ins(folder: Path, n: int) -> Path:
    """Write `n` tiny cases of four modalities as a release of BraTS has them: spheres of three labels, and noise."""
    draw = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, SIDE)] * 3, indexing="ij"))
    brain = np.sqrt((grid**2).sum(0)) < 0.9
    for name in (f"BraTS-GLI-{number:05d}-000" for number in range(n)):
        (folder / name).mkdir(parents=True)
        distance = np.sqrt(((grid - draw.uniform(-0.4, 0.4, (3, 1, 1, 1))) ** 2).sum(0))
        label = np.select([distance < 0.2, distance < 0.35, distance < 0.5], [1, 3, 2]) * brain
        for modality in MODALITIES:
            image = (100 + draw.uniform(0, 40) + 30 * draw.standard_normal(label.shape) + 50 * label).clip(1) * brain
            nib.save(nib.Nifti1Image(image.astype(np.float32), np.eye(4)), folder / name / f"{name}-{modality}.nii.gz")
        nib.save(nib.Nifti1Image(label.astype(np.uint8), np.eye(4)), folder / name / f"{name}-seg.nii.gz")
    return folder


def whole_and_training(cfg: DictConfig, rounds: int) -> tuple[Work, Work]:
    """Return what does a whole run, and what only trains and scores its network; both return the score.

    The first run, which reads, caches and paints what the runs of a sweep share, is done here. The second function
    serves for so many rounds.
    """
    folder, numbers = Path(cfg.paths.output).parent, count()
    train_run(cfg)

    def with_folder(name: str) -> DictConfig:
        another = settled(cfg, folder / "first")
        OmegaConf.update(another, "paths.output", str(folder / f"{name}_{next(numbers)}"))
        return another

    def prepared() -> tuple[Any, Any, Any]:
        another = with_folder("training")
        seed_everything(cfg.seed, workers=True, verbose=False)
        trainer = build_trainer(another)
        data = build_data(another, trainer.loggers)
        return trainer, build_model(another, data.cohort, data.input_size, (), len(data.train_cases)), data

    ready = [prepared() for _ in range(rounds)]

    def training() -> float:
        trainer, model, data = ready.pop()
        seed_everything(cfg.seed, workers=True, verbose=False)
        trainer.fit(model, data)
        best = trainer.checkpoint_callback.best_model_path
        trainer.test(model, data, ckpt_path=best, verbose=False, weights_only=True)
        return headline(score_table(model, data))[1]

    return (lambda: train_run(with_folder("run"))), training


def same_score(whole: float, training: float) -> str:
    """Return how far two scores of one run lie apart.

    Raises:
        ValueError: If by more than rounding.
    """
    if abs(whole - training) > 1e-6:
        raise ValueError(f"Expected one score of one run, but got {whole} and {training}.")
    return f"mean Dice apart by {abs(whole - training):.0e}"


def comparisons(folder: Path, is_quick: bool) -> Iterator[Comparison]:
    """Return a run of the demo's sweep beside its training, and the preparation of a run at two numbers of cases."""
    quiet_libraries()
    steps, rounds = (2, 1) if is_quick else (200, 3)
    demo = config(folder / "demo", "experiment=demo", "alpha=0.5", f"steps={steps}", f"val_every={max(steps // 2, 1)}")
    OmegaConf.update(demo, "cases.folder", str(folder / "phantom"))
    whole, training = whole_and_training(demo, rounds + 1)
    yield Comparison(
        STATION, f"a further run of the demo, {steps} steps", whole, "at least 0.97 times", training,
        "its training and scoring alone", same_score, rounds,
    )  # fmt: skip
    for n in (10, 30) if is_quick else (125, 1251):
        release = write_stand_ins(folder / f"release_{n}", n)
        cohort = ("cases=brats", f"cases.root={release}", "generator=replay", "duplicates=allow")
        cfg = config(folder / f"run_{n}", *TINY, *cohort)
        build_data(cfg)
        yield Comparison(
            STATION, f"preparing a further run: {n} cases of 4 modalities, each with a twin",
            partial(build_data, cfg), "3 % of a training", rounds=rounds, size=n, grows_with="cases",
        )  # fmt: skip
