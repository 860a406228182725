"""The importer of a set whose cases have ids and label maps of their own."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case, CaseError, Cohort, Source, load_manifest
from synthtrust.cases.formats.volumes import read_header
from synthtrust.cases.manifest import NAME as MANIFEST
from synthtrust.cases.readers.label_values import label_called
from synthtrust.generators.brain.background import cleared
from synthtrust.generators.importer import ImportedTwin, Importer
from synthtrust.generators.labelled_set.layouts import LAYOUTS, Layout, LayoutOptions, read_set
from synthtrust.generators.labelled_set.resampling import median_spacing, resampled
from synthtrust.generators.parents import patients_of_children
from synthtrust.generators.synthesis.id_lists import read_ids
from synthtrust.refusals import Refusal

log = logging.getLogger(__name__)

LOOKED_AT = 3
"""Real cases that are read to see whether they have a background."""

PARENT = "parent"
"""The group of ``parent_pattern`` that matches the id of the parent."""


@dataclass
class LabelledSet(Importer):
    """Imports labelled synthetic cases that are the twins of none: as many as there are, with ids of their own.

    Labels are matched with those of the real cases by name. A case is brought to the voxel size of the real cases, and
    keeps its own field of view.
    """

    paired: ClassVar[bool] = False
    not_in_recipe: ClassVar[frozenset[str]] = frozenset({"root", "train_ids"})

    root: str = ""
    """The folder of the set; or a CSV file with a row per case."""
    layout: Layout = "auto"
    """How files are named: ``brats``; ``msd`` for a folder with a dataset.json (Decathlon, nnU-Net); ``patterns``; a
    ``table``; a set of ``synthtrust``; or ``auto`` to recognise one of these."""
    patterns: dict[str, str] | None = None
    """Modality, and ``seg`` for the label map -> how its files are named, see ``read_brats``."""
    release: str = "auto"
    """The BraTS release whose label values the files have."""
    label_values: dict[int, str] | None = None
    """Value in the label files -> name of the label, null for background; if not given, as the layout says."""
    other_labels: Literal["refuse", "background"] = "refuse"
    """What labels are that the real cases do not have: an error, or background."""
    parent_pattern: str | None = None
    """Regular expression for an id, whose group ``parent`` is the id of the real case that the case was made from. A
    table has a column ``parent`` instead."""
    spacing: Literal["real", "keep"] = "real"
    """Whether cases are brought to the median voxel size of the real ones, or keep theirs."""
    train_ids: str | list[str] | None = None
    """Cases that the images were learned from: ids, or a text or CSV file of them; null if they are unknown."""
    background: Literal["auto", "keep"] = "auto"
    """``auto`` sets background that is nearly zero to zero, and refuses other background, where real cases have a
    background of exactly 0; ``keep`` changes no image."""
    darkness: float = 0.25
    """Largest brightness of background [share of the brightness of the brain]."""
    licence: str = ""
    """Licence of the set, for the manifest; if empty, what the set says, or that of the real cases."""

    def __post_init__(self) -> None:
        for name, options in (
            ("layout", LAYOUTS),
            ("other_labels", ("refuse", "background")),
            ("spacing", ("real", "keep")),
            ("background", ("auto", "keep")),
        ):
            if getattr(self, name) not in options:
                raise Refusal(f"Expected generator.{name} among {list(options)}, but got {getattr(self, name)!r}.")
        if self.parent_pattern is not None:
            _check_pattern(self.parent_pattern)

    @property
    def training_ids(self) -> tuple[str, ...] | None:
        """Ids of the cases that the images were learned from; None if they are unknown."""
        given = read_ids(self.train_ids)
        if given is None and (Path(self.root) / MANIFEST).is_file():
            ids = load_manifest(Path(self.root)).get("training_ids")
            return None if ids is None else tuple(sorted(ids))
        return given

    def own_cases(self, cohort: Cohort) -> tuple[Case, ...]:
        """Return the cases of the set, their labels in those of the real cases.

        Raises:
            CaseError: If the set cannot be read, a case of it cannot be used, no label of it is one of the real cases,
                or a parent is none of them.
        """
        if any(not case.has_label_map for case in cohort.cases):
            raise CaseError(
                "Expected real cases with label maps, but these have classes. Import images of classes with "
                "generator=class_folder or generator=class_table."
            )
        patterns = None if self.patterns is None else dict(self.patterns)
        options = LayoutOptions(Path(self.root), self.layout, patterns, self.release, self.label_values)
        try:
            own = read_set(options, cohort.modalities, cohort.labels)
        except CaseError as error:  # options of a reader are options of this importer
            raise CaseError(re.sub(r"\bcases\.(root|file|label_values|series)", r"generator.\1", str(error))) from error
        if own.refused:
            first = own.refused[0]
            raise CaseError(
                f"Expected a set whose cases can be used, but {len(own.refused)} of {self.root} cannot, first "
                f"{first.where}: {first.why} Repair or remove them."
            )
        if not own.cases:
            raise CaseError(f"Expected synthetic cases in {self.root}, but found none.")
        meaning = self._meaning(own, cohort)
        self.spacing_ = median_spacing(cohort.cases) if self.spacing == "real" else None
        self.licence_ = own.licence
        self.clears_ = self.background == "auto" and _have_background(cohort)
        children = [replace(case, parent=self._parent(case)) for case in own.cases]
        patients = patients_of_children(children, cohort, self.root)
        return tuple(_own_case(case, meaning, patients[case.id]) for case in children)

    def find(self, paint: Sequence[Case], cohort: Cohort) -> dict[str, list[Path]]:
        """Return the files of the set's own cases, which were read already."""
        return {case.id: list(case.files.values()) for case in paint}

    def load(self, case: Case, modalities: Sequence[str]) -> ImportedTwin:
        """Read a case of the set, repair its background, and bring it to the voxel size of the real cases.

        Raises:
            CaseError: If a file cannot be used, or the background is not clear.
        """
        label = case.load_label()
        images: dict[str, NDArray[np.floating]] = {name: case.load_image(name) for name in modalities}
        try:
            clear = cleared(images, label, self.darkness) if self.clears_ else None
        except CaseError as error:
            raise CaseError(
                f"Expected a case that can be imported, but {case.id} of {self.root} cannot: {error}"
            ) from error
        affine = read_header(case.require_label_map())[1]
        images, resampled_affine = clear or images, affine
        if self.spacing_ is not None:
            images, label, resampled_affine = resampled(images, label, affine, self.spacing_)
        notes: dict[str, Any] = {
            "files": {role: _below(path, self.root) for role, path in case.files.items()},
            "background": "as it was" if clear is None else "nearly zero, set to zero",
            "mask_edit": True,  # the label map is that of no real case, as far as this set says
        }
        if self.spacing_ is not None and resampled_affine is not affine:
            notes["resampled_to_mm"] = list(self.spacing_)
        return ImportedTwin(label, images, notes, resampled_affine)

    def _meaning(self, own: Cohort, cohort: Cohort) -> dict[int, int]:
        """Return canonical value of the set -> value of the real cases; 0 for labels that these lack.

        Raises:
            CaseError: If no label, or not every label, is one of the real cases.
        """
        by_name = {label_called(name).lower(): value for name, value in cohort.labels.items()}
        meaning = {value: by_name.get(label_called(name).lower(), 0) for name, value in own.labels.items()}
        others = [name for name, value in own.labels.items() if not meaning[value]]
        if len(others) == len(own.labels) or (others and self.other_labels == "refuse"):
            cure = "Name the values in generator.label_values"
            ignored = "" if len(others) == len(own.labels) else ", or say generator.other_labels=background"
            raise CaseError(
                f"Expected labels among {list(cohort.labels)}, as the real cases have, but {self.root} has "
                f"{others}. {cure}{ignored}."
            )
        if missing := [name for name, value in cohort.labels.items() if value not in meaning.values()]:
            log.warning("The set at %s has no label %s, which real cases have.", self.root, ", ".join(missing))
        return {0: 0} | meaning

    def _parent(self, case: Case) -> str:
        if self.parent_pattern is None:
            return case.parent
        match = re.fullmatch(self.parent_pattern, case.id)
        return "" if match is None else match[PARENT]


