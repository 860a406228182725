"""Sets whose cases have ids of their own: what the importers of labelled and of unlabelled ones share."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

from synthtrust.cases import Case, Cohort
from synthtrust.generators.importer import Importer
from synthtrust.generators.labelled_set.preparation import Preparation
from synthtrust.generators.parents import check_pattern, parent_of, patients_of_children
from synthtrust.generators.synthesis.id_lists import read_ids
from synthtrust.refusals import Refusal


@dataclass
class OwnCaseSet(Importer):
    """Imports synthetic cases that are the twins of none: as many as there are, with ids of their own.

    Volumes are brought to the voxel size of the real cases, and keep their own field of view.
    """

    paired: ClassVar[bool] = False

    root: str = ""
    """The folder of the set."""
    parent_pattern: str | None = None
    """Regular expression for an id, whose group ``parent`` is the id of the real case that the case was made from. A
    table has a column ``parent`` instead."""
    spacing: Literal["real", "keep"] = "real"
    """Whether volumes are brought to the median voxel size of the real ones, or keep theirs."""
    train_ids: str | list[str] | None = None
    """Cases that the images were learned from: ids, or a text or CSV file of them; null if they are unknown."""
    background: Literal["auto", "keep"] = "auto"
    """``auto`` sets background that is nearly zero to zero, and refuses other background, where real volumes have a
    background of exactly 0; ``keep`` changes no image."""
    check_orientation: bool = True
    """Whether a set that plainly lies mirrored or turned against the real cases is refused."""
    darkness: float = 0.25
    """Largest brightness of background [share of the brightness of the brain]."""
    licence: str = ""
    """Licence of the set, for the manifest; if empty, what the set says, or that of the real cases."""

    def __post_init__(self) -> None:
        self.check_option("spacing", ("real", "keep"))
        self.check_option("background", ("auto", "keep"))
        if self.parent_pattern is not None:
            check_pattern(self.parent_pattern)

    def check_option(self, name: str, options: Sequence[str]) -> None:
        """Refuse an option that is none of those that there are.

        Raises:
            Refusal: If it is not.
        """
        if getattr(self, name) not in options:
            raise Refusal(f"Expected generator.{name} among {list(options)}, but got {getattr(self, name)!r}.")

    @property
    def training_ids(self) -> tuple[str, ...] | None:
        """Ids of the cases that the images were learned from; None if they are unknown."""
        return read_ids(self.train_ids)

    def prepare_as(self, cohort: Cohort) -> None:
        """Settle how volumes are brought to the voxel size and the background of the real ones."""
        self.preparation_ = Preparation.of(cohort, self.spacing, self.background, self.darkness)

    def with_patients(self, cases: Sequence[Case], cohort: Cohort) -> list[Case]:
        """Return cases as those of the patients of their parents.

        Raises:
            CaseError: If a parent is none of the real cases.
        """
        children = [replace(case, parent=parent_of(case, self.parent_pattern)) for case in cases]
        patients = patients_of_children(children, cohort, self.root)
        return [replace(case, patient=patients[case.id]) for case in children]

    def find(self, paint: Sequence[Case], cohort: Cohort) -> dict[str, list[Path]]:
        """Return the files of the set's own cases, which were read already."""
        self.twins_ = {case.id: case for case in paint}
        return {case.id: list(case.files.values()) for case in paint}


def in_options_of_importer(message: str) -> str:
    """Return a message of a reader of real cases in the options of an importer.

    >>> in_options_of_importer("Expected a table at x.csv, but there is none. Set cases.file.")
    'Expected a table at x.csv, but there is none. Set generator.root.'
    """
    message = message.replace(", or say how they are called in cases.columns.", ".")
    message = message.replace("Say which it is like with cases.series, or name", "Name")
    message = re.sub(r"\bcases\.(root|file)\b", "generator.root", message)
    return re.sub(r"\bcases\.(label_values|patterns|release)\b", r"generator.\1", message)
