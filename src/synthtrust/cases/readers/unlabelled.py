"""Synthetic images without labels: volumes or plane images in a folder, a case for each, or one for each name."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from synthtrust.cases.case import Case, Source
from synthtrust.cases.cohort import Cohort, RefusedCase
from synthtrust.cases.formats.rasters import is_raster
from synthtrust.cases.grid import check_alike
from synthtrust.cases.readers.brats_files import files_by_name
from synthtrust.cases.readers.labelled import COLOURS, checked_images
from synthtrust.cases.readers.masks import looks_like_a_mask
from synthtrust.cases.readers.patterns import files_by_pattern
from synthtrust.cases.readers.tree import VOLUME
from synthtrust.cases.readers.walk import passed_over, walk
from synthtrust.refusals import CaseError

NO_IMAGE = "they are called as label maps or other modalities are, or are of another kind"


def read_unlabelled(
    root: str | Path, modalities: Sequence[str], patterns: Mapping[str, str] | None = None, *, volumes: bool
) -> Cohort:
    """Find the images under a folder, and check that each is whole; label maps among them are left alone.

    Of one modality, or of colours, each image is a case; its id is its path below the folder in one word. Volumes of
    several modalities are told by their names, as BraTS has them, or by patterns.

    Args:
        root: The folder; images may lie deeper in it.
        modalities: Those of the real cases; red, green and blue are read from one file.
        patterns: Modality -> how its files are named, see ``files_by_pattern``; then other files are left alone.
        volumes: Whether real images are volumes, and not plane images.

    Returns:
        Synthetic cases without labels; one whose file is missing, damaged, or on another grid than its other
        modalities is in ``refused``.

    Raises:
        CaseError: If there is no such folder, no such image in it, two have one id, or names tell no modality.
        Refusal: If ``patterns`` has another form.
    """
    root = Path(root)
    if not root.is_dir():
        raise CaseError(f"Expected a folder of synthetic images at {root}, but there is none. Set generator.root.")
    paths = [path for path, why in walk(root) if not why and (VOLUME.search(path.name) or is_raster(path))]
    images = [path for path in paths if is_raster(path) != volumes]
    kind = "volumes" if volumes else "plane images"
    if not images:
        others = f", but {len(paths)} of the other kind" if paths else ""
        raise CaseError(f"Expected {kind} under {root}, as the real ones are, but found none{others}.")
    files = _files(root, images, modalities, patterns)
    _, damaged = checked_images(root.name, [path for roles in files.values() for path in roles.values()])
    why_damaged = {refusal.where: refusal.why for refusal in damaged}
    cases, refused = [], []
    for name, roles in files.items():
        try:
            if lacking := [modality for modality in modalities if modality not in roles]:
                raise CaseError(f"Expected {', '.join(modalities)} of {name}, but found no {', '.join(lacking)}.")
            if bad := [why_damaged[path] for path in roles.values() if path in why_damaged]:
                raise CaseError(bad[0])
            if volumes:
                check_alike([roles[modality] for modality in modalities])
            cases.append(_case(name, roles, modalities))
        except CaseError as error:
            refused.append(RefusedCase(next(iter(roles.values())), str(error), name))
    used = {path for roles in files.values() for path in roles.values()}
    left = passed_over((path, NO_IMAGE) for path in paths if path not in used)
    return Cohort(root.absolute().name, tuple(cases), tuple(modalities), {}, "unknown", tuple(refused), left)


def _files(
    root: Path, images: Sequence[Path], modalities: Sequence[str], patterns: Mapping[str, str] | None
) -> dict[str, dict[str, Path]]:
    """Return id -> modality -> file."""
    if patterns is not None:
        groups = files_by_pattern(root, images, patterns, labelled=False)
    elif len(modalities) == 1 or tuple(modalities) == COLOURS:
        alone = [path for path in images if not looks_like_a_mask(path.relative_to(root))] or images
        ids = {path: _id(path, root) for path in alone}
        if twice := [name for name, n in Counter(ids.values()).items() if n > 1]:
            named = [str(path) for path in alone if ids[path] == twice[0]]
            raise CaseError(f"Expected an id for each image, but {' and '.join(named)} have one. Rename one of them.")
        return {name: dict.fromkeys(modalities, path) for path, name in ids.items()}
    else:
        groups, _ = files_by_name(root, images)
    files: dict[str, dict[str, Path]] = {}
    for group in groups:
        wanted = {modality: group.files[modality] for modality in modalities if modality in group.files}
        if several := [paths for paths in wanted.values() if len(paths) > 1]:
            raise CaseError(f"Expected one file, but got {' and '.join(map(str, several[0]))}. Remove one.")
        if group.id in files:
            raise CaseError(f"Expected one case {group.id} under {root}, but got several. Rename them.")
        if wanted:
            files[group.id] = {modality: paths[0] for modality, paths in wanted.items()}
    return files


def _id(path: Path, root: Path) -> str:
    """Return the path of an image below a folder in one word.

    >>> _id(Path("set/a/scan_1.nii.gz"), Path("set"))
    'a_scan_1'
    """
    *folders, name = path.relative_to(root).parts
    return "_".join([*folders, VOLUME.sub("", name) if VOLUME.search(name) else Path(name).stem])


def _case(name: str, files: Mapping[str, Path], modalities: Sequence[str]) -> Case:
    colours = tuple(modalities) == COLOURS
    channels = {colour: channel for channel, colour in enumerate(modalities)} if colours else {}
    images = {modality: files[modality] for modality in modalities}
    return Case(name, images, source=Source.SYNTHETIC, channels=channels)