def _own_case(case: Case, meaning: Mapping[int, int], patient: str) -> Case:
    """Return a case in the labels of the real cases."""
    relabel = {value: value for value in meaning} if case.relabel is None else case.relabel
    relabel = {value: meaning[label] for value, label in relabel.items()}
    return replace(case, source=Source.SYNTHETIC, relabel=relabel, patient=patient, split="")


def _have_background(cohort: Cohort) -> bool:
    """Return whether the border of real images is 0, as it is around a brain without its skull."""
    images = [case.load_image(cohort.modalities[0]) for case in cohort.cases[:LOOKED_AT]]
    borders = [np.concatenate([face.ravel() for face in (i[0], i[-1], i[:, 0], i[:, -1])]) for i in images]
    return bool(np.mean([(border == 0).mean() for border in borders]) > 0.5)


def _check_pattern(pattern: str) -> None:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise Refusal(
            f"Expected a regular expression as generator.parent_pattern, but got {pattern!r}: {error}."
        ) from error
    if PARENT not in groups:
        raise Refusal(
            f"Expected a group (?P<{PARENT}>...) in generator.parent_pattern, such as '(?P<{PARENT}>.+)_syn.*', but "
            f"got {pattern!r}."
        )


def _below(path: Path, root: str) -> str:
    """Return a path relative to the root of the set, or its name if a table names a file elsewhere."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
