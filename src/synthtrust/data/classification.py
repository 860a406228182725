"""The datamodule of images with classes or findings: batches of the mix, and each test case and its twin once."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import pandas as pd
from torch.utils.data import BatchSampler, DataLoader, Sampler

from synthtrust.cases import Case, CaseError, Cohort, Mix, Source, Splits
from synthtrust.conventions import CONFOUNDED, Mode, Val
from synthtrust.data.image_cache import ImageTable, image_table
from synthtrust.data.images import Augment, ImageCases, ImageDraws
from synthtrust.data.mixed import MixedCases
from synthtrust.data.samplers import ShardSampler
from synthtrust.refusals import Refusal

log = logging.getLogger(__name__)


class ClassificationDataModule(MixedCases):
    """Images and small volumes with classes or findings, and their twins, mixed by ``alpha``.

    A twin has the class, or the findings, of its real case, so that these are as frequent at every ``alpha`` when the
    mix is a complement. Synthetic cases that are the twins of none are drawn by count, and bring the balance of classes
    of their set; ``drawn_classes`` in `facts` says which. Below, "class" is said of findings too.

    Args:
        cohort: Modalities and classes of the real cases.
        splits: The real cases, by patient.
        twins: Twins of all of them, paired by id; all those of a class may be missing.
        unpaired: In place of twins, synthetic cases that are the twins of none, divided into parts.
        cache: Root folder of the preprocessed cases.
        alpha: Share of real cases in training, in [0, 1].
        seed: Decides which cases are drawn, and how they are shown.
        steps_per_epoch: Optimizer steps between two validations; every mix gets the same number.
        mode: How the training set is drawn, see ``synthtrust.cases.Mix``.
        n_real: Real training cases to draw from; None for all of them.
        n_synthetic: Synthetic cases at alpha 0, where they are the twins of none; None for as many as real ones.
        val: Choose checkpoints on the same mix of validation cases (``mix``), or on ``real`` or ``synthetic`` ones.
        allow_real_val: Whether ``val="real"`` is allowed where training cases are synthetic, see ``check_val``.
        size: Side lengths of every image [pixels, voxels], one for all or one per axis; None when the files agree.
        augment: Changes training batches at random, see ``Affine`` and ``EachImage``; None for no change.
        batch_size: Images per batch and rank.
        num_workers: Loader processes.

    Raises:
        CaseError: If a twin has another class, or other findings, than its real case.
        Refusal: If ``alpha`` is outside [0, 1], a case is without its twin, or ``val`` would be a leak; or if training,
            validation or test cases are all of one class, or alike in every finding: there is nothing to tell apart; or
            if ``mode`` is ``confounded`` and a class lacks synthetic cases.
    """

    task: ClassVar[Literal["segmentation", "classification"]] = "classification"

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
        n_real: int | None = None,
        n_synthetic: int | None = None,
        val: Val = "mix",
        allow_real_val: bool = False,
        size: int | Sequence[int] | None = None,
        augment: Augment | None = None,
        batch_size: int = 64,
        num_workers: int = 0,
    ) -> None:
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
        self.size, self.augment = size, augment
        self.classes = sorted(cohort.labels, key=lambda name: cohort.labels[name])
        self._tables: dict[Source, ImageTable] = {}
        if self.paired:
            for real, of_it in self.parts.values():
                _refuse_other_classes(real, of_it)
        of_tests = {"test": self.test_cases, "synthetic test": self.parts["test"][1]}
        if not of_tests["synthetic test"]:  # whose cases may all be children of training cases
            del of_tests["synthetic test"]
        learned = {"training": self.train_cases, "validation": self.val_cases}
        for part, cases in (learned | of_tests).items():
            self._refuse_one_class(part, cases)
        for part, missing in self.missing.items():
            log.warning("No %s case is of class %s; its score stays in the table.", part, ", ".join(missing))

    @property
    def input_size(self) -> tuple[int, ...]:
        """Side lengths of every image [pixels, voxels]."""
        self.setup()
        return self._tables[Source.REAL].size

    @property
    def class_counts(self) -> list[int]:
        """Training cases of each class, in order of value."""
        return self._counts(self.train_cases)

    @property
    def missing(self) -> dict[str, list[str]]:
        """Names of the classes without a case, by part; parts that have all of them are left out."""
        twins = [twin for _, part in self.parts.values() for twin in part]
        parts = {"train": self.train_cases, "val": self.val_cases, "test": self.test_cases, "synthetic": twins}
        absent = {
            part: sorted(name for name, n in zip(self.classes, self._counts(cases), strict=True) if not n)
            for part, cases in parts.items()
        }
        return {part: names for part, names in absent.items() if names}

    @property
    def facts(self) -> dict[str, Any]:
        """The cases behind the scores, as plain JSON values."""
        drawn = {
            source.value: dict(zip(self.classes, self._counts([c for c in self.train_cases if c.source is source])))
            for source in Source
        }
        return super().facts | {
            "image_size": list(self.input_size),
            "missing_classes": self.missing,
            "drawn_classes": drawn,
        }

    @property
    def confounded(self) -> dict[str, Any] | None:
        """Which classes are drawn as C1 and as C2; None unless the mode is ``confounded``."""
        if self.mix.mode != CONFOUNDED:
            return None
        return {"of": "class", "first": self.classes[::2], "second": self.classes[1::2]}

    def _class_of(self) -> Callable[[Case], int] | None:
        if self.cohort.task != "classification":
            return None
        place = {value: number for number, value in enumerate(sorted(self.cohort.labels.values()))}
        return lambda case: place[case.require_class()]

    def setup(self, stage: str | None = None) -> None:
        """Find every image in the cache.

        Raises:
            CaseError: If real images and twins are of two sizes.
        """
        if self._tables:
            return
        real, twins = ([case for part in self.parts.values() for case in part[source]] for source in (0, 1))
        tables = {
            source: image_table(cases, self.cohort.modalities, self.cache, self.size)
            for source, cases in ((Source.REAL, real), (Source.SYNTHETIC, twins))
        }
        if len(sizes := {table.size for table in tables.values()}) > 1:
            raise CaseError(
                f"Expected twins of the size of real images, but got {' and '.join(map(str, sizes))}. Set data.size."
            )
        self._tables = tables

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the class of every real case, as ``classes``; columns: case, patient, part, source, class.

        Synthetic cases that are the twins of none have classes of their own, and are in the table as well. Of findings
        each case has a row for each, with 1 or 0 in a further column, ``present``.
        """
        several = self.cohort.task == "multilabel"
        rows = [
            (case.id, case.patient, part, case.source.value, *label)
            for part, (real, synthetic) in self.parts.items()
            for case in (real if self.paired else (*real, *synthetic))
            for label in (
                zip(self.classes, case.require_findings(), strict=True) if several else [self.cohort.names_of(case)]
            )
        ]
        columns = ["case", "patient", "part", "source", "class", *(["present"] if several else [])]
        return {"classes": pd.DataFrame(rows, columns=columns)}

    def train_dataloader(self) -> DataLoader:
        """Return augmented batches of the mix."""
        self.setup()
        draws = ImageDraws(self.train_cases, self._tables, self.augment, self.mix.seed)
        return self._loader(draws, self._draws())

    def val_dataloader(self) -> DataLoader:
        """Return the validation cases."""
        return self._each_once(self.val_cases, {case.id: n for n, case in enumerate(self.val_cases)})

    def test_dataloader(self) -> list[DataLoader]:
        """Return the real test cases, then the synthetic ones if there are any, both in order of case id."""
        numbers = self.test_numbers.values()
        return [self._each_once(cases, n) for cases, n in zip(self.parts["test"], numbers, strict=True) if cases]

    def _each_once(self, cases: Sequence[Case], numbers: Mapping[str, int]) -> DataLoader:
        self.setup()
        return self._loader(ImageCases(cases, self._tables, numbers), ShardSampler(len(cases), *self._rank_and_ranks()))

    def _loader(self, dataset: ImageCases, sampler: Sampler[int]) -> DataLoader:
        """Ask for whole batches: gathering images one by one takes longer than training a small network on them."""
        batches = BatchSampler(sampler, self.batch_size, drop_last=False)
        return DataLoader(
            dataset, batch_size=None, sampler=batches, num_workers=self.num_workers, pin_memory=self._pin()
        )

    def _counts(self, cases: Sequence[Case]) -> list[int]:
        """Return how many cases have each class or finding."""
        counts = Counter(name for case in cases for name in self.cohort.names_of(case))
        return [counts[name] for name in self.classes]

    def _refuse_one_class(self, part: str, cases: Sequence[Case]) -> None:
        counts = self._counts(cases)
        cure = "Take more cases (split.val, split.test) or another split.seed."
        if not any(0 < n < len(cases) for n in counts):
            if self.cohort.task == "multilabel":
                raise Refusal(
                    f"Expected a finding that some {part} cases have and others have not, since an AUC compares them, "
                    f"but got {dict(zip(self.classes, counts, strict=True))} of {len(cases)}. {cure}"
                )
            names = [name for name, n in zip(self.classes, counts, strict=True) if n]
            raise Refusal(
                f"Expected {part} cases of at least two classes, since an AUC compares them, but got "
                f"{', '.join(names) or 'no class'} alone. {cure}"
            )


def _refuse_other_classes(real: Sequence[Case], twins: Sequence[Case]) -> None:
    label = {case.id: case.target for case in real}
    if differ := [twin.id for twin in twins if twin.target != label[twin.id]]:
        noun = "class" if real[0].task == "classification" else "findings"
        raise CaseError(f"Expected twins of the {noun} of their real cases, but these differ: {differ[:8]}.")
