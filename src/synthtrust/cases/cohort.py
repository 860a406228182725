"""A cohort: a set of cases that share their modalities and their labels, and what was refused on the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from synthtrust.cases.case import Case, Task
from synthtrust.cases.names import check_different, check_file_name, check_part, check_text, check_values
from synthtrust.refusals import CaseError, Refusal

BRATS_LABELS = {"NCR": 1, "ED": 2, "ET": 3}
"""Canonical labels of a brain tumour: necrotic core, oedema, enhancing tumour."""

COMPOSITES = {"TC": ("NCR", "ET"), "WT": ("NCR", "ED", "ET")}
"""Regions made of several labels: tumour core and whole tumour (BraTS)."""

IN_COMPOSITES = ("CYST",)
"""Labels that are part of every composite where a cohort has them: cysts are of the tumour core (BraTS-PED 2024)."""

NOT_SCORED = ("RC",)
"""Labels that a network learns, but that no factor is asked about unless named: the resection cavity (BraTS 2024)."""


@dataclass(frozen=True)
class RefusedCase:
    """A case that a reader found but could not take."""

    where: Path
    why: str
    case: str = ""
    """Its id, where the reader knows it."""


@dataclass(frozen=True)
class PassedOver:
    """Files that lie among the cases and that a reader left alone on purpose."""

    why: str
    """The reason, as it ends the sentence "12 files were passed over: ..."."""
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Cohort:
    """Cases of one kind, in order of id."""

    name: str
    cases: tuple[Case, ...]
    modalities: tuple[str, ...]
    """Canonical modality names, in the order of the network's channels."""
    labels: Mapping[str, int]
    """Label name -> canonical value, background (0) not named; of classes, every one is named, from 0 on; of findings,
    the place of each in `synthtrust.cases.Findings`."""
    licence: str = "unknown"
    refused: tuple[RefusedCase, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "cases", tuple(sorted(self.cases, key=lambda case: case.id)))
        seen: dict[str, Case] = {}
        for case in self.cases:
            if case.id in seen:
                raise CaseError(
                    f"Expected one case per id, but got {case.id!r} at {_where(seen[case.id])} and at {_where(case)}. "
                    "Remove or rename one."
                )
            seen[case.id] = case
        self._check_names()
        if len({case.task for case in self.cases}) > 1:
            raise CaseError(
                f"Expected label maps, classes or findings, but {self.name} has cases of several kinds. Read them "
                "apart."
            )
        self._check_labels()

    def _check_labels(self) -> None:
        """Refuse a class that has no name, and more or fewer findings than have one."""
        classes = {case.require_class() for case in self.cases} if self.task == "classification" else set()
        if unknown := classes - set(self.labels.values()):
            raise CaseError(f"Expected classes among {dict(self.labels)} in {self.name}, but got {sorted(unknown)}.")
        if self.task == "multilabel":
            places = sorted(self.labels.values())
            if odd := [case.id for case in self.cases if places != list(range(len(case.require_findings())))]:
                raise CaseError(
                    f"Expected 0 or 1 for each of the findings {list(self.labels)} in {self.name}, but {odd[:8]} have "
                    "more or fewer."
                )

    def _check_names(self) -> None:
        """Check every name that becomes part of a file name, a table or a page."""
        check_part(self.name, "the name of a cohort")
        for modality in self.modalities:
            check_file_name(modality, f"a modality of {self.name}")
        check_different(self.modalities, f"modalities of {self.name}")
        for case in self.cases:
            check_file_name(case.id, f"an id of a case of {self.name}")
            check_text(case.patient, f"the patient of case {case.id}")
        check_different((case.id for case in self.cases), f"ids of {self.name}")
        check_values(self.labels, of_images=self.task != "segmentation" if self.cases else None)

    @property
    def task(self) -> Task:
        """What is learned from these cases: to find labels in them, to tell their class, or each of their findings."""
        return self.cases[0].task if self.cases else "segmentation"

    def names_of(self, case: Case) -> tuple[str, ...]:
        """Return the class of a case by name; or its findings, of which it may have none or several.

        Raises:
            CaseError: If the case has a label map.
        """
        if case.task == "multilabel":
            return tuple(name for name, index in self.labels.items() if case.require_findings()[index])
        return tuple(name for name, value in self.labels.items() if value == case.require_class())

    def regions(self, names: Sequence[str] | None = None) -> dict[str, tuple[int, ...]]:
        """Return the labels that each named region is made of.

        When no names are given: every label by itself, but those of ``NOT_SCORED``.

        >>> Cohort("tiny", (), ("t1",), BRATS_LABELS).regions(["ET", "TC"])
        {'ET': (3,), 'TC': (1, 3)}

        Raises:
            Refusal: If a name is neither a label of this cohort nor a composite of its labels.
        """
        known: dict[str, tuple[int, ...]] = {name: (value,) for name, value in self.labels.items()}
        known |= {
            name: tuple(sorted(value for part, value in self.labels.items() if part in (*parts, *IN_COMPOSITES)))
            for name, parts in COMPOSITES.items()
            if set(parts) <= set(self.labels)
        }
        names = [name for name in self.labels if name not in NOT_SCORED] if names is None else list(names)
        if unknown := [name for name in names if name not in known]:
            raise Refusal(f"Expected regions among {sorted(known)} of cohort {self.name}, but got {unknown}.")
        return {name: known[name] for name in names}

    def validated(self, *, skip_refused: bool = False) -> "Cohort":
        """Return the cohort if it can be worked with.

        Raises:
            CaseError: If no case was found, or some were refused and ``skip_refused`` is False, or a class is left
                without a case; or a finding is shown by no case, or by all.
        """
        if self.refused and not skip_refused:
            first = self.refused[0]
            raise CaseError(
                f"Expected every case of {self.name} to be usable, but {len(self.refused)} were refused, "
                f"first {first.where}: {first.why} List them with cases.list=true; go on without them with "
                "cases.skip_refused=true."
            )
        if not self.cases:
            raise CaseError(f"Expected cases in cohort {self.name}, but found none.")
        if self.task == "classification":
            used = {case.class_index for case in self.cases}
            empty = [name for name, value in self.labels.items() if value not in used]
            if empty or len(self.labels) < 2:
                raise CaseError(
                    f"Expected at least two classes in {self.name}, each with a case, but got {list(self.labels)}"
                    f"{f', none of {empty}' if empty else ''}."
                )
        if self.task == "multilabel":
            findings = [case.require_findings() for case in self.cases]
            shown = dict(zip(self.labels, zip(*findings, strict=True), strict=True))
            if alike := [name for name in self.labels if len(set(shown[name])) < 2]:
                raise CaseError(
                    f"Expected every finding of {self.name} in some cases and not in others, but {alike} are the same "
                    "in all. Leave them out of cases.labels, or add cases."
                )
        return replace(self, refused=())


def _where(case: Case) -> Path:
    return next(reversed(case.files.values()), Path())
