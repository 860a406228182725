"""Folder: imports twins that were painted elsewhere, from files in a known naming or a set of this project."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case, CaseError, Cohort, Source, load_manifest, read_brats, read_manifest, read_msd
from synthtrust.cases.grid import check_grid, check_same_grid
from synthtrust.cases.manifest import NAME
from synthtrust.cases.readers.label_values import named_values
from synthtrust.generators.brain.background import cleared
from synthtrust.generators.importer import ImportedTwin, Importer
from synthtrust.generators.readings import KEY, Reading, as_stated, compare, nearest, readings_of
from synthtrust.generators.synthesis.id_lists import read_ids
from synthtrust.refusals import Refusal

NAMINGS = ("auto", "brats", "msd", "med_ddpm")
EXPORTED = re.compile(r"(?P<n>\d+)_(?P<case>.+)_(?P<role>t1|t1ce|t2|flair|seg)(?i:\.nii(\.gz)?)")
"""File names of Med-DDPM: ``exports/{t1,t1ce,t2,flair,seg}/{n}_{id}_{modality}.nii.gz``."""

OURS = "as its manifest says"

ANY = {1: "NCR", 2: "ED", 3: "ET"}
"""Label values for the reader of BraTS where their meaning is found later, by comparison with the real labels."""


@dataclass
class Folder(Importer):
    """Imports the twins under a folder; each is matched to its real case by id, and must lie on that case's label map.

    Nothing is painted: ``seed`` chooses among several paintings of a case, in the order of their numbers.
    """

    not_in_recipe: ClassVar[frozenset[str]] = frozenset({"root", "train_ids", "patients_own"})

    root: str = ""
    """The folder of the twins."""
    naming: Literal["auto", "brats", "msd", "med_ddpm"] = "auto"
    """How files are named: ``brats`` for any BraTS release, with the ids of the real cases; ``msd`` for the Decathlon;
    ``med_ddpm`` for an export of Med-DDPM; ``auto`` to recognise one of these, or a set of this project."""
    release: str = "auto"
    """The BraTS release whose label values the files have. With ``auto`` all known readings of the values are tried,
    and the one that gives the label of the real case is taken."""
    label_values: dict[int, str] | None = None
    """Value in the label files -> name of the label, or null for background; no other reading is tried then."""
    train_ids: str | list[str] | None = None
    """Cases that the images were learned from: ids, or a text or CSV file of them; null if they are unknown. A set of
    this project has them in its manifest."""
    background: Literal["auto", "keep"] = "auto"
    """``auto`` sets background that is nearly zero to zero, and refuses other background; ``keep`` changes no image."""
    darkness: float = 0.25
    """Largest brightness of background [share of the brightness of the brain]."""
    edited_masks: bool = False
    """Whether the label map of a twin may differ from that of its real case; the manifest then names these twins. The
    reading of such a map must be clear: one is by far the nearest to the real label, or ``label_values`` is given."""
    licence: str = ""
    """Licence of the imported images, for the manifest; if empty, that of the real cases."""

    def __post_init__(self) -> None:
        if self.naming not in NAMINGS:
            raise Refusal(f"Expected `naming` among {list(NAMINGS)}, but got {self.naming!r}.")
        if self.background not in ("auto", "keep"):
            raise Refusal(f"Expected `background` among ['auto', 'keep'], but got {self.background!r}.")
        if self.label_values is not None:
            named_values(self.label_values, KEY)

    @property
    def training_ids(self) -> tuple[str, ...] | None:
        """Ids of the cases that the images were learned from; None if they are unknown.

        Raises:
            CaseError: If the ids that are given differ from those in the set's manifest.
        """
        given = read_ids(self.train_ids)
        own_ids = load_manifest(Path(self.root)).get("training_ids") if self._is_ours else None
        if own_ids and given is not None and set(given) != set(own_ids):
            raise CaseError(
                f"Expected the training ids that the manifest of {self.root} names, but generator.train_ids has "
                "others. Leave it null."
            )
        return tuple(sorted(own_ids)) if own_ids else given

    @property
    def _is_ours(self) -> bool:
        return bool(self.root) and self.naming == "auto" and (Path(self.root) / NAME).is_file()

    def find(self, paint: Sequence[Case], cohort: Cohort) -> dict[str, list[Path]]:
        """Look up the twin of every case by the names of the files, and check their headers.

        Raises:
            CaseError: If the folder is missing, a case lacks its twin or a file of it, or the files of a set of this
                project have changed. The message names them.
        """
        modalities = cohort.modalities
        if classified := [case.id for case in paint if not case.has_label_map]:
            raise CaseError(
                f"Expected cases with label maps, to match twins with, but case {classified[0]} has a class. Import "
                "images of classes with generator=class_folder."
            )
        root = Path(self.root)
        if not self.root or not root.is_dir():
            raise CaseError(f"Expected a folder of twins, but {self.root!r} is none. Set generator.root.")
        self.labels_ = dict(cohort.labels)
        self.own_: dict[str, dict[int, int]] = {}
        exported = _find_exports(root) if self.naming in ("auto", "med_ddpm") else {}
        self.med_ddpm_ = bool(exported) or self.naming == "med_ddpm"
        refused = ""
        if self.med_ddpm_:
            twins = {case.id: self._chosen(case.id, exported, modalities) for case in paint if case.id in exported}
        elif self._is_ours:
            ours = read_manifest(root, verify=True, follow_links=True)  # asked for the whole set, see `Importer`
            if missing := sorted(set(modalities) - set(ours.modalities)):
                raise CaseError(f"Expected {', '.join(modalities)} in the set at {root}, but got no {missing[0]}.")
            twins = {case.id: case for case in ours.cases}
            self.own_[OURS] = self._by_name(ours.labels)
        else:
            painted = self._painted(root, modalities)
            twins = {case.id: replace(case, source=Source.SYNTHETIC) for case in painted.cases}
            refused = "".join(f" {refusal.why}" for refusal in painted.refused[:3])
        if missing := [case.id for case in paint if case.id not in twins]:
            raise CaseError(
                f"Expected a twin of every case under {root}, but {len(missing)} of {len(paint)} have none: "
                f"{', '.join(missing[:8])}. Twins carry the ids of their real cases.{refused}"
            )
        self.twins_ = {case.id: twins[case.id] for case in paint}
        return {case_id: list(twin.files.values()) for case_id, twin in self.twins_.items()}

    def load(self, case: Case, modalities: Sequence[str]) -> ImportedTwin:
        """Read the twin of a case, repair labels and background, and compare its label map with that of the case.

        Raises:
            CaseError: If the twin was painted on another label map or grid, or its background is not clear.
        """
        twin = self.twins_[case.id]
        try:
            label, notes = self._label(case, twin)
            images: dict[str, NDArray[np.floating]] = {name: twin.load_image(name) for name in modalities}
            clear = cleared(images, label, self.darkness) if self.background == "auto" else None
        except CaseError as error:
            folder = twin.require_label_map().parent
            raise CaseError(
                f"Expected a twin of case {case.id} that can be imported, but the one at {folder} cannot: {error}"
            ) from error
        notes |= {
            "files": {role: path.relative_to(self.root).as_posix() for role, path in twin.files.items()},
            "background": "as it was" if clear is None else "nearly zero, set to zero",
        }
        return ImportedTwin(label, clear or images, notes)

    def _painted(self, root: Path, modalities: Sequence[str]) -> Cohort:
        if self.naming == "msd" or (self.naming == "auto" and (root / "dataset.json").is_file()):
            cohort = read_msd(root, modalities=modalities)
            reading = "as its dataset.json says"
        else:
            known = self.release != "auto"  # otherwise all readings are compared with the real labels later
            try:
                cohort = read_brats(
                    root, modalities=modalities, release=self.release, label_values=None if known else ANY
                )
            except Refusal as error:
                raise CaseError(
                    f"Expected twins in BraTS naming under {root}, since there is no dataset.json of the Decathlon, no "
                    f"export of Med-DDPM and no manifest, but they cannot be read as that: {error}"
                ) from error
            reading = f"as BraTS {self.release} has it" if known else ""
        if reading and cohort.cases:
            as_read, by_name = cohort.cases[0].relabel or {}, self._by_name(cohort.labels)
            self.own_[reading] = {value: by_name[label] for value, label in as_read.items() if label in by_name}
        return cohort

    def _by_name(self, labels: Mapping[str, int]) -> dict[int, int]:
        """Return label of a set -> label of the cohort with the same name, or else the same number."""
        return {0: 0} | {value: self.labels_.get(name, value) for name, value in labels.items()}

    def _chosen(
        self, case_id: str, exported: Mapping[str, Mapping[int, Mapping[str, Path]]], modalities: Sequence[str]
    ) -> Case:
        """Return the painting of a case that the seed asks for."""
        numbers = sorted(exported[case_id])
        if len(numbers) > 1 and not 0 <= self.seed < len(numbers):
            raise CaseError(
                f"Expected a painting {self.seed} of case {case_id}, since generator.seed={self.seed}, but there are "
                f"only {len(numbers)}: {numbers}."
            )
        files = exported[case_id][numbers[self.seed if len(numbers) > 1 else 0]]
        if missing := [role for role in (*modalities, "seg") if role not in files]:
            raise CaseError(f"Expected {', '.join([*modalities, 'seg'])} of {case_id}, but found no {missing[0]}.")
        twin = Case(case_id, {name: files[name] for name in modalities}, files["seg"], Source.SYNTHETIC)
        check_grid(twin)
        return twin

    def _label(self, case: Case, twin: Case) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Return the twin's label map in canonical labels, and how it was read."""
        real, raw = case.load_label(), replace(twin, relabel=None).load_label()
        if raw.shape != real.shape:
            raise CaseError(f"Expected the grid {real.shape} of the real case, but got {raw.shape}. Resample the twin.")
        compared = compare(raw, real, self._readings(case))
        if self.label_values is not None:
            compared = [as_stated(self.label_values, self.labels_, raw, real, compared)]
        exact = bool(compared) and compared[0].n_differ == 0
        # Med-DDPM writes the affine of its mask, which may have been cropped; an equal label map proves more
        if not (self.med_ddpm_ and exact and real.any()):
            check_same_grid(twin.require_label_map(), case.require_label_map())
        if not (exact or self.med_ddpm_):  # only exports may read a label as background
            compared = [reading for reading in compared if not reading.drops]
        if not compared:
            raise CaseError(
                f"Expected label values of a known reading, but got {np.unique(raw).tolist()[:8]} in {twin.label_map}. "
                f"Give their meaning in {KEY}."
            )
        reading = nearest(compared, self.labels_, edited=self.edited_masks, stated=self.label_values is not None)
        return reading.read(raw), {"labels": reading.name, "mask_edit": not exact}

    def _readings(self, case: Case) -> list[Reading]:
        if OURS in self.own_:  # its labels are canonical
            return [Reading(OURS, self.own_[OURS])]
        return readings_of(self.labels_, {**self.own_, "as in the file of the real case": case.relabel})


def _find_exports(root: Path) -> dict[str, dict[int, dict[str, Path]]]:
    """Return case id -> number -> role -> file of a Med-DDPM export; empty if the folder holds none."""
    base = root / "exports" if (root / "exports").is_dir() else root
    files_by_case: dict[str, dict[int, dict[str, Path]]] = defaultdict(lambda: defaultdict(dict))
    for path in sorted(base.glob("*/*")):
        match = EXPORTED.fullmatch(path.name)
        if match and match["role"] == path.parent.name:
            files = files_by_case[match["case"]][int(match["n"])]
            if (other := files.setdefault(match["role"], path)) != path:
                raise CaseError(f"Expected one file of {match['role']}, but got {other} and {path}. Remove one.")
    return files_by_case
