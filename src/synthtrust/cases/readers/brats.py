"""BraTS cases, in the naming and the labels of any release from 2018 on, and cases in any naming by patterns."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthtrust.cases.case import Case
from synthtrust.cases.cohort import Cohort, RefusedCase
from synthtrust.cases.grid import check_grid
from synthtrust.cases.readers.brats_files import CaseFiles, files_by_name
from synthtrust.cases.readers.brats_labels import OLD, RELEASES, SERIES, advice, meaning_of
from synthtrust.cases.readers.brats_names import SEG, SUFFIXES, release_named, series_called, shares_patients
from synthtrust.cases.readers.label_values import named_values, numbered
from synthtrust.cases.readers.patterns import files_by_pattern
from synthtrust.cases.readers.tree import OTHER, find_volumes
from synthtrust.refusals import CaseError, Refusal

LICENCE = "BraTS terms of the release (research; cite Menze 2015, Bakas 2017, Baid 2021)"


def read_brats(
    root: str | Path,
    *,
    modalities: Sequence[str] | None = None,
    release: str | int = "auto",
    series: str = "auto",
    label_values: Mapping[Any, Any] | None = None,
    patterns: Mapping[str, str] | None = None,
    licence: str | None = None,
) -> Cohort:
    """Find the cases under a folder by the names of their files, and check their headers; no voxel is read.

    Folders may be one per case, one per modality or one per file, nested as they like (``HGG/``, ``LGG/``), ``.nii`` or
    ``.nii.gz`` in any case; linked folders are entered. UCSF-PDGM, UPENN-GBM, TCGA and FeTS are named alike and read
    too. A patient is a case, or, where the end of a name is a time point (``BraTS-GLI-00000-000``), all cases that
    share the rest. Labels become NCR 1, ED 2, ET 3; then come RC 4 (a resection cavity, which is no region of the trust
    factors unless it is named), CYST (paediatric, from 2024 on) and GTV (BraTS-MEN-RT) where a release has them.

    Args:
        root: The folder; it may hold one release only, since patients recur from release to release under new names.
        modalities: Which of flair, t1ce, t1, t2 to read, in the order of the network's channels. When not given: all
            four, or t1ce alone of BraTS-MEN-RT; of ``patterns`` all that have one.
        release: The year whose labels the files have. ``auto`` goes by the names where all releases of their series
            agree, or later ones merely add labels (such a value is refused when it is read); others are refused.
        series: GLI, GoAT, MEN, MEN-RT, MET, PED or SSA; ``auto`` goes by the names.
        label_values: Value in the label files -> name of the label, null for none: instead of any table.
        patterns: Modality, and ``seg`` for the label map -> how its files are named; see ``files_by_pattern``.
        licence: What the manifest of a synthetic set made from these cases will say about its source. When not given:
            the terms of BraTS for files that are named so, and ``unknown`` for others.

    Returns:
        The cases; one without a needed file, or whose files do not lie on one grid, is in ``refused``.

    Raises:
        CaseError: If the folder does not exist, holds no such case or several releases, an id is found twice, or the
            names leave open what the labels mean.
        Refusal: If a modality, the release or the series is unknown or does not go with the names, or an option has
            another form.
    """
    root = Path(root)
    known = list(SUFFIXES) if patterns is None else [role for role in patterns if role != SEG]
    _check_choices(str(release), series, modalities, known)
    names: Mapping[int, str] | None = None if label_values is None else named_values(label_values)
    if not root.is_dir():
        problem = "is a file" if root.is_file() else "does not exist"
        raise CaseError(f"Expected a folder of cases, but {root} {problem}. Set cases.root.")
    tree = find_volumes(root)
    groups, left = files_by_name(root, tree.volumes) if patterns is None else (
        files_by_pattern(root, tree.volumes, patterns), {})  # fmt: skip
    names_say = _release_named(root, groups)
    kind = _series(root, names_say, series)
    if modalities is None:
        modalities = ["t1ce"] if kind == "MEN-RT" and patterns is None else known
    if names is None:
        names, hint = _by_table(kind, str(release), f"{root} (first case: {groups[0].id})", modalities)
    else:
        hint = "Name the value in cases.label_values, or repair the file."
    labels, relabel = numbered(names)

    cases, refused, used = [], [], set()
    roles = (*modalities, SEG)
    for group in groups:
        used |= {path for role in roles for path in group.files.get(role, [])}
        try:
            cases.append(_case(group, roles, relabel, hint))
        except CaseError as error:
            refused.append(RefusedCase(group.folder, str(error)))
    return Cohort(
        root.absolute().name,
        tuple(cases),
        tuple(modalities),
        labels,
        licence or (LICENCE if names_say else "unknown"),
        tuple(refused),
        tree.but(used, lambda path: left.get(path, OTHER)),
    )


def _check_choices(release: str, series: str, modalities: Sequence[str] | None, known: Sequence[str]) -> None:
    if release not in ("auto", *RELEASES):
        raise Refusal(f"Expected `release` among {['auto', *RELEASES]}, but got {release!r}.")
    if series != "auto" and not series_called(series):
        raise Refusal(f"Expected `series` among {['auto', *SERIES]}, but got {series!r}.")
    if modalities is not None and (
        not modalities or set(modalities) - set(known) or len(set(modalities)) < len(modalities)
    ):
        raise Refusal(f"Expected modalities among {list(known)}, each once, but got {list(modalities)}.")


def _release_named(root: Path, groups: Sequence[CaseFiles]) -> str:
    """Return the one release or series that names say; nothing if they say none."""
    releases = sorted({release_named(group.id) for group in groups} - {""})
    sharing = sorted(group.id for group in groups if shares_patients(group.id))
    if len(releases) > 1 or (releases and sharing):
        raise CaseError(
            f"Expected one BraTS release under {root}, but got {[*releases, *sharing[:1]]}. Patients recur from "
            "release to release under other names, and would be in train and test at once. Choose one folder."
        )
    return releases[0] if releases else ""


def _series(root: Path, names_say: str, asked: str) -> str | None:
    """Return a key of the table of meanings; None for names of a series that it does not know."""
    by_name = series_called(names_say) if names_say else OLD
    stated = None if asked == "auto" else series_called(asked)
    if names_say and stated and by_name not in (None, stated):
        raise Refusal(
            f"Expected the series that the names in {root} say, {names_say}, but got cases.series={asked}. Leave it "
            "out, or name the values in cases.label_values."
        )
    return stated or by_name


def _by_table(kind: str | None, release: str, where: str, modalities: Sequence[str]) -> tuple[Mapping[int, str], str]:
    """Return what values mean, and what to do about others."""
    if not set(modalities) <= SUFFIXES.keys():
        raise Refusal(
            f"Expected cases.label_values, such as {{1: tumour}}, since only names of BraTS say what values mean, but "
            f"got none for modalities {list(modalities)} of {where}."
        )
    if kind is None:
        raise CaseError(
            f"Expected a series of BraTS among {list(SERIES)}, but got another one in {where}. Say which it is like "
            "with cases.series, or name the values in cases.label_values."
        )
    return meaning_of(kind, release, where), advice(kind)


def _case(group: CaseFiles, roles: Sequence[str], relabel: Mapping[int, int], hint: str) -> Case:
    if missing := [role for role in roles if role not in group.files]:
        raise CaseError(f"Expected {', '.join(roles)} of {group.id}, but found no {', '.join(missing)}.")
    if twice := [group.files[role] for role in roles if len(group.files[role]) > 1]:
        raise CaseError(f"Expected one file, but got {' and '.join(map(str, twice[0]))}. Remove one.")
    case = Case(
        id=group.id,
        patient=group.patient,
        images={modality: group.files[modality][0] for modality in roles[:-1]},
        label_map=group.files[SEG][0],
        relabel=relabel,
        label_hint=hint,
    )
    check_grid(case)
    return case
