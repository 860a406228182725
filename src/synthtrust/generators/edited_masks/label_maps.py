"""Label maps made from those of training cases, in files of their own: drawn, looked at, and written once."""

import hashlib
import logging
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from synthtrust.cases import Case, CaseError, Source
from synthtrust.cases.formats.volumes import write_volume_like
from synthtrust.files import fingerprint, folder_aside, hashes, read_json, write_json
from synthtrust.generators.edited_masks.cores import exchange_core, has_core
from synthtrust.generators.edited_masks.edits import EditSizes, Label, draw_edit
from synthtrust.machine import readers

log = logging.getLogger(__name__)

VERSION = 1
"""Version of the edits: raise it with every change of what is drawn, so that no old label maps are found."""
FOLDER = ".label_maps"
"""Folder beside the synthetic sets in which edited label maps are kept, before they are painted on."""
RECORD = "children.json"
TRIES = 50
"""Edits that are drawn of a label map, at most, until one stays in the grid and keeps all regions."""
OUTSIDE = 0.02
"""Share of the labelled voxels that may lie where the parent's image is 0, beyond the share that the parent has."""
STREAM = 1
"""Number of the random stream that edits are drawn from; what is painted has the seed's own."""


@dataclass(frozen=True)
class MaskEdits:
    """How label maps are made from those of training cases."""

    seed: int
    children: int
    """Label maps that are made of each case."""
    sizes: EditSizes
    core: tuple[int, ...]
    """Values of the regions that are exchanged as one; none to exchange nothing."""


def edited_cases(edits: MaskEdits, train: Sequence[Case], root: Path) -> tuple[tuple[Case, ...], int]:
    """Return cases without images on edited label maps, and how many drawn edits were refused.

    The label maps are found if they were made before. Of several processes one makes them, and the others wait.

    Args:
        edits: What is drawn.
        train: The only cases that label maps are made from; those without a labelled voxel are left out.
        root: Folder of all synthetic sets.

    Raises:
        CaseError: If no edit of a case stays in the grid and keeps all regions.
    """
    folder = (
        root
        / FOLDER
        / fingerprint(
            {
                "version": VERSION,
                **asdict(edits),
                "train": {case.id: hashes.of(case.require_label_map()) for case in train},
            }
        )
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if not folder.exists():
            with folder_aside(folder) as unfinished:
                _make(edits, train, unfinished)
    record = read_json(folder / RECORD)
    parents = {case.id: case for case in train}
    children = tuple(_child(row, parents[row["parent"]], folder) for row in record["children"])
    return children, int(record["refused"])


def _child(row: dict[str, Any], parent: Case, folder: Path) -> Case:
    return Case(
        row["id"],
        {},
        folder / f"{row['id']}.nii.gz",
        Source.SYNTHETIC,
        parent.patient,
        parent=parent.id,
        donor=row["donor"],
        attributes=parent.attributes,
    )


def _make(edits: MaskEdits, train: Sequence[Case], folder: Path) -> None:
    """Write the label maps of all children and, last, whose children they are."""
    parents = sorted(train, key=lambda case: case.id)
    with ThreadPoolExecutor(readers()) as pool:
        made = list(pool.map(partial(_children_of, edits=edits, train=parents, folder=folder), parents))
    rows = [row for of_parent, _ in made for row in of_parent]
    refused = sum(n_refused for _, n_refused in made)
    if not rows:
        raise CaseError(
            f"Expected training cases with a labelled voxel to edit, but none of {len(train)} has one. Look at their "
            "label maps with cases.list=true."
        )
    log.info("%d label maps were made from those of training cases; %d edits were refused.", len(rows), refused)
    write_json(folder / RECORD, {"children": rows, "refused": refused})


def _children_of(
    parent: Case, edits: MaskEdits, train: Sequence[Case], folder: Path
) -> tuple[list[dict[str, str]], int]:
    """Write the children of a case, and return what they are and how many edits were refused."""
    label = parent.load_label()
    if not label.any():
        return [], 0
    foreground = parent.load_image(next(iter(parent.images))) != 0
    rows, refused = [], 0
    for number in range(1, edits.children + 1):
        child = f"{parent.id}_edit{number}"
        rng = np.random.default_rng([edits.seed, STREAM, int.from_bytes(hashlib.sha256(child.encode()).digest()[:8])])
        for attempt in range(2 * TRIES):
            core = edits.core if attempt < TRIES else ()  # where no donor's core fits, the case keeps its own
            donor, changed = _with_another_core(label, parent, core, train, rng)
            edited = None if changed is None else draw_edit(changed, edits.sizes, rng)
            if changed is not None and edited is not None and is_usable(edited, changed, label, foreground):
                break
            refused += 1
        else:
            raise CaseError(
                f"Expected an edit of the label map of case {parent.id} that stays inside its image and keeps all "
                f"regions, but {2 * TRIES} drawn ones do not, of {parent.label_map}. Make generator.max_scale, "
                "generator.warp and generator.max_growth smaller, or leave the case out with cases.exclude."
            )
        write_volume_like(edited, parent.require_label_map(), folder / f"{child}.nii.gz")
        rows.append({"id": child, "parent": parent.id, "donor": donor})
    return rows, refused


def _with_another_core(
    label: Label, parent: Case, core: Collection[int], train: Sequence[Case], rng: np.random.Generator
) -> tuple[str, Label | None]:
    """Return the id of another patient's case, and the label map with the core of that one, None if that does not fit.

    Where there is no core to be exchanged, or nobody to take one from, the id is empty and the label map as it is.
    """
    others = [case for case in train if case.patient != parent.patient]
    if not core or not others or not has_core(label, core):
        return "", label
    donor = others[int(rng.integers(len(others)))]
    of_donor = donor.load_label()
    return donor.id, exchange_core(label, of_donor, core) if has_core(of_donor, core) else None


def is_usable(edited: Label, changed: Label, label: Label, foreground: NDArray[np.bool_]) -> bool:
    """Return whether an edit has all regions that it was made from, and lies where the parent's image is not 0.

    Args:
        edited: The edit ``(H, W, D)``.
        changed: What was edited.
        label: The label map of the parent.
        foreground: Where the image of the parent is not 0.
    """
    kept = np.isin(np.unique(changed), np.unique(edited)).all()
    return bool(kept and _outside(edited, foreground) <= _outside(label, foreground) + OUTSIDE)


def _outside(label: Label, foreground: NDArray[np.bool_]) -> float:
    return float((~foreground)[label > 0].mean())
