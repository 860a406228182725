"""What every datamodule shares: trains on a mix, chooses on a mix, tests on real and on synthetic cases apart."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import pandas as pd
from lightning import LightningDataModule

from synthtrust.cases import Case, Cohort, Mix, RefusedCase, Source, Splits
from synthtrust.cases.geometry import CANONICAL
from synthtrust.conventions import CONFOUNDED, Val, check_val
from synthtrust.data.samplers import EpochSampler, shards_loaders
from synthtrust.refusals import Refusal


class MixedCases(LightningDataModule, ABC):
    """Real and synthetic cases, mixed for training; a subclass says what a batch of them holds.

    Args:
        cohort: Modalities and labels of the real cases.
        splits: The real cases, by patient.
        twins: Twins of all of them, paired by id; those of a class may be missing together, see `without_twin`.
        unpaired: In place of twins, synthetic cases that are the twins of none, divided into parts.
        cache: Root folder of the preprocessed cases.
        mix: How the training set is drawn; its seed also decides how the cases are shown.
        steps_per_epoch: Optimizer steps between two validations; every mix gets the same number.
        val: Choose checkpoints on the same mix of validation cases (``mix``), or on ``real`` or ``synthetic`` ones.
        allow_real_val: Whether ``val="real"`` is allowed where training cases are synthetic, see ``check_val``.
        batch_size: Examples per batch and rank.
        num_workers: Loader processes.

    Raises:
        Refusal: If a case is without its twin, there are no cases to train or validate on, or ``val`` would be a leak.
    """

    task: ClassVar[Literal["segmentation", "classification"]]
    """What is batched: volumes with label maps, or whole images with classes or findings."""

    def __init__(
        self,
        cohort: Cohort,
        splits: Splits,
        twins: Sequence[Case] = (),
        *,
        unpaired: Splits | None = None,
        cache: str | Path,
        mix: Mix,
        steps_per_epoch: int,
        val: Val = "mix",
        allow_real_val: bool = False,
        batch_size: int = 1,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        check_val(val, mix.alpha, mix.mode, allow_real_val=allow_real_val)
        self.cohort, self.splits, self.cache, self.val = cohort, splits, Path(cache), val
        self.mix, self.steps_per_epoch = mix, steps_per_epoch
        self.batch_size, self.num_workers = batch_size, num_workers
        self.paired = unpaired is None
        """Whether each synthetic case is the twin of a real one, with its id."""
        self.parts: dict[str, tuple[tuple[Case, ...], tuple[Case, ...]]] = {
            part: (cases, _twins_of(cases, twins) if unpaired is None else getattr(unpaired, part))
            for part, cases in vars(splits).items()
        }
        """The real and the synthetic cases of each part."""
        ids = frozenset(case.id for real, _ in self.parts.values() for case in real)
        self.without_twin = ids - {twin.id for twin in twins} if self.paired else frozenset()
        """Ids of the real cases that have no twin, since the synthetic set lacks their class."""
        self.train_cases = self._draw(mix, "train")
        self.val_cases = {
            "mix": lambda: self._draw(mix.of_validation, "val"),
            "real": lambda: list(self.parts["val"][0]),
            "synthetic": lambda: list(self.parts["val"][1]),
        }[val]()
        if not self.val_cases:
            raise Refusal(
                f"Expected cases to validate on, but data.val={val} has none at alpha={mix.alpha}. The synthetic set "
                f"has {len(self.parts['val'][1])} validation cases; take more (split.val), or another split.seed."
            )
        self.overlap: dict[str, Any] = {}
        """Whether the twins' generator learned from cases that are scored, as the overlap check says; for `facts`."""
        self.left_out: dict[str, list[str]] = {}
        """Ids of the cases that the splits lost because a later part has a copy of them, by part; a fact too."""
        self.parents: dict[str, Any] = {}
        """How synthetic cases that are the twins of none follow their parents, see ``SyntheticParts``; a fact too."""
        self.patients_own: tuple[str, ...] = ()
        """What of the synthetic cases is the patients' own by declaration, such as modalities that were not painted."""
        self.twins_folder = Path()
        """Folder of the synthetic set that the twins are from."""
        self.refused: tuple[RefusedCase, ...] = ()
        """The cases that were skipped, since they could not be used."""

    @property
    def test_cases(self) -> tuple[Case, ...]:
        """The real test cases, in the order of their numbers."""
        return self.splits.test

    @property
    def n_scored(self) -> int:
        """Numbers that are needed for the test cases: those of the source with more cases."""
        return max(len(numbers) for numbers in self.test_numbers.values())

    @property
    def test_numbers(self) -> dict[Source, dict[str, int]]:
        """The number of each test case, by source and id; a twin has the number of its real case."""
        real, synthetic = self.parts["test"]
        numbers = {case.id: number for number, case in enumerate(real)}
        own = numbers if self.paired else {case.id: number for number, case in enumerate(synthetic)}
        return {Source.REAL: numbers, Source.SYNTHETIC: {case.id: own[case.id] for case in synthetic}}

    @property
    def scored_cases(self) -> dict[Source, list[tuple[int, Case]]]:
        """The test cases with their numbers, by source."""
        return {
            source: [(number_of[case.id], case) for case in cases]
            for (source, number_of), cases in zip(self.test_numbers.items(), self.parts["test"], strict=True)
        }

    @property
    def drawn(self) -> dict[str, dict[str, list[str]]]:
        """Ids of the cases that were drawn for training and validation, by source."""
        return {
            part: {source: [c.id for c in cases if c.source == source] for source in ("real", "synthetic")}
            for part, cases in (("train", self.train_cases), ("val", self.val_cases))
        }

    @property
    def orientation(self) -> str:
        """Towards what the axes of the arrays run, ``RAS``; empty for plane images, which have no place in space."""
        return CANONICAL if len(self.input_size) == 3 else ""

    @property
    @abstractmethod
    def input_size(self) -> tuple[int, ...]:
        """Side lengths of what the network is trained on [pixels, voxels]."""

    @property
    def class_counts(self) -> list[int]:
        """Training cases of each class or finding, in order of value; none where cases have label maps."""
        return []

    @abstractmethod
    def tables(self) -> dict[str, pd.DataFrame]:
        """Return what a reader of the scores should know about the real cases: name -> a row per case or label."""

    @property
    def facts(self) -> dict[str, Any]:
        """The cases behind the scores, as plain JSON values."""
        return {
            "cohort": self.cohort.name,
            "modalities": list(self.cohort.modalities),
            "labels": dict(self.cohort.labels),
            "licence": self.cohort.licence,
            "cases": {part: len(ids) for part, ids in self.splits.ids.items()},
            "patients": {part: len({case.patient for case in cases}) for part, cases in vars(self.splits).items()},
            "paired": self.paired,
            **({} if self.paired else {"parents": self.parents}),
            **({} if self.confounded is None else {"confounded": self.confounded}),
            **({"patients_own": list(self.patients_own)} if self.patients_own else {}),
            "synthetic_cases": {part: len(synthetic) for part, (_, synthetic) in self.parts.items()},
            "drawn": {source: len(ids) for source, ids in self.drawn["train"].items()},
            "overlap": self.overlap,
            "refused": len(self.refused),
            "left_out": {part: len(ids) for part, ids in self.left_out.items()},
            "val": self.val,
            "batch_size": self.batch_size,
            "orientation": self.orientation,
        }

    def prepare_data(self) -> None:
        """Fill the cache; on one rank of each node."""
        self.setup("prepare")

    def _draw(self, mix: Mix, part: str) -> list[Case]:
        asks = mix.mode == CONFOUNDED
        return mix.draw(
            *self.parts[part],
            without_twin=self.without_twin,
            paired=self.paired,
            class_of=self._class_of() if asks else None,
        )

    @property
    def confounded(self) -> dict[str, Any] | None:
        """What decides the source of a training case, as plain JSON values; None unless the mode is ``confounded``.

        ``of`` is ``class``, with the names of the classes that are drawn as C1 as ``first`` and as C2 as ``second``;
        or a label, with the volume beyond which a case is of C1 as ``above_ml`` [ml].
        """
        return None

    def _class_of(self) -> Callable[[Case], int] | None:
        """Return what tells the place of a case's class among all classes; None where cases have no classes."""
        return None

    def _pin(self) -> bool:
        return False if self.trainer is None else self.trainer.strategy.root_device.type == "cuda"

    def _draws(self) -> EpochSampler:
        """Return what is drawn until the next validation, from where the training stands."""
        batches = self.steps_per_epoch * self._batches_per_step()
        return EpochSampler(batches, self.batch_size, *self._rank_and_ranks(), done=self._batches_done)

    def _batches_done(self) -> int:
        return 0 if self.trainer is None else self.trainer.global_step * self._batches_per_step()

    def _batches_per_step(self) -> int:
        return 1 if self.trainer is None else self.trainer.accumulate_grad_batches

    def _rank_and_ranks(self) -> tuple[int, int]:
        """Return the rank and the number of ranks; the loaders shard themselves, so the Trainer must not do it again.

        Raises:
            Refusal: If the Trainer would shard a second time.
        """
        trainer = self.trainer
        if trainer is None or trainer.world_size == 1:
            return 0, 1
        if shards_loaders(trainer):
            raise Refusal(
                "Expected trainer.use_distributed_sampler=false, since the loaders shard themselves, but got true."
            )
        return trainer.global_rank, trainer.world_size


def _twins_of(cases: Sequence[Case], twins: Sequence[Case]) -> tuple[Case, ...]:
    """Return the twins of some cases, in their order, without those of a class that no twin has."""
    twin_of = {twin.id: twin for twin in twins}
    classes = {twin.class_index for twin in twins}
    expected = [case for case in cases if case.task != "classification" or case.class_index in classes]
    if missing := [case.id for case in expected if case.id not in twin_of]:
        raise Refusal(f"Expected every case beside its twin, but these have none: {missing[:8]}.")
    return tuple(twin_of[case.id] for case in cases if case.id in twin_of)
