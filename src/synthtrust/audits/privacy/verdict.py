"""The verdict on privacy: a leak, no leak detected down to a size, or inconclusive, with every reason."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scipy.stats import binom

from synthtrust.audits.privacy.controls import Control
from synthtrust.audits.privacy.evidence import Evidence
from synthtrust.audits.privacy.limits import Limits
from synthtrust.audits.verdict import Verdict
from synthtrust.metrics.functional import Auc, NearestShare, holm
from synthtrust.report.words import percent

DISCLOSED = (
    "The label maps of real patients are in the set unedited (mask_disclosure): whatever the images show, each twin "
    "can be linked to its patient by its label."
)
UNKNOWN_IDS = (
    "Nobody said which cases the generator learned from: the cases taken as training and as unseen may be wrong."
)
MISSING_IDS = "{} of {} training ids belong to none of these real cases: copies of those cannot be found."
REPORTED_ONLY = "Distances"
"""What is missing of them decides nothing, as they themselves do."""
NO_LIMITS = "This is no privacy guarantee, and no anonymisation in the legal sense."


def decide(
    found: Evidence,
    controls: Sequence[Control],
    limits: Limits,
    *,
    subject: str,
    ids_known: bool = True,
    missing_ids: tuple[int, int] = (0, 0),
    disclosed: bool = False,
    remarks: Sequence[str] = (),
) -> Verdict:
    """Weigh the evidence; copies and tests can prove a leak, nothing proves that there is none.

    Args:
        found: The evidence.
        controls: What was planted, and what came out.
        limits: All limits.
        subject: Name of the set.
        ids_known: Whether anybody said whom the generator learned from.
        missing_ids: How many of the training ids belong to none of the real cases, and how many there are.
        disclosed: Whether unedited label maps of patients are in the set.
        remarks: Sentences that the verdict ends with.
    """
    exchangeable = all(control.passed for control in controls if not control.planted)
    leaks = list(leaks_of(found, limits, exchangeable=exchangeable))
    open_ = list(_open_questions(found, controls, limits)) + ([] if ids_known else [UNKNOWN_IDS])
    if missing_ids[0]:
        open_.append(MISSING_IDS.format(*missing_ids))
    last = [*([DISCLOSED] if disclosed else []), *remarks, NO_LIMITS]
    thresholds: Mapping[str, Any] = limits.thresholds()
    if leaks:
        change = (
            "Look at the pairs: a copy that is none (two images of one patient under two names, say) would have to be "
            "left out of the real cases. Otherwise another generator, or the same without these training cases."
        )
        return Verdict("privacy", "NOT SUPPORTED", [*leaks, *last], change, thresholds, subject)
    if open_:
        change = "What is named as missing: more unseen cases, images that say more, the training ids, a look at pairs."
        return Verdict("privacy", "INCONCLUSIVE", [*open_, *last], change, thresholds, subject)
    reasons = [_no_leak(found, controls)]
    if found.n_holdout < limits.wanted_holdout:
        reasons.append(f"Only {found.n_holdout} unseen patients, {limits.wanted_holdout} are wanted.")
    change = "A copy of a training case, an attack that tells training from unseen patients, or a control that fails."
    return Verdict("privacy", "SUPPORTED", [*reasons, *last], change, thresholds, subject)


def leaks_of(found: Evidence, limits: Limits, *, exchangeable: bool = True) -> Iterator[str]:
    """Yield one sentence for each proof of a leak.

    Args:
        found: The evidence.
        limits: Its limits.
        exchangeable: Training and unseen cases look alike by the negative controls; else only copies prove anything.
    """
    if found.copies is not None and (n := int(found.copies.copy.sum())) and _specific(found, n, limits):
        hit = len(set(found.nearest[1][found.copies.copy].tolist())) if found.nearest else n
        yield f"{n} of {found.n_synthetic} synthetic images are copies, of {hit} training cases (P1)."
    if n := _misnamed(found, limits):
        yield (
            f"{n} synthetic images are copies of cases that the generator is said never to have seen, though no unseen "
            "case resembles a training case like that: the training ids are wrong or incomplete (P1)."
        )
    if found.own_copies is not None and (n := int(found.own_copies.copy.sum())):
        yield f"{n} of {len(found.own)} twins of training labels are copies of the case they were painted for (P1)."
    if exchangeable:
        yield from _rejections(found, limits)


def _rejections(found: Evidence, limits: Limits) -> Iterator[str]:
    """Yield each test that rejects, Holm's correction made: an honest set is accused with probability p in all."""
    attack = found.membership
    believed = attack and attack.null.low <= 0.5 <= attack.null.high
    tests: list[tuple[Auc | NearestShare, float, str]] = []
    if attack and believed:
        tests.append((attack.auc, 0.5, "Membership inference tells training from unseen patients (P2)"))
    if found.share:
        said = f"More synthetic images lie nearest to a training case than {found.share.expected:.2f} of them (P3)"
        tests.append((found.share, found.share.expected, said))
    if found.twin_leak:
        said = "Twins of training labels resemble their source more than twins of unseen labels do (P4)"
        tests.append((found.twin_leak, 0.5, said))
    corrected = holm([test.p for test, _, _ in tests]) if tests else ()
    for (test, expected, said), p in zip(tests, corrected, strict=True):
        if p < limits.p and test.low > expected:
            yield f"{said}: {_estimate(test)}, {p:.3f} with Holm's correction."


