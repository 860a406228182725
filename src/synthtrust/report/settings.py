"""What was settled before looking, in words: the thresholds of the verdicts."""

from collections.abc import Mapping
from typing import Any

WORDS = {
    "confidence": "coverage of each interval and bound",
    "primary": "criterion that decides",
    "margin": "tolerable loss",
    "ratio_margin": "share of the reference's lead that has to be kept",
    "largest_share": "largest share of the reference's lead that the margin may be",
    "min_seeds": "least number of training seeds",
    "min_patients": "least number of patients",
    "min_patients_each": "least number of patients with each region or class",
    "min_patients_computed": "least number of patients for any comparison",
    "significance": "level of significance",
    "shortcut_auc": "area from which numbers without content are a shortcut",
    "shift": "planted shift [standard deviations]",
    "repeats": "copies of each case in the planted mode collapse",
    "copy_threshold": "strength of a copy [robust standard deviations]",
    "suspect_threshold": "strength of a suspect [robust standard deviations]",
    "auc_bound": "largest area that an attack may have",
    "min_holdout_patients": "least number of unseen patients",
    "ample_holdout_patients": "number of unseen patients below which they are called few",
    "min_synthetic_images": "least number of synthetic images",
    "min_control_recall": "share of planted copies that has to be found",
}
"""Key of a threshold in the config -> what it is."""


def in_words(key: str) -> str:
    """Return what a threshold is; one of an audit of somebody else by its key, spelt out.

    >>> in_words("min_seeds"), in_words("my_own_limit")
    ('least number of training seeds', 'my own limit')
    """
    return WORDS.get(key, key.replace("_", " "))


def thresholds_sentence(thresholds: Mapping[str, Any]) -> str:
    """Write thresholds for a reader.

    >>> thresholds_sentence({"margin": 0.05, "min_seeds": 3})
    'tolerable loss 0.05, least number of training seeds 3'
    """
    return ", ".join(f"{in_words(name)} {value}" for name, value in thresholds.items())
