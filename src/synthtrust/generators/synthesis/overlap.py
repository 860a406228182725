"""The overlap of the cases that a generator learned from with those that it is scored on."""

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from synthtrust.cases import Case, CaseError, Splits, patients_by_id, patients_named
from synthtrust.generators.base import Generator
from synthtrust.refusals import Refusal

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Overlap:
    """How the training cases of a generator overlap with the validation and test cases of a cohort."""

    status: Literal["none", "overlap", "unknown"]
    """``unknown`` if the training ids were not given, or if none of them is an id of this cohort."""
    n_training: int | None
    """Number of training cases of the generator; None if they were not given."""
    n_recognised: int | None
    """Number of cases in the cohort whose patient is among them; None if they were not given."""
    test: tuple[str, ...] = ()
    """Ids of test cases whose patient the generator saw."""
    val: tuple[str, ...] = ()
    """Ids of validation cases whose patient the generator saw."""
    clean: tuple[str, ...] = ()
    """Ids of test cases whose patient the generator did not see; none if that is unknown."""

    @property
    def word(self) -> str:
        """The overlap in a few words, to stand beside every score.

        >>> Overlap("overlap", 3, 3, test=("d",), clean=("e", "f")).word
        '1 of 3 scored cases are of patients the generator learned from'
        """
        if self.status == "unknown":
            return "unknown training ids" if self.n_training is None else "training ids not of this cohort"
        if self.status == "none":
            return "none"
        scored = len(self.test) + len(self.clean)
        of_test = f"{len(self.test)} of {scored} scored cases are of patients the generator learned from"
        return of_test if self.test else f"{of_test}, and {len(self.val)} of validation"

    @property
    def facts(self) -> dict[str, Any]:
        """The overlap as plain JSON values, for tables and manifests."""
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}
        return plain | {"word": self.word}


def check_overlap(training_ids: Collection[str] | None, splits: Splits, *, allow_overlap: bool = False) -> Overlap:
    """Compare a generator's training cases with validation and test, patient by patient.

    An id names a case, its patient, or another time point of that patient (see ``patients_named``). Releases rename
    patients (``BraTS20_Training_001`` may be a ``BraTS2021_`` case), and an overlap across releases is not found.
    Therefore the overlap is unknown, and a warning says so, if no id at all is recognised.

    Args:
        training_ids: Ids of the cases or patients that the generator learned from; None if they are unknown.
        splits: The real cases by patient.
        allow_overlap: Return an overlap, with a warning, instead of refusing it.

    Returns:
        The overlap. Scores on its ``clean`` test cases alone are not affected by it.

    Raises:
        CaseError: If the generator learned from a patient of val or test, and ``allow_overlap`` is False.
    """
    overlap = _compare(training_ids, splits)
    _tell(overlap, training_ids, splits)
    if overlap.status == "overlap":
        _refuse_or_warn(overlap, allow_overlap=allow_overlap)
    return overlap


def check_training_overlap(
    training_ids: Collection[str] | None, splits: Splits, policy: bool | Literal["exclude"] = False
) -> tuple[Splits, Overlap]:
    """Return the splits that a generator may be scored on, and the overlap that remains in them.

    Args:
        training_ids: See ``check_overlap``.
        splits: The real cases by patient.
        policy: ``False`` refuses an overlap, ``True`` allows it, and ``exclude`` leaves out the cases that overlap.

    Raises:
        CaseError: See ``check_overlap`` and ``without_overlap``.
        Refusal: If the policy is none of these.
    """
    if policy not in (True, False, "exclude"):
        raise Refusal(f"Expected allow_overlap to be true, false or exclude, but got {policy!r}.")
    if policy == "exclude":
        splits = without_overlap(training_ids, splits)
        return splits, _compare(training_ids, splits)
    return splits, check_overlap(training_ids, splits, allow_overlap=policy is True)