def _open_questions(found: Evidence, controls: Sequence[Control], limits: Limits) -> Iterator[str]:
    """Yield why the absence of proof is no evidence of absence here."""
    yield from (reason for reason in found.missing if not reason.startswith(REPORTED_ONLY))
    if found.n_holdout < limits.fewest_holdout:
        yield f"{found.n_holdout} unseen patients; at least {limits.fewest_holdout} are needed."
    if found.n_synthetic < limits.fewest_synthetic:
        yield f"{found.n_synthetic} synthetic images; at least {limits.fewest_synthetic} are needed."
    if found.copies is not None:
        yield from _doubts(controls)
    suspects = [search.suspect.sum() for search in (found.copies, found.own_copies) if search is not None]
    if n := int(sum(suspects)):
        yield f"{n} synthetic images are suspect, between honest and copy: look at the pairs."
    yield from _unspecific(found)
    yield from _wide(found, limits)


def _doubts(controls: Sequence[Control]) -> Iterator[str]:
    """Yield what the controls say against believing this audit."""
    if not {True, False} <= {control.planted for control in controls}:
        yield "Not all controls could be run: they need 8 training and 20 unseen patients."
    for control in controls:
        if not control.passed and not control.planted:
            yield (
                f"Control failed, {control.kind}: {control.rate:.3f} ({control.note}, n = {control.n}). Training and "
                "unseen cases share patients, or differ from the start."
            )
    blind = [f"{c.kind} ({c.rate:.2f} of {c.n} found)" for c in _required(controls) if not c.passed]
    if blind:
        yield f"The search is blind to some copies that were planted among these images: {', '.join(blind)}."


def _required(controls: Sequence[Control]) -> list[Control]:
    """Return the planted copies that the search must find."""
    return [control for control in controls if control.planted and control.decides]


def _wide(found: Evidence, limits: Limits) -> Iterator[str]:
    """Yield where an attack may do better than the bound, or did and cannot be believed."""
    attack = found.membership
    for name, area in (("Membership inference", attack.auc if attack else None), ("Twin leak", found.twin_leak)):
        if area and not area.high <= limits.auc_bound:
            yield f"{name} may reach an area of {area.high:.3f}, above {limits.auc_bound:g}: {_estimate(area)}."
        if area and area.p < limits.p and area.low > 0.5:
            yield f"{name} rejects by itself, {_estimate(area)}, but not with Holm's correction, or a control failed."
    if found.share and found.share.p < limits.p:
        yield (
            f"The nearest-real share rejects by itself, {_estimate(found.share)} where {found.share.expected:.2f} is "
            "expected, but not with Holm's correction, or a control failed."
        )
    if attack and not attack.null.low <= 0.5 <= attack.null.high:
        yield "Control failed: two halves of the training patients differ in membership inference."


def _unspecific(found: Evidence) -> Iterator[str]:
    if found.copies is None or found.mirror is None:
        return
    n, mirrored = int(found.copies.copy.sum()), int(found.mirror.copy.sum())
    if mirrored:
        yield (
            f"{mirrored} synthetic images look like copies of cases that the generator is said never to have seen ({n} "
            "of training cases): near-duplicates among the real cases, or wrong training ids."
        )


def _misnamed(found: Evidence, limits: Limits) -> int:
    """Return how many synthetic images copy unseen cases, 0 if unseen and training cases resemble each other as well.

    Such copies would come of near-duplicates on both sides, not of a generator that was shown unseen cases.
    """
    if found.mirror is None or found.null is None or limits.search(found.null, found.null).copy.any():
        return 0
    return int(found.mirror.copy.sum())


def _specific(found: Evidence, n: int, limits: Limits) -> bool:
    """Whether there are more copies of training than of unseen cases than their numbers alone would give."""
    mirrored = int(found.mirror.copy.sum()) if found.mirror is not None else 0
    if not mirrored:
        return True
    chance = found.n_train / (found.n_train + found.n_holdout)
    return float(binom.sf(n - 1, n + mirrored, chance)) < limits.p


def _estimate(area: Auc | NearestShare) -> str:
    name = "AUC " if isinstance(area, Auc) else ""
    return f"{name}{area.value:.3f} [{area.low:.3f}, {area.high:.3f}], p = {area.p:.3f}"


def _no_leak(found: Evidence, controls: Sequence[Control]) -> str:
    required = _required(controls)
    down_to = percent(max(c.smallest for c in required))
    return (
        f"No leak detected; copies found down to {down_to} ({found.n_train} training and {found.n_holdout} "
        f"unseen patients, {found.n_synthetic} synthetic images; {min(c.n for c in required)} copies planted of each "
        "kind)."
    )
