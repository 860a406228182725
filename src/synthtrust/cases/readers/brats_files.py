"""The files of each BraTS case, told by their names."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from synthtrust.cases.readers.brats_names import NAMINGS, SEG, name_of, patient_of
from synthtrust.refusals import CaseError

log = logging.getLogger(__name__)

Files = dict[str, list[Path]]  # role -> the files that play it: one, if all is well

AUTOMATIC = "label maps that a program made, beside others of the same cases"


@dataclass(frozen=True)
class CaseFiles:
    """What lies there of one case."""

    id: str
    patient: str
    folder: Path
    files: Mapping[str, list[Path]]
    """Modality or ``seg`` -> the files that show it: one, if all is well."""


def files_by_name(root: Path, volumes: Iterable[Path]) -> tuple[list[CaseFiles], dict[Path, str]]:
    """Group volumes by the case that their names say.

    Returns:
        The cases in order of id; and label maps that are left aside, each with the reason.

    Raises:
        CaseError: If no name is one of BraTS.
    """
    by_case: dict[str, Files] = defaultdict(lambda: defaultdict(list))
    automatic: dict[str, list[Path]] = defaultdict(list)
    for path in volumes:
        if (name := name_of(path)) is not None:
            (automatic[name.case] if name.automatic else by_case[name.case][name.role]).append(path)
    left = _fill_in(by_case, automatic)
    if not by_case:
        raise CaseError(
            f"Expected BraTS cases under {root}, named {NAMINGS}, but found no such file. Say how files are named in "
            "cases.patterns."
        )
    _assign_unnamed_label_maps(by_case)
    cases = [
        CaseFiles(case_id, patient_of(case_id), folder, files)
        for case_id, roles in sorted(by_case.items())
        for folder, files in _by_folder(roles).items()
    ]
    return cases, left


def all_of(files: Mapping[str, list[Path]]) -> list[Path]:
    """Return the files of every role."""
    return [path for paths in files.values() for path in paths]


def _fill_in(by_case: dict[str, Files], automatic: Mapping[str, list[Path]]) -> dict[Path, str]:
    """Give cases without a label map the one that a program made, and return those that no case needs."""
    left: dict[Path, str] = {}
    lone = []
    for case_id, paths in automatic.items():
        if SEG in by_case[case_id]:
            left |= dict.fromkeys(paths, AUTOMATIC)
        else:
            by_case[case_id][SEG] = paths
            lone.append(case_id)
    if lone:
        log.warning("The label maps of %d cases, %s for one, were made by a program: no other is there.",
                    len(lone), lone[0])  # fmt: skip
    return left


def _assign_unnamed_label_maps(by_case: dict[str, Files]) -> None:
    """Give a label map of another name to the case that has none, if they are alone in one folder."""
    owners: dict[Path, set[str]] = defaultdict(set)
    for case_id, files in by_case.items():
        for path in all_of(files):
            owners[path.parent].add(case_id)
    for stray in [case_id for case_id, files in by_case.items() if files.keys() == {SEG}]:
        others = owners[by_case[stray][SEG][0].parent] - {stray}
        if len(others) == 1 and SEG not in by_case[other := others.pop()]:
            by_case[other][SEG] = by_case.pop(stray)[SEG]


def _by_folder(files: Files) -> dict[Path, Files]:
    """Part the files of one id if it was found whole in several folders; otherwise they are one case."""
    folders = {path.parent for path in all_of(files)}
    if all(len(paths) == len(folders) > 1 for paths in files.values()):
        return {
            folder: {role: [path for path in paths if path.parent == folder] for role, paths in files.items()}
            for folder in sorted(folders)
        }
    return {min(folders): files}
