"""The segmenter: teaches a network to find labels, and scores it case by case."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from monai.inferers import Inferer
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics import MetricCollection

from synthtrust.cases import Case, Source
from synthtrust.metrics import CaseSurfaces, DiceVectors, SurfaceRules, surfaces_of_case
from synthtrust.metrics.functional import overlap
from synthtrust.metrics.trust import named_values, trust_factors
from synthtrust.models.base import Batch, ScoredModule, made, of_all_ranks
from synthtrust.models.label_map import label_map
from synthtrust.models.rows import lesion_rows, region_rows
from synthtrust.models.window_batch import fitting
from synthtrust.refusals import Refusal


class Segmenter(ScoredModule[DiceVectors]):
    """Softmax over background and labels, trained on patches, applied to whole cases by a sliding window.

    Args:
        net: Makes the network from ``in_channels`` and ``out_channels``; it maps images ``(B, C, H, W, D)`` to logits
            ``(B, L, H, W, D)``.
        loss: Compares logits with integer label maps ``(B, 1, H, W, D)``.
        optimizer: Makes an optimizer from parameters.
        inferer: Applies the network to a whole case.
        in_channels: Number of modalities.
        regions: Region name -> the labels it is made of; what is scored.
        n_labels: L, background included.
        scheduler: Makes a schedule from an optimizer, stepped after every optimizer step.
        empty: What an empty region scores, see ``synthtrust.metrics.functional.case_dice``.
    """

    task: ClassVar[Literal["segmentation", "classification"]] = "segmentation"
    probe_size = 1

    def __init__(
        self,
        net: Callable[..., nn.Module],
        loss: nn.Module,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        inferer: Inferer,
        *,
        in_channels: int,
        regions: Mapping[str, Sequence[int]],
        n_labels: int,
        scheduler: Callable[[Optimizer], LRScheduler] | None = None,
        empty: Literal["brats", "nan"] = "brats",
    ) -> None:
        super().__init__(net(in_channels=in_channels, out_channels=n_labels), in_channels, optimizer, scheduler)
        self.loss, self.inferer, self.empty = loss, inferer, empty
        self.val_factors: MetricCollection | None = None
        self.regions = {name: tuple(labels) for name, labels in regions.items()}
        self.surfaces: SurfaceRules | None = None
        self.test_surfaces: dict[tuple[bool, int], CaseSurfaces] = {}

    @property
    def facts(self) -> dict[str, Any]:
        """What is scored, as plain JSON values."""
        regions = {name: list(labels) for name, labels in self.regions.items()}
        facts = {"regions": regions, "empty": self.empty}
        return facts if self.surfaces is None else facts | {"surfaces": self.surfaces.facts(list(regions))}

    def score_surfaces(self, rules: SurfaceRules | None) -> None:
        """Score the surfaces and lesions of test cases beside Dice, by rules; None: not any more.

        Raises:
            Refusal: If the tolerances are not those of the regions.
        """
        if rules is not None:
            rules.facts(list(self.regions))  # which refuses before the training, not after it
        self.surfaces = rules

    def forward(self, image: Tensor) -> Tensor:
        """Return logits ``(B, L, H, W, D)`` of images ``(B, C, H, W, D)``."""
        logits: Tensor = self.net(image)
        return logits

    def predict(self, image: Tensor) -> Tensor:
        """Return label maps ``(B, H, W, D)`` of uint8 of whole cases ``(B, C, H, W, D)``."""
        inferer = fitting(self.inferer, image.device)
        return label_map(inferer(image, self.net))

    def loss_of(self, batch: Batch) -> Tensor:
        """Return the loss of a batch of patches."""
        loss: Tensor = self.loss(self(batch["image"]), batch["label"].long())  # bytes until they are on the device
        return loss

    def make_table(self, n_cases: int) -> DiceVectors:
        """Return a table for the voxel counts of so many cases."""
        return DiceVectors(n_cases, self.regions, empty=self.empty)

    def on_validation_start(self) -> None:
        """Make room for every validation case, and for its counterpart if both are validated."""
        super().on_validation_start()
        if self.data.val_pairs:
            factors = trust_factors(len(self.data.val_cases), self.regions, self.empty)
            self.val_factors = factors.to(self.device)

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Score a batch of whole cases: of those that checkpoints are chosen on, or of their counterparts."""
        counts = self.count(batch)
        if dataloader_idx == 0:
            made(self.val_table).update(counts, batch["case"], torch.zeros_like(batch["case"], dtype=torch.bool))
        if self.val_factors is not None:
            self.val_factors.update(counts, batch["case"], batch["synthetic"])

    def on_validation_epoch_end(self) -> None:
        """Log the mean Dice, that of each region, and T1 to T5 if cases and counterparts are validated."""
        _, scores = made(self.val_table).one_source(synthetic=False)  # (M, K)
        dice = scores.nanmean(0)
        self.log("val/score", dice.nanmean(), prog_bar=True, rank_zero_only=False)
        self.log_dict({f"val/dice_{name}": value for name, value in zip(self.regions, dice, strict=True)})
        if self.val_factors is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that a factor is undefined so early: it is logged as NaN
                values = named_values(self.val_factors)
            self.log_dict({f"val/{name}": value for name, value in values.items()})

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Score a batch of whole cases, real or synthetic."""
        predicted = self.predict(batch["image"])
        counts = self.counts_of(predicted, batch["label"])
        made(self.test_table).update(counts, batch["case"], batch["synthetic"])
        for index, surfaces in enumerate(self.surfaces_of(predicted, batch)):
            self.test_surfaces[bool(batch["synthetic"][index]), int(batch["case"][index])] = surfaces

    def test_values(self) -> Tensor:
        """Return the voxel counts of every test case and of its twin, ``(2, M, K, 3)``; all ranks must call it."""
        return made(self.test_table).counts().cpu()

    def on_test_start(self) -> None:
        """Make room for every test case."""
        super().on_test_start()
        self.test_surfaces = {}

    def rows_of(
        self, case: Case, source: str, values: Tensor, surfaces: CaseSurfaces | None = None
    ) -> list[dict[str, Any]]:
        """Return a row per region of one case, from its voxel counts ``(K, 3)``, see `region_rows`."""
        return region_rows(case, source, values, self.regions, self.empty, surfaces)

    def test_rows(self, cases: Mapping[Source, Sequence[tuple[int, Case]]]) -> list[dict[str, Any]]:
        """Return the rows of every test case, see `region_rows`; all ranks must call it."""
        self.test_surfaces = of_all_ranks(self.test_surfaces)
        values = dict(zip((Source.REAL, Source.SYNTHETIC), self.test_values(), strict=True))
        return [
            row
            for source, numbered in cases.items()
            for number, case in numbered
            for row in self.rows_of(case, source.value, values[source][number], self._surfaces_at(source, number))
        ]

    def test_lesion_rows(self, cases: Mapping[Source, Sequence[tuple[int, Case]]]) -> list[dict[str, Any]]:
        """Return a row per lesion of every test case, see `lesion_rows`; call `test_rows` before it, on all ranks."""
        return [
            row
            for source, numbered in cases.items()
            for number, case in numbered
            if (surfaces := self._surfaces_at(source, number)) is not None
            for row in lesion_rows(case, source.value, self.regions, surfaces)
        ]

    def _surfaces_at(self, source: Source, number: int) -> CaseSurfaces | None:
        return self.test_surfaces.get((source is Source.SYNTHETIC, number))

    def check_size(self, patch_size: Sequence[int]) -> None:
        """Refuse a patch size that the network cannot be trained on, without computing anything.

        Raises:
            Refusal: If the network fails on a batch of one patch of this size.
        """
        if problem := self.size_problem(patch_size):
            raise Refusal(
                f"Expected a patch size that {type(self.net).__name__} can be trained on, but got {tuple(patch_size)}: "
                f"{problem} Set data.patch_size (SwinUNETR: multiples of 32, and not 32 along every axis with instance "
                "norm; others: multiples of the product of their strides)."
            )

    def mismatch(self, out: Any, size: Sequence[int]) -> str:
        """Return what is wrong with the logits of a patch; empty if they are on its grid."""
        sides = tuple(out.shape[2:])
        return "" if sides == tuple(size) else f"it gives logits of {sides}."

    def count(self, batch: Batch) -> Tensor:
        """Return the voxels of intersection, prediction and reference, ``(B, K, 3)``."""
        return self.counts_of(self.predict(batch["image"]), batch["label"])

    def counts_of(self, predicted: Tensor, reference: Tensor) -> Tensor:
        """Return the voxels of intersection, prediction and reference of label maps, ``(B, K, 3)``."""
        return torch.stack(overlap(predicted, reference, list(self.regions.values())), -1)

    def surfaces_of(self, predicted: Tensor, batch: Batch) -> list[CaseSurfaces]:
        """Return the surfaces and lesions of each case of a batch; none where they are not scored.

        Args:
            predicted: Label maps ``(B, H, W, D)``.
            batch: ``label`` of the same shape, ``spacing`` ``(B, 3)`` [mm] and ``extent`` ``(B,)`` [mm].
        """
        if self.surfaces is None:
            return []
        maps, labels = (x.as_subclass(Tensor).cpu().numpy() for x in (predicted, batch["label"]))
        sides, extents = batch["spacing"].cpu().numpy(), batch["extent"].tolist()
        return [
            surfaces_of_case(*pair, sides[i], extents[i], self.regions, self.surfaces, self.empty)
            for i, pair in enumerate(zip(maps, labels, strict=True))
        ]
