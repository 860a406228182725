"""What the values of a label file mean: the names that a user or a set gives them, and canonical values of these."""

from collections.abc import Mapping
from typing import Any

from synthtrust.cases.cohort import BRATS_LABELS
from synthtrust.cases.names import alike
from synthtrust.refusals import CaseError, Refusal

CANONICAL = {**BRATS_LABELS, "RC": 4}
"""Labels of brain tumours that have one value in every cohort; any other label gets a number that is free."""

BACKGROUND = ("background", "null", "none")

ALIASES: Mapping[str, tuple[str, ...]] = {
    "NCR": (
        "ncr", "net", "netc", "nc", "ncr/net", "necrosis", "necrotic core", "necrotic tumor core", "nonenhancing",
        "nonenhancing tumor", "nonenhancing tumor core", "necrotic and nonenhancing tumor core",
    ),
    "ED": ("ed", "snfh", "edema", "oedema", "peritumoral edema"),
    "ET": ("et", "enhancing", "enhancing tumor", "gdenhancing tumor"),
    "RC": ("rc", "resection cavity"),
    "CYST": ("cyst", "cc", "cystic", "cystic component"),
}  # fmt: skip
"""Label of a brain tumour -> how sets call it, in lower case, spelt American and without hyphens."""

REGIONS: Mapping[str, tuple[str, ...]] = {
    "WT": ("wt", "whole", "whole tumor"),
    "TC": ("tc", "core", "tumor core"),
    "ET": ALIASES["ET"],
    "RC": ALIASES["RC"],
}
"""Region of a brain tumour -> how sets that are learned by regions call it, spelt as in ``ALIASES``."""

_PARTS = {
    frozenset({"WT"}): "ED", frozenset({"WT", "TC"}): "NCR", frozenset({"WT", "TC", "ET"}): "ET",
    frozenset({"RC"}): "RC",
}  # fmt: skip
"""The regions that a value lies in -> its label, as BraTS defines the regions: WT = NCR + ED + ET, TC = NCR + ET."""

_LABEL = {alias: label for label, aliases in ALIASES.items() for alias in aliases}


def named_values(given: Mapping[Any, Any], key: str = "cases.label_values") -> dict[int, str]:
    """Return value in the file -> name, as a user states it; the background is the empty name.

    >>> named_values({1: "ET", "2": "NCR", 4: None})
    {1: 'ET', 2: 'NCR', 4: ''}

    Args:
        given: Value -> name of its label; null or ``background`` for what is none. 0 is background and may be left out.
        key: How the option is called, for errors.

    Raises:
        Refusal: If a value is no whole number, a name is no text, or nothing but background is named.
    """
    if not isinstance(given, Mapping) or not all(_is_value(value) for value in given):
        raise Refusal(f"Expected {key} as {{value: name, ...}}, such as {{1: NCR, 2: ED, 4: ET}}, but got {given!r}.")
    names = {int(value): "" if name is None else str(name).strip() for value, name in given.items()}
    names = {value: "" if name.lower() in BACKGROUND else name for value, name in names.items()}
    if names.get(0):
        raise Refusal(f"Expected 0 to be background in {key}, but got {names[0]!r}.")
    if not any(names.values()):
        raise Refusal(f"Expected a name for at least one value in {key}, but got {dict(given)!r}.")
    return names


def numbered(names: Mapping[int, str]) -> tuple[dict[str, int], dict[int, int]]:
    """Return label name -> canonical value, and value in the file -> canonical value.

    Where one name means enhancing tumour, those of its other parts become NCR 1, ED 2, ET 3, RC 4 however they are
    spelt. Any other name stays as it is; its number is the next that is free, in the order of the file's values.

    >>> numbered({1: "edema", 2: "non-enhancing tumor", 3: "enhancing tumour"})
    ({'NCR': 1, 'ED': 2, 'ET': 3}, {0: 0, 1: 2, 2: 1, 3: 3})
    >>> numbered({1: "liver", 7: "tumour", 9: ""})
    ({'liver': 1, 'tumour': 2}, {0: 0, 1: 1, 7: 2, 9: 0})

    Args:
        names: Value in the file -> name; several values may share one, and the empty name is the background.
    """
    known = {value: label_called(name) for value, name in names.items()}
    if "ET" in known.values():
        names = known
    own = list(dict.fromkeys(names[value] for value in sorted(names) if names[value]))
    labels = {name: CANONICAL[name] for name in own if name in CANONICAL}
    first = max((*BRATS_LABELS.values(), *labels.values())) + 1 if labels else 1
    labels |= {name: first + n for n, name in enumerate(name for name in own if name not in CANONICAL)}
    relabel = {0: 0} | {value: labels[name] if name else 0 for value, name in sorted(names.items())}
    return dict(sorted(labels.items(), key=lambda item: item[1])), relabel


def label_called(name: str) -> str:
    """Return the label of a brain tumour that a name means; any other name as it is.

    >>> label_called("Non-enhancing tumour"), label_called("liver")
    ('NCR', 'liver')
    """
    return _LABEL.get(_plain(name), name)


def labels_of_regions(regions: Mapping[str, Any]) -> dict[int, str] | None:
    """Return value -> label where overlapping regions are those of a brain tumour; None where they are others.

    >>> labels_of_regions({"background": 0, "whole tumor": [1, 2, 3], "tumor core": [2, 3], "enhancing tumor": [3]})
    {1: 'ED', 2: 'NCR', 3: 'ET'}
    >>> labels_of_regions({"kidney": [1, 2], "tumor": 2}) is None
    True

    Args:
        regions: Name -> value or values in the label files, as version 2 of nnU-Net writes them; 0 is background.
    """
    names = {alias: region for region, aliases in REGIONS.items() for alias in aliases}
    within: dict[int, set[str]] = {}
    for name, values in regions.items():
        for value in values if isinstance(values, list) else [values]:
            if int(value) != 0:
                within.setdefault(int(value), set()).add(names.get(_plain(name), ""))
    labels = {value: _PARTS.get(frozenset(inside), "") for value, inside in sorted(within.items())}
    complete = {"NCR", "ED", "ET"} <= set(labels.values())
    return labels if complete and all(labels.values()) and len(set(labels.values())) == len(labels) else None


def check_distinct(names: Mapping[int, str], where: object) -> None:
    """Refuse a set that calls two values by one name: one of them would drop out of every score.

    Raises:
        CaseError: If it does.
    """
    values: dict[str, list[int]] = {}
    for value, name in names.items():
        values.setdefault(alike(_plain(name)), []).append(value)
    for shared in values.values():
        if (name := names[shared[0]]) and len(shared) > 1:
            raise CaseError(
                f"Expected a name of its own for each label in {where}, but got {name!r} for {shared}. Rename one, or "
                "name the values in cases.label_values."
            )


def spelt(names: Mapping[int, str]) -> str:
    """Write what values mean as a person reads it.

    >>> spelt({1: "NCR", 2: "ED", 4: "ET"})
    '1 NCR, 2 ED, 4 ET'
    """
    return ", ".join(f"{value} {name or 'background'}" for value, name in names.items())


def _is_value(value: object) -> bool:
    return not isinstance(value, bool) and (
        isinstance(value, int) or (isinstance(value, str) and value.strip().isdecimal())
    )


def _plain(name: str) -> str:
    return name.strip().lower().replace("tumour", "tumor").replace("-", "").replace("_", " ")
