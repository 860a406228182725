"""What the values in label files of BraTS mean: a table of series and releases.

Sources: Menze 2015, Bakas 2017 and Baid 2021 (arXiv:2107.02314) for 2018 to 2021; for 2023 the papers of its series,
which write ET as 3 (adult glioma and BraSyn arXiv:2305.09011, Africa 2305.19369, meningioma 2305.07642, metastases
2306.00838, paediatric 2305.17033, where non-enhancing tumour, cyst and necrosis are one label); for 2024 post-treatment
glioma (arXiv:2405.18368), paediatric (2404.15009) and meningioma before radiotherapy (2405.18383); for 2025 the tables
of its challenge, which add the resection cavity to metastases. NETC and SNFH of the newer papers are NCR and ED here.
"""

from collections.abc import Mapping

from synthtrust.cases.readers.label_values import spelt
from synthtrust.refusals import CaseError, Refusal

TO_2021 = {1: "NCR", 2: "ED", 4: "ET"}
TUMOUR = {1: "NCR", 2: "ED", 3: "ET"}
WITH_CAVITY = {**TUMOUR, 4: "RC"}
PAEDIATRIC = {1: "ET", 2: "NCR", 3: "CYST", 4: "ED"}
TARGET = {1: "GTV"}
"""Gross tumour volume, which radiotherapy aims at."""

OLD = ""
"""Names without a series: the releases up to 2021, and sets that were segmented in their way."""

MEANINGS: Mapping[str, Mapping[str, Mapping[int, str]]] = {
    OLD: {**dict.fromkeys(("2018", "2019", "2020", "2021"), TO_2021), "2023": TUMOUR},
    "GLI": {"2023": TUMOUR, "2024": WITH_CAVITY, "2025": WITH_CAVITY},
    "GoAT": dict.fromkeys(("2023", "2024", "2025"), TUMOUR),
    "MEN": dict.fromkeys(("2023", "2024", "2025"), TUMOUR),
    "MEN-RT": dict.fromkeys(("2024", "2025"), TARGET),
    "MET": {"2023": TUMOUR, "2024": TUMOUR, "2025": WITH_CAVITY},
    "PED": {"2023": TUMOUR, "2024": PAEDIATRIC, "2025": PAEDIATRIC},
    "SSA": dict.fromkeys(("2023", "2024", "2025"), TUMOUR),
}
"""Series -> release -> value in its label files -> label."""

RELEASES = tuple(sorted({release for releases in MEANINGS.values() for release in releases}))
SERIES = tuple(series for series in MEANINGS if series)


def meaning_of(series: str, release: str, where: object) -> Mapping[int, str]:
    """Return value -> label for the files of a series.

    ``auto`` is the only meaning that the series ever had, or the first where later releases merely added labels: a
    value that it lacks is then refused when it is read.

    Args:
        series: One of ``MEANINGS``.
        release: Its year, or ``auto``.
        where: What errors name.

    Raises:
        CaseError: If releases of the series give one value two meanings and it is not given which of them it is.
        Refusal: If the series was not in that release.
    """
    releases = MEANINGS[series]
    name = f"BraTS-{series}" if series else "names up to 2021"
    if release != "auto":
        if release not in releases:
            why = ", where 4 is no longer ET" if not series else ""
            raise Refusal(
                f"Expected a release of {name} among {list(releases)} for {where}, but got {release}{why}. Choose "
                "another, or name the values in cases.label_values."
            )
        return releases[release]
    first, *others = (releases[years[0]] for years in _by_meaning(series)) if series else (TO_2021,)
    if any(first[value] != other.get(value, first[value]) for other in others for value in first):
        choices = " or ".join(f"cases.release={years[0]}" for years in _by_meaning(series))
        raise CaseError(
            f"Expected cases.release for {where}, since values of {name} changed their meaning: {hint(series)}, but "
            f"got auto. Say {choices}, or name the values in cases.label_values."
        )
    return first


def hint(series: str) -> str:
    """Say what each release means by its values.

    >>> hint("PED")
    '2023 has 1 NCR, 2 ED, 3 ET; 2024 has 1 ET, 2 NCR, 3 CYST, 4 ED'
    """
    return "; ".join(f"{years[0]} has {spelt(MEANINGS[series][years[0]])}" for years in _by_meaning(series))


def advice(series: str) -> str:
    """Say what to do about a value that the release in use lacks."""
    name = f"BraTS-{series}" if series else "BraTS"
    several = "Choose cases.release, name" if len(_by_meaning(series)) > 1 else "Name"
    return f"Of {name}, {hint(series)}. {several} the values in cases.label_values, or repair the file."


def _by_meaning(series: str) -> list[list[str]]:
    """Group the releases of a series that mean the same, in order."""
    groups: list[list[str]] = []
    for release, meaning in MEANINGS[series].items():
        group = next((group for group in groups if MEANINGS[series][group[0]] == meaning), None)
        if group is None:
            groups.append([release])
        else:
            group.append(release)
    return groups
