"""The files of each case, told by patterns that a user gives: for layouts that nobody else has."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from synthtrust.cases.readers.brats_files import CaseFiles
from synthtrust.cases.readers.brats_names import SEG, patient_of
from synthtrust.refusals import CaseError, Refusal

EXAMPLE = '{t1: "{case}/{case}_t1.nii.gz", seg: "labels/{case}.nii.gz"}'
_TOKEN = re.compile(r"\{case\}|\{patient\}|\*\*/|\*|\?|[^*?{}]+|.")
_GLOBS = {"**/": "(?:[^/]+/)*", "*": "[^/]*", "?": "[^/]"}


def files_by_pattern(
    root: Path, volumes: Iterable[Path], patterns: Mapping[str, str], *, labelled: bool = True
) -> list[CaseFiles]:
    """Group volumes by what ``{case}`` stands for in the patterns that they match.

    Args:
        root: The folder that patterns start from.
        volumes: Files below it.
        patterns: Role (any modality name, or ``seg``) -> pattern of the path below ``root``; without a ``/`` it is one
            of the file's name, in whatever folder. ``{case}`` stands for the id, the same wherever it stands, and
            ``{patient}`` for whom the case belongs to; ``*`` and ``?`` stand for any characters but ``/``, ``**/`` for
            any folders. Without ``{case}`` the one ``*`` of the file's name is the id, or the one ``*`` of the path.
            Capitals do not count. Where a file matches two patterns, the one with more letters of its own takes it.
        labelled: Whether there must be a pattern of the label map.

    Returns:
        The cases in order of id.

    Raises:
        CaseError: If a pattern matches no file, two of them match one file equally well, or one case has two patients.
        Refusal: If a pattern does not say where the id stands, or none is for the label map.
    """
    compiled = _compile(patterns, labelled=labelled)
    files: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    patients: dict[str, set[str]] = defaultdict(set)
    for path in volumes:
        matches = {
            role: match
            for role, (pattern, _) in compiled.items()
            if (match := pattern.fullmatch(path.relative_to(root).as_posix()))
        }
        if matches:
            role = _one_role(path, {role: compiled[role][1] for role in matches})
            case_id = matches[role]["case"]
            files[case_id][role].append(path)
            patients[case_id] |= {matches[role]["patient"]} if "patient" in compiled[role][0].groupindex else set()
    if missing := [role for role in patterns if not any(role in roles for roles in files.values())]:
        raise CaseError(
            f"Expected files of {missing[0]} under {root}, named {patterns[missing[0]]!r}, but found none. See "
            "cases.patterns."
        )
    return [
        CaseFiles(case_id, _one_patient(case_id, patients[case_id]), min(p.parent for ps in roles.values() for p in ps),
                  roles)
        for case_id, roles in sorted(files.items())
    ]  # fmt: skip


def _compile(patterns: Mapping[str, str], *, labelled: bool) -> dict[str, tuple[re.Pattern[str], int]]:
    """Return role -> pattern, and how many letters of its own it has."""
    if not (isinstance(patterns, Mapping) and all(isinstance(text, str) and text for text in patterns.values())):
        raise Refusal(f"Expected cases.patterns as {EXAMPLE}, but got {patterns!r}.")
    if labelled and (SEG not in patterns or len(patterns) < 2):
        raise Refusal(
            f"Expected a pattern of {SEG} and of each modality in cases.patterns, such as {EXAMPLE}, but got "
            f"{list(patterns)}."
        )
    return {role: _compiled(role, text) for role, text in patterns.items()}


def _compiled(role: str, text: str) -> tuple[re.Pattern[str], int]:
    tokens = _TOKEN.findall(text if "/" in text else f"**/{text}")
    if strange := [token for token in tokens if token in ("{", "}")]:
        raise Refusal(f"Expected {{case}} and {{patient}} alone in braces, but got {strange[0]} in {text!r} of {role}.")
    if "{case}" not in tokens:
        tokens[_star_of_id(tokens, role, text)] = "{case}"
    parts, seen = [], set()
    for token in tokens:
        if token in ("{case}", "{patient}"):
            name = token[1:-1]
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>[^/]+?)")
            seen.add(name)
        else:
            parts.append(_GLOBS.get(token) or re.escape(token))
    own = sum(len(token) for token in tokens if token not in (*_GLOBS, "{case}", "{patient}"))
    return re.compile("".join(parts), re.IGNORECASE), own


def _star_of_id(tokens: list[str], role: str, text: str) -> int:
    stars = [index for index, token in enumerate(tokens) if token == "*"]
    in_name = [star for star in stars if not any("/" in token for token in tokens[star:])]
    chosen = in_name or stars
    if len(chosen) != 1:
        raise Refusal(
            f"Expected {{case}}, or one *, where the id of a case stands, but got {text!r} for {role}. See "
            f"cases.patterns={EXAMPLE}."
        )
    return chosen[0]


def _one_role(path: Path, letters: Mapping[str, int]) -> str:
    best = [role for role in letters if letters[role] == max(letters.values())]
    if len(best) > 1:
        raise CaseError(
            f"Expected one pattern that matches {path}, but got those of {' and '.join(best)}. Write more of the name "
            "into one of cases.patterns."
        )
    return best[0]


def _one_patient(case_id: str, patients: set[str]) -> str:
    if len(patients) > 1:
        raise CaseError(
            f"Expected one patient of case {case_id}, but the patterns give {sorted(patients)}. Let {{case}} in "
            "cases.patterns stand for more of the path."
        )
    return next(iter(patients), patient_of(case_id))
