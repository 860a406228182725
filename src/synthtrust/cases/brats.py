"""BraTS cases, in the naming and the labels of any release from 2018 on."""

import glob
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from synthtrust.cases.case import Case
from synthtrust.cases.cohort import BRATS_LABELS, Cohort, Refusal
from synthtrust.cases.errors import CaseError
from synthtrust.cases.grid import check_grid

SUFFIXES = {"flair": ("flair", "t2f"), "t1ce": ("t1ce", "t1c"), "t1": ("t1", "t1n"), "t2": ("t2", "t2w")}
"""Canonical modality -> how files name it: up to 2021, and from 2023 on."""

_TO_2021 = {0: 0, 1: 1, 2: 2, 4: 3}
_TO_2023 = {0: 0, 1: 1, 2: 2, 3: 3}
_FROM_2024 = {**_TO_2023, 4: 4}
RELEASES: Mapping[str, Mapping[int, int]] = {
    "2018": _TO_2021,
    "2019": _TO_2021,
    "2020": _TO_2021,
    "2021": _TO_2021,
    "2023": _TO_2023,
    "2024": _FROM_2024,
    "2025": _FROM_2024,
}
"""Release -> value in its label files -> canonical label."""

LICENCE = "BraTS terms of the release (research; cite Menze 2015, Bakas 2017, Baid 2021)"
NAMINGS = (
    "<case>_{flair,t1ce,t1,t2,seg}.nii[.gz] (2018 to 2021) or <case>-{t2f,t1c,t1n,t2w,seg}.nii[.gz] (from 2023 on)"
)

_ROLE = {suffix: modality for modality, suffixes in SUFFIXES.items() for suffix in suffixes}
_ROLE |= {"seg": "seg", "segm": "seg"}  # BraTS 2020, case 355: W39_1998.09.19_Segm.nii
_FILE = re.compile(rf"(?P<case>.+)[_-](?P<role>{'|'.join(_ROLE)})\.nii(\.gz)?", re.IGNORECASE)
_SERIES = re.compile(r"brats(-[a-z]+|\d+)", re.IGNORECASE)  # Brats18, BraTS20, BraTS2021, BraTS-GLI, BraTS-PED, ...
_TIME_POINT = re.compile(r"(?P<patient>brats-[a-z]+-\d+)-\d+", re.IGNORECASE)

Files = dict[str, list[Path]]  # role -> the files that play it: one, if all is well


def read_brats(
    root: str | Path,
    *,
    modalities: Sequence[str] = ("flair", "t1ce", "t1", "t2"),
    release: str | int = "auto",
    licence: str = LICENCE,
) -> Cohort:
    """Find the BraTS cases under a folder by the names of their files, and check their headers; no voxel is read.

    Folders may be one per case or one per modality, nested as they like (``HGG/``, ``LGG/``), ``.nii`` or ``.nii.gz``.
    A patient is a case, or, where the last digits of a name are a time point (``BraTS-GLI-00000-000``), all cases that
    share the rest. Labels become NCR 1, ED 2, ET 3. Releases from 2024 on have a resection cavity besides: RC 4,
    which is no region of the trust factors unless it is named.

    Args:
        root: The folder; it may hold one release only, since patients recur from release to release under new names.
        modalities: Which of flair, t1ce, t1, t2 to read, in the order of the network's channels.
        release: The year whose labels the files have. ``auto`` goes by the names: BraTS-GLI is read as 2023, so that a
            resection cavity (2024) is an error when its case is loaded; anything written with ``_`` is read as 2021.
        licence: What the manifest of a synthetic set made from these cases will say about its source.

    Returns:
        The cases; one without a needed file, or whose files do not lie on one grid, is in ``refused``.

    Raises:
        CaseError: If the folder does not exist, holds no BraTS case or several releases, or an id is found twice.
        ValueError: If a modality or the release is unknown, or the release cannot have these names.
    """
    root = Path(root)
    _check_choices(modalities, str(release))
    found = _find_files(root)
    series = _series_of(root, found)
    release = _release_of(root, series, found) if release == "auto" else str(release)
    if series in ("brats18", "brats19", "brats20", "brats2021") and 4 in RELEASES[release].values():
        raise ValueError(
            f"Expected a release that has the names of {root}, but got {release}: there, 4 is no longer ET."
        )

    cases, refused = [], []
    for case_id, folder, files in found:
        try:
            cases.append(_case(case_id, files, modalities, release))
        except CaseError as error:
            refused.append(Refusal(folder, str(error)))
    labels = BRATS_LABELS | ({"RC": 4} if 4 in RELEASES[release].values() else {})
    return Cohort(root.absolute().name, tuple(cases), tuple(modalities), labels, licence, tuple(refused))


