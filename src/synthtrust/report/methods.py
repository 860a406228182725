"""How the numbers of the page are made: one paragraph an audit, and the limits of all; the docs have the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthtrust.report.formatting import count


@dataclass(frozen=True)
class Method:
    """How one audit comes to its numbers."""

    audit: str
    """The name by which the config asks for it."""
    text: str
    """What is compared with what, what the intervals count, and when nothing is decided."""


METHODS: tuple[Method, ...] = (
    Method(
        "utility",
        "The same network is trained by the same recipe, with as many optimizer steps, on synthetic cases alone (TSTR) "
        "and on real cases alone (TRTR), and scored on the same real test cases. Intervals are t intervals with "
        "Satterthwaite degrees of freedom, over patients and training seeds. The loss is compared with a margin that "
        "was settled before training; TRTR has to beat a trivial predictor first.",
    ),
    Method(
        "trust",
        "T1 to T5 are taken from the Dice of each real test case and of its twin. T3 is read against its null, T4 "
        "against the difference between two seeds on the same case. Intervals are over patients and training seeds.",
    ),
    Method(
        "fidelity",
        "Synthetic cases are compared with real cases that the generator never saw, one of each patient, in several "
        "feature spaces. A permutation test with Holm's correction over the spaces shows a difference. That there is "
        "none to speak of is shown only where KID lies below that of a planted fault and coverage above that of a "
        "planted mode collapse.",
    ),
    Method(
        "privacy",
        "Every synthetic case is compared with every training case, under mirrorings, shifts, turns, sizes and in "
        "parts. Unseen patients go through the same search and say what chance reaches. Copies of known kinds are "
        "planted in this very audit: what is not found of them would go unseen in the set as well.",
    ),
    Method(
        "amounts",
        "Segmenters or classifiers of several numbers of real cases give a learning curve. A mix is worth as many real "
        "cases as the curve has where it is as high; limits invert those of the curve and of the mix.",
    ),
    Method(
        "size",
        "Every region of every real test case, and every lesion, is set beside its volume. The slope of a score on the "
        "logarithm of the volume is taken within regions, each patient is left out in turn, and seeds add their own "
        "variance. Small structures are called lost where synthetic training is shown to lose more than a margin for a "
        "tenth of the volume, in Dice or in the share that is found.",
    ),
    Method(
        "subgroups",
        "TSTR less TRTR is taken in each group of test patients, and the difference of two groups has an interval over "
        "patients and training seeds, corrected for the number of pairs. Shares of groups in the synthetic set and of "
        "copied patients have exact binomial intervals; KID of a group is taken in the coordinates of the whole set.",
    ),
    Method(
        "shortcuts",
        "Networks learn from mixes in which the class of a case decides whether it is real, and are scored on test "
        "cases whose source agrees with that and on the same patients with the sources exchanged. Both ends are "
        "averaged, so that only what goes with the confounding counts. A shortcut is called used where the exchange, "
        "or the loss on real test cases against the balanced mix, is shown to cost more than a margin. Patients are "
        "left out in turn, and seeds add their own variance.",
    ),
    Method(
        "onset",
        "One training of a generator keeps its weights at several steps, and each of them paints a set. The share of "
        "copies of training cases and the area of membership inference are bounded for each set, and P3 tests whether "
        "more images lie nearest to training cases than chance explains. The steps are gone through in order, until a "
        "bound lies above its limit or P3 accuses. TSTR is that of the study's network on the set alone, "
        "KID the distance from cases that the generator never saw.",
    ),
    Method(
        "calibration",
        "Copies are planted at known shares among cases that nobody trained on, and the audit is asked as it is. "
        "Shares of draws have exact binomial intervals.",
    ),
)

LIMITS: tuple[str, ...] = (
    "Every number holds for this network, this recipe, these sets and patients like these. Other scanners, hospitals "
    "and tasks were not looked at.",
    "The axes are not added up, and no axis makes up for another: a copy of the patients trains perfectly.",
    "For research, not for clinical use. Nothing here is a privacy guarantee, and no set is anonymised in the sense of "
    "any law by passing an audit.",
)


def study_sentences(facts: Mapping[str, Any]) -> list[str]:
    """Say what was trained on what.

    >>> study_sentences({"network": "UNet", "parameters": 1234567, "steps": 80, "runs": 9, "seeds": [0, 1]})
    ['9 runs with 2 seeds: UNet with 1,234,567 parameters, 80 optimizer steps each.']
    """
    if not facts.get("runs"):
        return []
    network = facts.get("network")
    trained = [
        f"{network if isinstance(network, str) else 'several networks'}"
        + (f" with {facts['parameters']:,} parameters" if isinstance(facts.get("parameters"), int) else ""),
        f"{facts['steps']} optimizer steps each" if isinstance(facts.get("steps"), int) else "",
        f"batches of {facts['batch_size']}" if isinstance(facts.get("batch_size"), int) else "",
    ]
    seeds = f" with {count(len(facts['seeds']), 'seed')}" if facts.get("seeds") else ""
    return [f"{count(int(facts['runs']), 'run')}{seeds}: {', '.join(part for part in trained if part)}."] + (
        [f"On {facts['device']}."] if isinstance(facts.get("device"), str) else []
    )


def methods_of(audits: list[str]) -> list[Method]:
    """Return the methods of the audits that were asked, in the order of `METHODS`.

    >>> [method.audit for method in methods_of(["privacy", "utility", "mine"])]
    ['utility', 'privacy']
    """
    return [method for method in METHODS if method.audit in audits]
