"""What the facts of the runs themselves say against a verdict: moved margins, classes, and what leaked."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from synthtrust.audits.margins import Margins
from synthtrust.cases import Mix
from synthtrust.conventions import PARTS_OF_PATIENTS
from synthtrust.report.formatting import listing
from synthtrust.verdicts import Doubt, Reason


def moved_margins(facts: Iterable[Mapping[str, Any]], margins: Margins) -> Iterator[Doubt]:
    """Name margins that are not those which were settled before training."""
    stored = [Margins.of_run(fact["margins"]) for fact in facts if fact.get("margins")]
    if any(before.settings() != margins.settings() for before in stored):
        before = ", ".join(f"{name} {value}" for name, value in stored[0].settings().items())
        yield Doubt(
            "moved_margins",
            f"The margins are not those that were settled before training: {before}.",
            "The margins of before, or new runs, trained after others were settled.",
        )


def missing_classes(facts: Iterable[Mapping[str, Any]]) -> list[Reason]:
    """Name the classes that the synthetic training cases lack; their test cases count all the same."""
    lacking = {
        name for fact in facts if _is_tstr(fact) for name in (fact.get("missing_classes") or {}).get("train", ())
    }
    named = ", ".join(sorted(lacking))
    text = f"No synthetic training case is of class {named}; its test cases stay in the score."
    return [Reason("missing_classes", text)] if lacking else []


def class_balance(facts: Iterable[Mapping[str, Any]]) -> list[Reason]:
    """Say how often synthetic and real training cases have each class, where synthetic ones bring classes of their own.

    Twins have the classes of their real cases, so that nothing is to be said of them.
    """
    drawn = {"synthetic": "", "real": ""}
    for fact in facts:
        is_tstr, trained_on = _is_tstr(fact), fact.get("drawn_classes") or {}
        if fact.get("paired", True) or not (is_tstr or fact.get("alpha") == 1):
            continue
        source = "synthetic" if is_tstr else "real"
        counts = ", ".join(f"{name} {n}" for name, n in (trained_on.get(source) or {}).items())
        drawn[source] = drawn[source] or counts  # of the first seed: others draw about as many
    if not all(drawn.values()):
        return []
    text = f"Synthetic training cases by class: {drawn['synthetic']}; real ones: {drawn['real']}."
    return [Reason("class_balance", text)]


def real_parts(facts: Iterable[Mapping[str, Any]]) -> list[Reason]:
    """Say what of the synthetic training cases is the patients' own: TSTR is not trained on synthetic images alone."""
    own = [name for fact in facts for name in fact.get("patients_own") or ()]
    if not own:
        return []
    named = listing([PARTS_OF_PATIENTS.get(name, name) for name in dict.fromkeys(own)])
    return [Reason("patients_own", f"TSTR learned from real images too: {named} of synthetic cases are patients' own.")]


def _is_tstr(fact: Mapping[str, Any]) -> bool:
    return Mix(fact.get("alpha", 1.0), fact.get("mode", "complement")).is_tstr


def leaks(facts: Sequence[Mapping[str, Any]]) -> Iterator[Doubt]:
    """Yield the doubts about a generator that may know the test cases, and about how TSTR was chosen."""
    status = {(fact.get("overlap") or {}).get("status", "unknown") for fact in facts}
    if "overlap" in status:
        yield Doubt(
            "overlap",
            "The generator learned from patients it is tested on: TSTR is too good.",
            "A generator that saw no test patient, or test patients that it did not see.",
        )
    elif "unknown" in status:
        yield Doubt(
            "unknown_training_ids",
            "The manifest does not say which cases the generator learned from: it may know the test cases.",
            "The generator's training ids.",
        )
    if any(fact.get("val") == "real" and _is_tstr(fact) for fact in facts):
        yield Doubt(
            "chosen_on_real",
            "The checkpoint of TSTR was chosen on real validation cases: it is not synthetic training alone.",
            "TSTR chosen on synthetic validation cases.",
        )
