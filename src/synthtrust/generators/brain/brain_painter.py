"""The base of generators that paint brains onto label maps with a network: box, statistics, and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from lightning import Callback
from lightning.pytorch.loggers import Logger
from numpy.typing import NDArray
from torch import nn

from synthtrust.cases import Case
from synthtrust.generators.brain.box import Size
from synthtrust.generators.brain.statistics import TrainingStatistics, measure_training_cases
from synthtrust.generators.training.callbacks import ShowSamples
from synthtrust.generators.training.trained import TrainedGenerator
from synthtrust.refusals import Refusal

OF_THE_BOX = ("size", "patch_size")


class BrainPainter(TrainedGenerator):
    """Paints by ``network_``, in the box and with the labels and intensities that ``statistics_`` has."""

    size: Size | None
    intensity_percentile: float | None
    brain_label: int | None
    sample_every: int
    not_in_recipe: ClassVar[frozenset[str]] = frozenset({"sample_every"})
    network_: Any
    statistics_: TrainingStatistics

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in OF_THE_BOX:
            value = getattr(self, name, None)
            if value is not None and (len(value) != 3 or any(side < 1 or side % self._multiple for side in value)):
                raise Refusal(
                    f"Expected {name} to be three multiples of {self._multiple} (patch_fold times 2 per further "
                    f"level), but got {list(value)}."
                )

    @property
    def remarks(self) -> dict[str, str]:
        """The origin of the brain in the condition."""
        atlas = "atlas of training cases"
        own = f"own label class, or the {atlas} for a label map without class {self.brain_label}"
        return {"brain in the condition": atlas if self.brain_label is None else own}

    def _measure(
        self, cases: Sequence[Case], modalities: Sequence[str] | None = None, labels: Sequence[int] | None = None
    ) -> TrainingStatistics:
        """Measure all training cases; modalities and labels are those of the cases unless given."""
        return measure_training_cases(
            cases,
            (tuple(cases[0].images) if cases else ()) if modalities is None else modalities,
            labels=labels,
            size=self.size,
            multiple=self._multiple,
            intensity_percentile=self.intensity_percentile,
            brain_label=self.brain_label,
        )

    def _watchers(
        self, cases: Sequence[Case], known: TrainingStatistics, home: Path, loggers: Sequence[Logger], **cheaper: Any
    ) -> list[Callback]:
        """Return a callback that paints the first training case at times, with fields that make painting cheaper."""
        if not self.sample_every:
            return []
        painter = replace(self, **cheaper)
        vars(painter).update({name: value for name, value in vars(self).items() if name.endswith("_")})
        painter.statistics_, painter._begun_in = known, self.precision_
        paint = partial(_painted_by, painter, cases[0].load_label())
        return [ShowSamples(self.sample_every, cases[0], paint, home, loggers)]


def _painted_by(
    painter: BrainPainter, label: NDArray[np.uint8], network: nn.Module
) -> Mapping[str, NDArray[np.floating]]:
    """Paint with a network that is still learning, with the same randomness each time."""
    painter.network_ = network
    return painter.sample(label, np.random.default_rng(painter.seed))
