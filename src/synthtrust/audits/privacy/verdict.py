"""The verdict on privacy: a leak, no leak detected down to a size, or inconclusive, with every reason."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scipy.stats import binom

from synthtrust.audits import verdict as machine
from synthtrust.audits.privacy.controls import Control
from synthtrust.audits.privacy.evidence import Evidence
from synthtrust.audits.privacy.settings import PrivacySettings
from synthtrust.metrics.functional import Auc, NearestShare, holm
from synthtrust.report.formatting import percent
from synthtrust.verdicts import Doubt, Reason, Subject, Verdict

DISCLOSED = Reason(
    "mask_disclosure",
    "The label maps of real patients are in the set unedited (mask_disclosure): whatever the images show, each twin "
    "can be linked to its patient by its label.",
)
NO_GUARANTEE = Reason("no_guarantee", "This is no privacy guarantee, and no anonymisation in the legal sense.")
CURE = "What is named as missing: more unseen cases, images that say more, the training ids, a look at pairs."
CHANGE = {
    "NOT SUPPORTED": "Look at the pairs: a copy that is none (two images of one patient under two names, say) would "
    "have to be left out of the real cases. Otherwise another generator, or the same without these training cases.",
    "SUPPORTED": "A copy of a training case, an attack that tells training from unseen patients, or a control that "
    "fails.",
}


@dataclass(frozen=True)
class Leak(Reason):
    """A proof that a set gives away training cases."""

    test: str = ""
    """The question that it answers: P1 to P4."""


def decide(
    evidence: Evidence,
    controls: Sequence[Control],
    settings: PrivacySettings,
    *,
    subject: Subject,
    ids_known: bool = True,
    missing_ids: tuple[int, int] = (0, 0),
    disclosed: bool = False,
    remarks: Sequence[Reason] = (),
) -> Verdict:
    """Weigh the evidence; copies and tests can prove a leak, nothing proves that there is none.

    Args:
        evidence: The answers to all questions.
        controls: What was planted, and what came out.
        settings: The settings of the audit.
        subject: The set.
        ids_known: Whether anybody said whom the generator learned from.
        missing_ids: How many of the training ids belong to none of the real cases, and how many there are.
        disclosed: Whether unedited label maps of patients are in the set.
        remarks: What else the verdict ends with.
    """
    exchangeable = all(control.passed for control in controls if not control.planted)
    leaks = list(leaks_of(evidence, settings, exchangeable=exchangeable))
    doubts: list[Doubt] = []
    if not leaks:
        doubts += _open_questions(evidence, controls, settings)
        doubts += _doubtful_ids(ids_known, missing_ids)
    shown: list[Reason] = list(leaks)
    if not leaks and not doubts:
        shown = list(_no_leak(evidence, controls, settings))
    return machine.decide(
        "privacy",
        "NOT SUPPORTED" if leaks else "SUPPORTED",
        shown,
        doubts,
        change=CHANGE,
        thresholds=settings.thresholds(),
        subject=subject,
        remarks=[*([DISCLOSED] if disclosed else []), *remarks, NO_GUARANTEE],
    )


def leaks_of(evidence: Evidence, settings: PrivacySettings, *, exchangeable: bool = True) -> Iterator[Leak]:
    """Yield each proof of a leak.

    Args:
        evidence: The answers to all questions.
        settings: The settings of the audit.
        exchangeable: Training and unseen cases look alike by the negative controls; else only copies prove anything.
    """
    if evidence.copies is not None and (n := int(evidence.copies.copy.sum())) and _specific(evidence, n, settings):
        n_sources = len(set(evidence.nearest[1][evidence.copies.copy].tolist())) if evidence.nearest else n
        text = f"{n} of {evidence.n_synthetic} synthetic images are copies, of {n_sources} training cases (P1)."
        yield Leak("copies", text, "P1")
    if n := _misnamed(evidence, settings):
        text = (
            f"{n} synthetic images are copies of cases that the generator is said never to have seen, though no unseen "
            "case resembles a training case like that: the training ids are wrong or incomplete (P1)."
        )
        yield Leak("copies_of_unseen_cases", text, "P1")
    if evidence.source_copies is not None and (n := int(evidence.source_copies.copy.sum())):
        n_twins = len(evidence.source_of)
        text = f"{n} of {n_twins} twins of training labels are copies of the case they were painted for (P1)."
        yield Leak("copies_of_own_source", text, "P1")
    if exchangeable:
        yield from _rejections(evidence, settings)


def _rejections(evidence: Evidence, settings: PrivacySettings) -> Iterator[Leak]:
    """Yield each test that rejects, Holm's correction made: an honest set is accused with probability p in all."""
    attack = evidence.membership
    tests: list[tuple[Auc | NearestShare, float, str, str, str]] = []
    if attack and attack.null.low <= 0.5 <= attack.null.high:  # else two halves of the training cases differ
        words = "Membership inference tells training from unseen patients (P2)"
        tests.append((attack.auc, 0.5, "membership", "P2", words))
    if evidence.share:
        words = f"More synthetic images lie nearest to a training case than {evidence.share.expected:.2f} of them (P3)"
        tests.append((evidence.share, evidence.share.expected, "nearest_share", "P3", words))
    if evidence.twin_leak:
        words = "Twins of training labels resemble their source more than twins of unseen labels do (P4)"
        tests.append((evidence.twin_leak, 0.5, "twin_leak", "P4", words))
    corrected = holm([test.p for test, *_ in tests]) if tests else ()
    for (test, expected, code, name, words), p in zip(tests, corrected, strict=True):
        if p < settings.p and test.low > expected:
            yield Leak(code, f"{words}: {_estimate(test)}, {p:.3f} with Holm's correction.", name)


