"""The datamodule of volumes: patches of the mix to train on, whole cases to be scored."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from synthtrust.cases import Case, Cohort, Mix, Source, Splits
from synthtrust.conventions import CONFOUNDED, Mode, Val
from synthtrust.data.cache import Prepared, prepare
from synthtrust.data.mixed import MixedCases
from synthtrust.data.patches import Patches, WholeCases
from synthtrust.data.samplers import ShardSampler
from synthtrust.refusals import Refusal


class SegmentationDataModule(MixedCases):
    """Labelled volumes, real and synthetic, mixed by ``alpha``.

    Args:
        cohort: Modalities and labels of the real cases.
        splits: The real cases, by patient.
        twins: Twins of all of them, paired by id.
        unpaired: In place of twins, synthetic cases that are the twins of none, divided into parts.
        cache: Root folder of the preprocessed cases.
        alpha: Share of real cases in training, in [0, 1].
        seed: Decides which cases are drawn, and how they are shown.
        steps_per_epoch: Optimizer steps between two validations; every mix gets the same number.
        mode: How the training set is drawn, see ``synthtrust.cases.Mix``.
        n_real: Real training cases to draw from; None for all of them.
        confounder: Label whose volume decides the source of a training case, for the mode ``confounded``: cases with
            more of it than the median real training case are drawn as its first class, the others as its second.
        n_synthetic: Synthetic cases at alpha 0, where they are the twins of none; None for as many as real ones.
        val: Choose checkpoints on the same mix of validation cases (``mix``), or on ``real`` or ``synthetic`` ones.
        allow_real_val: Whether ``val="real"`` is allowed where training cases are synthetic, see ``check_val``.
        val_pairs: Validate the counterpart of each validation case as well, its twin or its real case, so that the
            trust factors T1 to T5 are logged. It doubles the time of validation, and decides nothing.
        patch_size: Side lengths of a training patch [voxels].
        foreground: Share of patches centred on a labelled voxel.
        augment: MONAI dictionary transforms for keys ``image`` and ``label``.
        batch_size: Patches per batch and rank.
        num_workers: Loader processes.

    Raises:
        Refusal: If ``alpha`` is outside [0, 1], a case is without its twin, or ``val`` would be a leak; or if
            ``mode`` is ``confounded`` and ``confounder`` is no label that some cases have more of than others.
    """

    task: ClassVar[Literal["segmentation", "classification"]] = "segmentation"

    def __init__(
        self,
        cohort: Cohort,
        splits: Splits,
        twins: Sequence[Case] = (),
        *,
        unpaired: Splits | None = None,
        cache: str | Path,
        alpha: float,
        seed: int,
        steps_per_epoch: int,
        mode: Mode = "complement",
        confounder: str | None = None,
        n_real: int | None = None,
        n_synthetic: int | None = None,
        val: Val = "mix",
        allow_real_val: bool = False,
        val_pairs: bool = False,
        patch_size: Sequence[int] = (128, 128, 128),
        foreground: float = 0.75,
        augment: Sequence[Callable] = (),
        batch_size: int = 1,
        num_workers: int = 0,
    ) -> None:
        self.confounder = confounder
        self._prepared: dict[tuple[str, str], Prepared] = {}  # before cases are drawn, which may ask for volumes
        super().__init__(
            cohort,
            splits,
            twins,
            unpaired=unpaired,
            cache=cache,
            mix=Mix(alpha, mode, seed, n_real, n_synthetic),
            steps_per_epoch=steps_per_epoch,
            val=val,
            allow_real_val=allow_real_val,
            batch_size=batch_size,
            num_workers=num_workers,
        )
        self.patch_size, self.foreground, self.augment = tuple(patch_size), foreground, augment
        self.val_pairs = val_pairs
        if val_pairs and not self.paired:
            raise Refusal(
                "Expected data.val_pairs=false, since the synthetic cases are the twins of none, but got true."
            )

    @property
    def input_size(self) -> tuple[int, ...]:
        """Side lengths of a training patch [voxels]."""
        return self.patch_size

    @property
    def confounded(self) -> dict[str, Any] | None:
        """Which label decides the source of a training case, and beyond which volume a case is of C1."""
        if self.mix.mode != CONFOUNDED or self.confounder is None:
            return None
        return {"of": self.confounder, "above_ml": self._usual_volume()}

    def _class_of(self) -> Callable[[Case], int] | None:
        if self.confounder is None:
            return None
        usual = self._usual_volume()
        own = {case.id: case for real, _ in self.parts.values() for case in real} if self.paired else {}
        return lambda case: int(self._volume(own.get(case.id, case)) <= usual)  # a twin is of its real case's class

    def _usual_volume(self) -> float:
        """Return the volume of the confounder in the median real training case [ml]."""
        volumes = np.array([self._volume(case) for case in self.parts["train"][0]])
        usual = float(np.median(volumes))
        if not (volumes > usual).any():
            raise Refusal(
                f"Expected training cases with more of data.confounder={self.confounder} than others, but the largest "
                f"volume, {volumes.max():g} ml, is the median. Choose another label."
            )
        return usual

    def _volume(self, case: Case) -> float:
        """Return the volume of the confounder in a case [ml]."""
        (prepared,) = self._find([case])
        return float(prepared.facts["voxels"].get(str(self.cohort.labels[str(self.confounder)]), 0) * prepared.voxel_ml)

    @property
    def facts(self) -> dict[str, Any]:
        """The cases behind the scores, as plain JSON values."""
        return super().facts | {"spacing_mm": self.spacing(), "patch_size": list(self.patch_size)}

    def setup(self, stage: str | None = None) -> None:
        """Find every case in the cache."""
        if self._prepared:
            return
        cases = [case for real, twins in self.parts.values() for case in (*real, *twins)]
        prepared = prepare(cases, self.cohort.modalities, self.cache)
        self._prepared = {(p.case.source, p.case.id): p for p in prepared}

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the volume of every label of every case that has a label map of its own, as ``volumes``."""
        return {"volumes": self.volumes()}

    def volumes(self) -> pd.DataFrame:
        """Return the volume of every label of every case with a label map of its own: real cases, and no twins.

        Columns: case, patient, part, source, region, n_voxels, volume_ml.
        """
        self.setup()
        rows = []
        for part, (real, synthetic) in self.parts.items():
            for prepared in self._find(real if self.paired else (*real, *synthetic)):
                for region, value in self.cohort.labels.items():
                    n = prepared.facts["voxels"].get(str(value), 0)
                    identity = (prepared.case.id, prepared.case.patient, part, prepared.case.source.value)
                    rows.append((*identity, region, n, n * prepared.voxel_ml))
        return pd.DataFrame(rows, columns=["case", "patient", "part", "source", "region", "n_voxels", "volume_ml"])

    def spacing(self) -> list[float]:
        """Return the median voxel size of the training cases [mm], along the axes of their files."""
        sizes = [prepared.facts["spacing"] for prepared in self._find(self.splits.train)]
        return [round(float(side), 4) for side in np.median(sizes, axis=0)]

    def train_dataloader(self) -> DataLoader:
        """Return patches of the mix."""
        patches = Patches(self._find(self.train_cases), self.patch_size, self.foreground, self.augment, self.mix.seed)
        return self._loader(patches, self._draws(), self.batch_size, stay=True)

    def val_dataloader(self) -> list[DataLoader]:
        """Return whole validation cases; with ``val_pairs`` their counterparts, too, in the same order."""
        numbers = {case.id: n for n, case in enumerate(self.val_cases)}
        loaders = [self._whole(self.val_cases, numbers)]
        if self.val_pairs:
            loaders.append(self._whole(self.counterparts, numbers))
            loaders[1].generator = torch.Generator()  # its own, so that the training draws as it does without it
        return loaders

    @property
    def counterparts(self) -> list[Case]:
        """The twin of each real validation case, and the real case of each twin."""
        by_id = {(case.source, case.id): case for cases in self.parts["val"] for case in cases}
        other = {Source.REAL: Source.SYNTHETIC, Source.SYNTHETIC: Source.REAL}
        return [by_id[other[case.source], case.id] for case in self.val_cases]

    def test_dataloader(self) -> list[DataLoader]:
        """Return the real test cases, then the synthetic ones if there are any, both in order of case id."""
        numbers = self.test_numbers.values()
        return [self._whole(cases, n) for cases, n in zip(self.parts["test"], numbers, strict=True) if cases]

    def prepared_real(self, part: str) -> list[Prepared]:
        """Return the real cases of ``train``, ``val`` or ``test``, as the network sees them."""
        return self._find(self.parts[part][0])

    def _find(self, cases: Sequence[Case]) -> list[Prepared]:
        self.setup()
        return [self._prepared[case.source, case.id] for case in cases]

    def _whole(self, cases: Sequence[Case], numbers: Mapping[str, int]) -> DataLoader:
        return self._loader(
            WholeCases(self._find(cases), numbers), ShardSampler(len(cases), *self._rank_and_ranks()), 1
        )

    def _loader(self, dataset: Dataset, sampler: Sampler[int], batch_size: int, *, stay: bool = False) -> DataLoader:
        """Return a loader; its processes may stay between two validations, so that the network does not wait for them.

        Those that load whole cases never stay: they would hold memory during the training.
        """
        return DataLoader(
            dataset, batch_size, sampler=sampler, num_workers=self.num_workers, pin_memory=self._pin(),
            persistent_workers=stay and self.num_workers > 0,
        )  # fmt: skip
