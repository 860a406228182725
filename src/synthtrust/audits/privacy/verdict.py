"""The verdict on privacy: a leak, no leak detected down to a size, or inconclusive, with every reason."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from synthtrust.audits import verdict as machine
from synthtrust.audits.privacy import p1_copies, p2_membership, p3_nearest_share, p4_twin_leak, p5_label_maps
from synthtrust.audits.privacy.controls import Control
from synthtrust.audits.privacy.evidence import Evidence
from synthtrust.audits.privacy.question import CURE, Leak, SetTest, disclosed_label_maps
from synthtrust.audits.privacy.settings import PrivacySettings
from synthtrust.conventions import PARTS_OF_PATIENTS
from synthtrust.metrics.functional import holm
from synthtrust.report.formatting import listing, percent
from synthtrust.verdicts import Doubt, Reason, Subject, Verdict

OF_TWINS = "those of the real cases whose twins they belong to, unedited"
NO_GUARANTEE = Reason("no_guarantee", "This is no privacy guarantee, and no anonymisation in the legal sense.")
CHANGE = {
    "NOT SUPPORTED": "Look at the pairs: a copy that is none (two images of one patient under two names, say) would "
    "have to be left out of the real cases. Otherwise another generator, or the same without these training cases.",
    "SUPPORTED": "A copy of a training case, an attack that tells training from unseen patients, a control that "
    "fails, or a kind of copy that is planted and missed.",
}
CURE_OF_BLINDNESS = (
    "A search that finds at least {} of the planted copies of each kind: more pixels or more modalities of the "
    "same cases, or training and unseen cases that differ more from one another."
)


def decide(
    evidence: Evidence,
    controls: Sequence[Control],
    settings: PrivacySettings,
    *,
    subject: Subject,
    ids_known: bool = True,
    missing_ids: tuple[int, int] = (0, 0),
    disclosed: int = 0,
    remarks: Sequence[Reason] = (),
    patients_own: Sequence[str] = (),
) -> Verdict:
    """Weigh the evidence; copies and tests can prove a leak, nothing proves that there is none.

    Args:
        evidence: The answers to all questions.
        controls: What was planted, and what came out.
        settings: The settings of the audit.
        subject: The set.
        ids_known: Whether the set lists the cases that the generator learned from.
        missing_ids: How many of the training ids belong to none of the real cases, and how many there are.
        disclosed: How many twins have the unedited label map of their real case.
        remarks: What else the verdict ends with.
        patients_own: Modalities that are the patients' own images by declaration: those are disclosed, whatever a
            search of the painted ones finds.
    """
    exchangeable = all(control.passed for control in controls if not control.planted)
    leaks = list(leaks_of(evidence, settings, exchangeable=exchangeable))
    by_construction = [_by_construction(patients_own)] if patients_own else []
    doubts: list[Doubt] = []
    if not leaks:
        doubts += _open_questions(evidence, controls, settings)
        doubts += _doubtful_ids(ids_known, missing_ids)
    missed = missed_kinds(controls)
    if missed and not leaks:
        # before all other doubts: whoever reads one sentence reads this one
        text = f"No leak detected, but {_blindness(missed, controls)}: such copies would go unseen."
        doubts.insert(0, Doubt("blind_to", text, CURE_OF_BLINDNESS.format(percent(settings.min_control_recall))))
    shown: list[Reason] = list(leaks)
    if missed and leaks:
        text = _blindness(missed, controls)
        shown.append(Reason("blind_to", f"{text[0].upper()}{text[1:]}: there may be more copies than were found."))
    if not leaks and not doubts:
        shown = list(_no_leak(evidence, controls, settings))
    label_maps = [disclosed_label_maps(disclosed, evidence.n_synthetic, OF_TWINS)] if disclosed else []
    if evidence.label_maps is not None:
        label_maps += p5_label_maps.remarks(evidence.label_maps)
    return machine.decide(
        "privacy",
        "NOT SUPPORTED" if leaks or by_construction else "SUPPORTED",
        [*by_construction, *shown],
        [replace(doubt, blocks=False) for doubt in doubts] if by_construction else doubts,
        change=CHANGE,
        thresholds=settings.thresholds(),
        subject=subject,
        remarks=[*label_maps, *remarks, NO_GUARANTEE],
    )


def _by_construction(patients_own: Sequence[str]) -> Reason:
    """Say what a partly synthetic set discloses by being what it is."""
    parts = listing([PARTS_OF_PATIENTS.get(name, name) for name in patients_own])
    text = (
        f"By construction the set holds patients' own images ({parts}), and whoever has the set has these. All else is "
        "about what was painted."
    )
    return Reason("patients_own", text)


def leaks_of(evidence: Evidence, settings: PrivacySettings, *, exchangeable: bool = True) -> Iterator[Leak]:
    """Yield each proof of a leak.

    Args:
        evidence: The answers to all questions.
        settings: The settings of the audit.
        exchangeable: Training and unseen cases look alike by the negative controls; else only copies prove anything.
    """
    if evidence.copies is not None:
        yield from p1_copies.leaks(evidence.copies, settings, evidence.n_train, evidence.n_holdout)
    if evidence.label_maps is not None:
        yield from p5_label_maps.leaks(evidence.label_maps)
    if exchangeable:
        tests = list(_set_tests(evidence))
        # Holm's correction: an honest set is accused with this probability by all tests together
        corrected = holm([test.result.p for test in tests]) if tests else ()
        for test, p in zip(tests, corrected, strict=True):
            if p < settings.significance and test.result.low > test.expected:
                yield test.leak(p)


def _set_tests(evidence: Evidence) -> Iterator[SetTest]:
    if evidence.membership is not None:
        yield from p2_membership.tests(evidence.membership)
    if evidence.share is not None:
        yield from p3_nearest_share.tests(evidence.share)
    if evidence.twin_leak is not None:
        yield from p4_twin_leak.tests(evidence.twin_leak)


def _doubtful_ids(ids_known: bool, missing_ids: tuple[int, int]) -> Iterator[Doubt]:
    """Yield what the training ids leave open."""
    if not ids_known:
        text = (
            "The set does not list which cases the generator learned from: those taken as training and as unseen may "
            "be wrong."
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
    if evidence.n_holdout < settings.min_holdout_patients:
        text = f"{evidence.n_holdout} unseen patients; at least {settings.min_holdout_patients} are needed."
        yield Doubt("few_unseen_patients", text, CURE)
    if evidence.n_synthetic < settings.min_synthetic_images:
        text = f"{evidence.n_synthetic} synthetic images; at least {settings.min_synthetic_images} are needed."
        yield Doubt("few_synthetic_images", text, CURE)
    if evidence.copies is not None:
        if evidence.copies.search is not None:
            yield from _failed_controls(controls)
        yield from p1_copies.doubts(evidence.copies)
    if evidence.membership is not None:
        yield from p2_membership.doubts(evidence.membership, settings)
    if evidence.share is not None:
        yield from p3_nearest_share.doubts(evidence.share, settings)
    if evidence.twin_leak is not None:
        yield from p4_twin_leak.doubts(evidence.twin_leak, settings)
    if evidence.label_maps is not None:
        yield from p5_label_maps.doubts(evidence.label_maps)


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


def missed_kinds(controls: Sequence[Control]) -> list[Control]:
    """Return the controls whose planted copies were found less often than ``min_control_recall`` asks for."""
    return [control for control in controls if control.planted and not control.passed]


def _blindness(missed: Sequence[Control], controls: Sequence[Control]) -> str:
    """Write which kinds of copies this very search did not see, each with its counts; a clause without its point."""
    n_kinds = sum(control.planted for control in controls)
    counts = listing([f"{control.kind} ({control.n_found} of {control.n} found)" for control in missed])
    return f"the search missed {len(missed)} of the {n_kinds} kinds of copies planted in this audit, {counts}"


def _no_leak(evidence: Evidence, controls: Sequence[Control], settings: PrivacySettings) -> Iterator[Reason]:
    """Yield how much the absence of a leak means here."""
    planted = [control for control in controls if control.planted]
    down_to = percent(max(control.smallest for control in planted))
    text = (
        f"No leak detected; copies found down to {down_to} ({evidence.n_train} training and {evidence.n_holdout} "
        f"unseen patients, {evidence.n_synthetic} synthetic images; {min(control.n for control in planted)} copies "
        f"planted of each kind: {listing([control.kind for control in planted])})."
    )
    yield Reason("no_leak_detected", text)
    if evidence.n_holdout < settings.ample_holdout_patients:
        text = f"Only {evidence.n_holdout} unseen patients, {settings.ample_holdout_patients} are wanted."
        yield Reason("few_unseen_patients", text)
