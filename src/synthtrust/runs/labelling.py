"""Labels for synthetic images that came without any, made by a finished run on real cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from synthtrust.cases import Cohort
from synthtrust.data.cache import preprocess
from synthtrust.data.image_cache import preprocess as prepare_image
from synthtrust.files import hashes
from synthtrust.generators import Generator, ImageSet
from synthtrust.generators.importer import Importer
from synthtrust.refusals import Refusal
from synthtrust.runs.run import Run, check_network, find_runs, headline, trained_model


def label_by_run(generator: Generator | Importer, cohort: Cohort, *, trusted: bool = False) -> None:
    """Give an importer of images without labels the run that labels them, if its ``label_with`` names one.

    Args:
        generator: Any generator or importer; others than `ImageSet` are left as they are.
        cohort: The real cases, whose modalities and labels the run has to have.
        trusted: Whether code that the run's config names may be run, whatever it is.

    Raises:
        MissingFileRefusal: If there is no finished run.
        Refusal: If the run is for another task than the cohort, learned from other than real cases, or has other
            modalities or labels.
    """
    if isinstance(generator, ImageSet) and generator.label_with is not None:
        run, *others = find_runs(generator.label_with, trusted=trusted)
        _check(run, len(others), cohort, generator.label_with)
        generator.label_by(RunLabeller(run, cohort))


@dataclass(frozen=True)
class RunLabeller:
    """A network that labels images as it does real ones; it keeps `synthtrust.generators.labeller.Labeller`."""

    run: Run
    cohort: Cohort
    """The real cases."""

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """The run by name, its checkpoint by content, and its mean Dice, or mean AUC, on real test cases."""
        score = round(headline(self.run.scores())[1], 4)
        measured = "dice" if self.cohort.task == "segmentation" else "auc"
        return {"run": self.run.name, "checkpoint": hashes.of(self.run.best), measured: score}

    @cached_property
    def _model(self) -> Any:
        return trained_model(self.run, self.cohort, self._size)

    @property
    def _size(self) -> list[int]:
        """Side lengths that a classifier was trained on; none of a segmenter."""
        return list(self.run.facts().get("image_size", ()))

    @torch.inference_mode()
    def classes(self, images: Sequence[Mapping[str, NDArray[np.floating]]]) -> list[int]:
        """Return the most probable class of each image, which is prepared as in the run's training.

        Args:
            images: Modality -> image ``(H, W)`` or ``(H, W, D)``.

        Raises:
            CaseError: If an image has no contrast.
        """
        names, size = list(self.cohort.modalities), self._size
        prepared = [
            prepare_image(np.stack([image[name].astype(np.float32) for name in names]), names, size, "an image")
            for image in images
        ]
        batch = torch.from_numpy(np.stack(prepared)).half().float().to(self._model.device)  # as the cache keeps them
        return [int(value) for value in self._model.predict(batch).argmax(1)]

    def prepare(self) -> None:
        """Load the network.

        Raises:
            Refusal: If the run has none, or one that cannot be asked.
        """
        _ = self._model

    @torch.inference_mode()
    def label_map(self, images: Mapping[str, NDArray[np.floating]]) -> NDArray[np.uint8]:
        """Return the label map ``(H, W, D)`` of a volume, which is prepared as in the run's training.

        Args:
            images: Modality -> image ``(H, W, D)``, axes towards right, anterior and superior.

        Raises:
            CaseError: If an image has no contrast.
        """
        names = list(self.cohort.modalities)
        stack = np.stack([images[name].astype(np.float32) for name in names])
        crop, box = preprocess(stack, None, names)
        image = torch.from_numpy(np.ascontiguousarray(crop))[None].to(self._model.device)
        label = np.zeros(stack.shape[1:], np.uint8)
        label[box] = self._model.predict(image)[0].cpu().numpy().astype(np.uint8)
        return label


def _check(run: Run, n_others: int, cohort: Cohort, where: str) -> None:
    if n_others:
        raise Refusal(
            f"Expected one run at generator.label_with, but {where} has {1 + n_others}. Name the folder of one, such "
            f"as {run.folder}."
        )
    check_network(run)
    if run.task != cohort.task:
        raise Refusal(
            f"Expected a run for {cohort.task} at generator.label_with, as the real cases are, but {run.folder} is for "
            f"{run.task}. Choose one that was trained on cases like these."
        )
    if not run.mix.is_trtr:
        raise Refusal(
            f"Expected a run that learned from real cases alone (alpha=1) at generator.label_with, but {run.folder} "
            f"has alpha={run.mix.alpha:g}. Choose another run of the sweep."
        )
    facts = run.facts()
    for what, own, needed in (
        ("modalities", list(facts["modalities"]), list(cohort.modalities)),
        ("labels", dict(facts["labels"]), dict(cohort.labels)),
    ):
        if own != needed:
            raise Refusal(
                f"Expected a run with the {what} of the real cases at generator.label_with, {needed}, but {run.folder} "
                f"has {own}. Choose a run on cases like these."
            )