def _doubtful_ids(ids_known: bool, missing_ids: tuple[int, int]) -> Iterator[Doubt]:
    """Yield what the training ids leave open."""
    if not ids_known:
        text = (
            "Nobody said which cases the generator learned from: the cases taken as training and as unseen may be "
            "wrong."
        )
        yield Doubt("unknown_training_ids", text, CURE)
    if missing_ids[0]:
        n, total = missing_ids
        text = f"{n} of {total} training ids belong to none of these real cases: copies of those cannot be found."
        yield Doubt("training_ids_without_cases", text, CURE)


def _open_questions(evidence: Evidence, controls: Sequence[Control], settings: PrivacySettings) -> Iterator[Doubt]:
    """Yield why the absence of proof is no evidence of absence here."""
    for missing in evidence.missing:
        if missing.decides:
            yield Doubt("not_computed", str(missing), CURE)
    if evidence.n_holdout < settings.fewest_holdout:
        text = f"{evidence.n_holdout} unseen patients; at least {settings.fewest_holdout} are needed."
        yield Doubt("few_unseen_patients", text, CURE)
    if evidence.n_synthetic < settings.fewest_synthetic:
        text = f"{evidence.n_synthetic} synthetic images; at least {settings.fewest_synthetic} are needed."
        yield Doubt("few_synthetic_images", text, CURE)
    if evidence.copies is not None:
        yield from _failed_controls(controls)
    suspects = [search.suspect.sum() for search in (evidence.copies, evidence.source_copies) if search is not None]
    if n := int(sum(suspects)):
        text = f"{n} synthetic images are suspect, between honest and copy: look at the pairs."
        yield Doubt("suspects", text, CURE)
    yield from _unspecific(evidence)
    yield from _undecided_tests(evidence, settings)


def _failed_controls(controls: Sequence[Control]) -> Iterator[Doubt]:
    """Yield what the controls say against believing this audit."""
    if not {True, False} <= {control.planted for control in controls}:
        text = "Not all controls could be run: they need 8 training and 20 unseen patients."
        yield Doubt("controls_missing", text, CURE)
    for control in controls:
        if not control.passed and not control.planted:
            text = (
                f"Control failed, {control.kind}: {control.rate:.3f} ({control.note}, n = {control.n}). Training and "
                "unseen cases share patients, or differ from the start."
            )
            yield Doubt("control_failed", text, CURE)
    blind = [f"{c.kind} ({c.rate:.2f} of {c.n} found)" for c in _required(controls) if not c.passed]
    if blind:
        text = f"The search is blind to some copies that were planted among these images: {', '.join(blind)}."
        yield Doubt("blind", text, CURE)