def without_overlap(training_ids: Collection[str] | None, splits: Splits) -> Splits:
    """Leave out the validation and test cases whose patients the generator learned from.

    Args:
        training_ids: See ``check_overlap``.
        splits: The real cases by patient; those of ``train`` stay as they are.

    Raises:
        CaseError: If the ids are unknown or not of this cohort, so that it is unclear which cases to leave out, or if
            no case is left to validate or test on.
    """
    overlap = _compare(training_ids, splits)
    _tell(overlap, training_ids, splits)
    if overlap.status == "unknown":
        raise CaseError(
            f"Expected the ids of the cases the generator learned from, but got {overlap.word}. Without them it is "
            "unclear which cases to exclude; give generator.train_ids as ids of this cohort."
        )
    overlapping = {*overlap.val, *overlap.test}
    kept = replace(splits, **{part: _but(getattr(splits, part), overlapping) for part in ("val", "test")})
    for part, before, after in (("val", splits.val, kept.val), ("test", splits.test, kept.test)):
        if before and not after:
            raise CaseError(
                f"Expected {part} cases that the generator never saw, but it learned from all {len(before)}. Choose "
                "another seed of the split, or a larger part."
            )
    log.info(
        "Left out, as seen by the generator: %d test and %d validation cases.", len(overlap.test), len(overlap.val)
    )
    return kept


def _compare(training_ids: Collection[str] | None, splits: Splits) -> Overlap:
    if training_ids is None:
        return Overlap("unknown", None, None)
    ids, cases = set(training_ids), _all_of(splits)
    seen = patients_named(ids, cases)
    if not seen:
        return Overlap("unknown", len(ids), 0)
    val, test = (tuple(case.id for case in part if case.patient in seen) for part in (splits.val, splits.test))
    return Overlap(
        "overlap" if val or test else "none",
        len(ids),
        sum(case.patient in seen for case in cases),
        test,
        val,
        tuple(case.id for case in splits.test if case.patient not in seen),
    )


def _tell(overlap: Overlap, training_ids: Collection[str] | None, splits: Splits) -> None:
    """Warn if the training ids are unknown, or some of them name no case."""
    if training_ids is None:
        log.warning("The generator's training cases are unknown, and so is its overlap with the test cases.")
        return
    ids = set(training_ids)
    strangers = sorted(ids - patients_by_id(ids, _all_of(splits)).keys())
    if overlap.status == "unknown":
        log.warning(
            "None of the generator's %d training ids (such as %s) is a case of this cohort: it learned from other "
            "patients, or from these under other ids. The overlap with the test cases is unknown.",
            len(ids), strangers[0] if strangers else "none",
        )  # fmt: skip
    elif strangers:
        log.warning(
            "%d of the generator's %d training ids (such as %s) are no cases of this cohort: they are other patients, "
            "or patients of this cohort under other ids, whose overlap would go unnoticed.",
            len(strangers), len(ids), strangers[0],
        )  # fmt: skip


def _all_of(splits: Splits) -> tuple[Case, ...]:
    return (*splits.train, *splits.val, *splits.test)


def _but(cases: Sequence[Case], excluded: Iterable[str]) -> tuple[Case, ...]:
    return tuple(case for case in cases if case.id not in excluded)


def training_ids_of(generator: object, train: Sequence[Case]) -> tuple[str, ...] | None:
    """Return the ids of the cases that a generator will have learned from when it has painted; None if unknown.

    A generator that learns only in ``fit`` learns from ``train``. One that comes with weights or images has an
    attribute ``training_ids``: all ids, or None if they are unknown.

    Raises:
        Refusal: If that attribute is no collection of texts.
    """
    own: Any = getattr(generator, "training_ids", [case.id for case in train])
    if own is None:
        return None
    if isinstance(own, str) or not isinstance(own, Collection) or not all(isinstance(id_, str) for id_ in own):
        raise Refusal(f"Expected training_ids of {type(generator).__name__} to be a list of ids, but got {own!r}.")
    if isinstance(generator, Generator) and not generator.paired:  # its label maps are made of training cases
        own = {*own, *(case.id for case in train)}
    return tuple(sorted(own))


def _refuse_or_warn(overlap: Overlap, *, allow_overlap: bool) -> None:
    overlapping = (
        f"{len(overlap.test)} test and {len(overlap.val)} validation cases are of patients it learned from: "
        f"{', '.join((*overlap.test, *overlap.val)[:8])}"
    )
    if not allow_overlap:
        raise CaseError(
            f"Expected a generator that never saw the patients it is scored on, but {overlapping}. Set "
            "allow_overlap=exclude to leave these cases out, or allow_overlap=true to score on them, which every table "
            "then says."
        )
    log.warning("Overlap allowed: %s. %d test cases are clean.", overlapping, len(overlap.clean))
