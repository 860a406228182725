"""The datamodule: trains on a mix, chooses on a mix, tests on real cases and on their twins apart."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset, Sampler

from synthtrust.cases import Case, Cohort, Splits, mix
from synthtrust.data.cache import Prepared, prepare, warn_if_backgrounds_differ
from synthtrust.data.patches import DrawSampler, Patches
from synthtrust.data.whole import ShardSampler, WholeCases


class MixedDataModule(LightningDataModule):
    """Real cases and their twins, mixed by ``alpha``.

    Args:
        cohort: Modalities and labels of the real cases.
        splits: The real cases, by patient.
        twins: Twins of all of them, paired by id.
        cache: Root folder of the preprocessed cases.
        alpha: Share of real cases in training, in [0, 1].
        seed: Decides which cases and which patches are drawn.
        steps_per_epoch: Optimizer steps between two validations; every mix gets the same number.
        mode: How the mix is drawn, see ``synthtrust.cases.mix``.
        val: Choose checkpoints on the same mix of validation cases (``mix``), or on ``real`` or ``synthetic`` ones.
        patch_size: Side lengths of a training patch [voxels].
        batch_size: Patches per batch and rank.
        foreground: Share of patches centred on a labelled voxel.
        augment: MONAI dictionary transforms for keys ``image`` and ``label``.
        num_workers: Loader processes.

    Raises:
        ValueError: If ``alpha`` is outside [0, 1], or a case is without its twin.
    """

    def __init__(
        self,
        cohort: Cohort,
        splits: Splits,
        twins: Sequence[Case],
        *,
        cache: str | Path,
        alpha: float,
        seed: int,
        steps_per_epoch: int,
        mode: str = "complement",
        val: Literal["mix", "real", "synthetic"] = "mix",
        patch_size: Sequence[int] = (128, 128, 128),
        batch_size: int = 1,
        foreground: float = 0.75,
        augment: Sequence[Callable] = (),
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        self.cohort, self.splits, self.cache = cohort, splits, Path(cache)
        self.seed, self.steps_per_epoch, self.patch_size = seed, steps_per_epoch, tuple(patch_size)
        self.batch_size, self.foreground, self.augment, self.num_workers = batch_size, foreground, augment, num_workers
        twin_of = {case.id: case for case in twins}
        self.parts = {part: (cases, _twins_of(cases, twin_of)) for part, cases in vars(splits).items()}
        self.train_cases = mix(*self.parts["train"], alpha, seed, mode)
        self.val_cases = {
            "mix": lambda: mix(*self.parts["val"], alpha, seed),
            "real": lambda: list(self.parts["val"][0]),
            "synthetic": lambda: list(self.parts["val"][1]),
        }[val]()
        self.overlap: dict[str, Any] = {}
        """Whether the twins' generator learned from cases that are scored, as the guard found; a fact to be told."""
        self._prepared: dict[tuple[str, str], Prepared] = {}

    @property
    def test_ids(self) -> list[str]:
        """Ids of the test cases, in the order of their numbers."""
        return [case.id for case in self.splits.test]

    @property
    def drawn(self) -> dict[str, dict[str, list[str]]]:
        """Ids of the cases that were drawn for training and validation, by source."""
        return {
            part: {source: [c.id for c in cases if c.source == source] for source in ("real", "synthetic")}
            for part, cases in (("train", self.train_cases), ("val", self.val_cases))
        }

    def prepare_data(self) -> None:
        """Fill the cache; on one rank of each node."""
        self.setup("prepare")

    def setup(self, stage: str | None = None) -> None:
        """Find every case in the cache, and compare real with synthetic backgrounds."""
        if self._prepared:
            return
        cases = [case for real, twins in self.parts.values() for case in (*real, *twins)]
        prepared = prepare(cases, self.cohort.modalities, self.cache)
        warn_if_backgrounds_differ(prepared)
        self._prepared = {(p.case.source, p.case.id): p for p in prepared}

    def volumes(self) -> pd.DataFrame:
        """Return the volume of every label of every real case.

        Columns: case, patient, part, source, region, n_voxels, volume_ml.
        """
        self.setup()
        rows = []
        for part, (real, _) in self.parts.items():  # a twin carries the label map of its real case
            for prepared in self._find(real):
                for region, value in self.cohort.labels.items():
                    n = prepared.facts["voxels"].get(str(value), 0)
                    who = (prepared.case.id, prepared.case.patient, part, prepared.case.source.value)
                    rows.append((*who, region, n, n * prepared.voxel_ml))
        return pd.DataFrame(rows, columns=["case", "patient", "part", "source", "region", "n_voxels", "volume_ml"])

    def spacing(self) -> list[float]:
        """Return the median voxel size of the training cases [mm], along the axes of their files."""
        sizes = [prepared.facts["spacing"] for prepared in self._find(self.splits.train)]
        return [round(float(side), 4) for side in np.median(sizes, axis=0)]

    def train_dataloader(self) -> DataLoader:
        """Return patches of the mix."""
        patches = Patches(self._find(self.train_cases), self.patch_size, self.foreground, self.augment, self.seed)
        sampler = DrawSampler(self.steps_per_epoch, self.batch_size, *self._place(), done=self._batches_done)
        return self._loader(patches, sampler, self.batch_size)

    def val_dataloader(self) -> DataLoader:
        """Return whole validation cases."""
        return self._whole(self.val_cases, {case.id: n for n, case in enumerate(self.val_cases)})

    def test_dataloader(self) -> list[DataLoader]:
        """Return the real test cases, then their twins, both in order of case id."""
        numbers = {case_id: n for n, case_id in enumerate(self.test_ids)}
        return [self._whole(cases, numbers) for cases in self.parts["test"]]

    def _find(self, cases: Sequence[Case]) -> list[Prepared]:
        self.setup()
        return [self._prepared[case.source, case.id] for case in cases]

    def _whole(self, cases: Sequence[Case], numbers: Mapping[str, int]) -> DataLoader:
        return self._loader(WholeCases(self._find(cases), numbers), ShardSampler(len(cases), *self._place()), 1)

    def _loader(self, dataset: Dataset, sampler: Sampler[int], batch_size: int) -> DataLoader:
        return DataLoader(
            dataset,
            batch_size,
            sampler=sampler,
            num_workers=self.num_workers,
            persistent_workers=False,
            pin_memory=False if self.trainer is None else self.trainer.strategy.root_device.type == "cuda",
        )

    def _batches_done(self) -> int:
        return 0 if self.trainer is None else self.trainer.global_step * self.trainer.accumulate_grad_batches

    def _place(self) -> tuple[int, int]:
        """Rank and number of ranks; these loaders shard themselves, so the Trainer must not do it again.

        Raises:
            ValueError: If the Trainer would shard a second time.
        """
        trainer = self.trainer
        if trainer is None or trainer.world_size == 1:
            return 0, 1
        if trainer._accelerator_connector.use_distributed_sampler:
            raise ValueError(
                "Expected trainer.use_distributed_sampler=false, since the loaders shard themselves, but got true."
            )
        return trainer.global_rank, trainer.world_size


def _twins_of(cases: Sequence[Case], twins: Mapping[str, Case]) -> tuple[Case, ...]:
    if missing := [case.id for case in cases if case.id not in twins]:
        raise ValueError(f"Expected every case beside its twin, but these have none: {missing[:8]}.")
    return tuple(twins[case.id] for case in cases)