def _check_choices(modalities: Sequence[str], release: str) -> None:
    if not modalities or set(modalities) - SUFFIXES.keys() or len(set(modalities)) < len(modalities):
        raise ValueError(f"Expected modalities among {list(SUFFIXES)}, each once, but got {list(modalities)}.")
    if release not in ("auto", *RELEASES):
        raise ValueError(f"Expected `release` among {['auto', *RELEASES]}, but got {release!r}.")


def _find_files(root: Path) -> list[tuple[str, Path, Files]]:
    """Return id, folder and files of every case, in order of id."""
    if not root.is_dir():
        raise CaseError(f"Expected a folder of BraTS cases, but {root} does not exist. Set cases.root.")
    by_case: dict[str, Files] = defaultdict(lambda: defaultdict(list))
    # Not Path.rglob, which enters no linked folder before Python 3.13; hidden files (._x of macOS) are left out here.
    for name in sorted(glob.glob("**/*.nii*", root_dir=root, recursive=True)):  # noqa: PTH207
        if (match := _FILE.fullmatch(Path(name).name)) and (root / name).is_file():
            by_case[match["case"]][_ROLE[match["role"].lower()]].append(root / name)
    if not by_case:
        raise CaseError(f"Expected BraTS cases under {root}, named {NAMINGS}, but found no such file.")
    _adopt_labels(by_case)
    return [
        (case_id, folder, files)
        for case_id, roles in sorted(by_case.items())
        for folder, files in _by_folder(roles).items()
    ]


def _adopt_labels(by_case: dict[str, Files]) -> None:
    """Give a label map of another name to the case that has none, if they are alone in one folder."""
    owners: dict[Path, set[str]] = defaultdict(set)
    for case_id, files in by_case.items():
        for path in _all(files):
            owners[path.parent].add(case_id)
    for stray in [case_id for case_id, files in by_case.items() if files.keys() == {"seg"}]:
        others = owners[by_case[stray]["seg"][0].parent] - {stray}
        if len(others) == 1 and "seg" not in by_case[other := others.pop()]:
            by_case[other]["seg"] = by_case.pop(stray)["seg"]


def _by_folder(files: Files) -> dict[Path, Files]:
    """Part the files of one id if it was found whole in several folders; otherwise they are one case."""
    folders = {path.parent for path in _all(files)}
    if all(len(paths) == len(folders) > 1 for paths in files.values()):
        return {
            folder: {role: [path for path in paths if path.parent == folder] for role, paths in files.items()}
            for folder in sorted(folders)
        }
    return {min(folders): files}


def _series_of(root: Path, found: Iterable[tuple[str, Path, Files]]) -> str:
    series = {match[0].lower() if (match := _SERIES.match(case_id)) else "" for case_id, _, _ in found}
    if len(series - {""}) > 1:
        raise CaseError(
            f"Expected one BraTS release under {root}, but got {sorted(series - {''})}. Patients recur from release to "
            "release under other names, and would be in train and test at once. Choose one folder."
        )
    return max(series)


def _release_of(root: Path, series: str, found: Sequence[tuple[str, Path, Files]]) -> str:
    if series == "brats-gli":
        return "2023"
    if series.startswith("brats-"):
        raise CaseError(
            f"Expected BraTS-GLI or older names for release=auto, but got {found[0][0]} in {root}. "
            "Say cases.release=2023 if its labels are 1 NCR, 2 ED, 3 ET."
        )
    return "2021"


def _case(case_id: str, files: Files, modalities: Sequence[str], release: str) -> Case:
    if missing := [role for role in (*modalities, "seg") if role not in files]:
        raise CaseError(f"Expected {', '.join([*modalities, 'seg'])} of {case_id}, but found no {', '.join(missing)}.")
    if twice := [paths for role, paths in files.items() if role in (*modalities, "seg") and len(paths) > 1]:
        raise CaseError(f"Expected one file, but got {' and '.join(map(str, twice[0]))}. Remove one.")
    match = _TIME_POINT.fullmatch(case_id)
    case = Case(
        id=case_id,
        patient=match["patient"] if match else case_id,
        images={modality: files[modality][0] for modality in modalities},
        label=files["seg"][0],
        relabel=RELEASES[release],
    )
    check_grid(case)
    return case


def _all(files: Files) -> list[Path]:
    return [path for paths in files.values() for path in paths]