def _required(controls: Sequence[Control]) -> list[Control]:
    """Return the planted copies that the search must find."""
    return [control for control in controls if control.planted and control.decides]


def _undecided_tests(evidence: Evidence, settings: PrivacySettings) -> Iterator[Doubt]:
    """Yield where an attack may do better than the bound, or did and cannot be believed."""
    attack = evidence.membership
    for name, area in (("Membership inference", attack.auc if attack else None), ("Twin leak", evidence.twin_leak)):
        if area and not area.high <= settings.auc_bound:
            text = f"{name} may reach an area of {area.high:.3f}, above {settings.auc_bound:g}: {_estimate(area)}."
            yield Doubt("area_above_bound", text, CURE)
        if area and area.p < settings.p and area.low > 0.5:
            text = f"{name} rejects by itself, {_estimate(area)}, but not with Holm's correction, or a control failed."
            yield Doubt("rejects_by_itself", text, CURE)
    if evidence.share and evidence.share.p < settings.p:
        text = (
            f"The nearest-real share rejects by itself, {_estimate(evidence.share)} where "
            f"{evidence.share.expected:.2f} is expected, but not with Holm's correction, or a control failed."
        )
        yield Doubt("rejects_by_itself", text, CURE)
    if attack and not attack.null.low <= 0.5 <= attack.null.high:
        text = "Control failed: two halves of the training patients differ in membership inference."
        yield Doubt("control_failed", text, CURE)


def _unspecific(evidence: Evidence) -> Iterator[Doubt]:
    """Yield that cases which were never seen seem to be copied as well."""
    if evidence.copies is None or evidence.swapped_search is None:
        return
    n, n_unseen = int(evidence.copies.copy.sum()), int(evidence.swapped_search.copy.sum())
    if n_unseen:
        text = (
            f"{n_unseen} synthetic images look like copies of cases that the generator is said never to have seen ({n} "
            "of training cases): near-duplicates among the real cases, or wrong training ids."
        )
        yield Doubt("unspecific", text, CURE)


def _misnamed(evidence: Evidence, settings: PrivacySettings) -> int:
    """Return how many synthetic images copy unseen cases, 0 if unseen and training cases resemble each other as well.

    Such copies would come of near-duplicates on both sides, not of a generator that was shown unseen cases.
    """
    if (
        evidence.swapped_search is None
        or evidence.null is None
        or settings.search(evidence.null, evidence.null).copy.any()
    ):
        return 0
    return int(evidence.swapped_search.copy.sum())


def _specific(evidence: Evidence, n: int, settings: PrivacySettings) -> bool:
    """Whether there are more copies of training than of unseen cases than their numbers alone would give."""
    mirrored = int(evidence.swapped_search.copy.sum()) if evidence.swapped_search is not None else 0
    if not mirrored:
        return True
    chance = evidence.n_train / (evidence.n_train + evidence.n_holdout)
    return float(binom.sf(n - 1, n + mirrored, chance)) < settings.p


def _estimate(area: Auc | NearestShare) -> str:
    name = "AUC " if isinstance(area, Auc) else ""
    return f"{name}{area.value:.3f} [{area.low:.3f}, {area.high:.3f}], p = {area.p:.3f}"


def _no_leak(evidence: Evidence, controls: Sequence[Control], settings: PrivacySettings) -> Iterator[Reason]:
    """Yield how much the absence of a leak means here."""
    required = _required(controls)
    down_to = percent(max(control.smallest for control in required))
    text = (
        f"No leak detected; copies found down to {down_to} ({evidence.n_train} training and {evidence.n_holdout} "
        f"unseen patients, {evidence.n_synthetic} synthetic images; {min(control.n for control in required)} copies "
        "planted of each kind)."
    )
    yield Reason("no_leak_detected", text)
    if evidence.n_holdout < settings.wanted_holdout:
        text = f"Only {evidence.n_holdout} unseen patients, {settings.wanted_holdout} are wanted."
        yield Reason("few_unseen_patients", text)
