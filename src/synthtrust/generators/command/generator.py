"""Command: paints by running a program of the user's, once per case or once per batch, and reads what it wrote."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case, CaseError
from synthtrust.cases.formats.rasters import is_raster
from synthtrust.cases.formats.volumes import stored_affine, write_volume
from synthtrust.cases.geometry import as_stored
from synthtrust.files import read_json, write_json
from synthtrust.generators.base import Generator
from synthtrust.generators.case_facts import CaseFacts
from synthtrust.generators.command.command_line import BATCH, filled, placeholders_of, words_of
from synthtrust.generators.command.outputs import read_outputs
from synthtrust.generators.command.program import run_program
from synthtrust.generators.synthesis.id_lists import read_ids
from synthtrust.refusals import Refusal

LABEL = "label.nii.gz"
READ = "read"
"""Folder beside the label map with the images that the program reads."""
LOGS, UNFINISHED, PAINTED = "logs", "unfinished", "painted"
"""Folders beside the twins: a log for each run, what the program reads and writes, and what was painted before."""


@dataclass
class Command(Generator):
    """Paints by running a program for each case, or for each batch of cases, and reads the images that it wrote.

    The program is trained already, and is given the label alone: a label map as NIfTI in canonical values, on the grid
    and in the orientation of the real case's file. Of ``{label}``, ``{class}``, ``{out}``, ``{seed}``, ``{spacing}``,
    ``{case}``, ``{attributes}`` and ``{read}`` the command names what the program needs; ``{batch}`` is a JSON file
    with a list of them. Each run has a new empty folder ``{out}``. It is an error, which names the case, if the program
    cannot be started, takes too long, or ends with another exit code than 0; or if an image is missing, cut short, on
    another grid, not finite, constant, or the very image that was painted on another label map.

    Making an object of this class runs nothing, and neither does ``fit``. The stored config of a run may name it, since
    the generator of a stored config is never called: only a command in the user's own config is ever run.
    """

    not_in_recipe: ClassVar[frozenset[str]] = frozenset({"timeout", "train_ids"})
    files_in_recipe: ClassVar[frozenset[str]] = frozenset({"depends_on"})

    command: str | list[str] = ""
    """The program and its arguments: a line, which is split as a shell does, or a list of words."""
    shell: bool = False
    """Whether ``/bin/sh`` reads the line, for pipes and variables; values of placeholders are quoted for it."""
    images: str | None = None
    """Path of an image below ``{out}``, with ``{modality}`` and ``{case}``; None for ``{modality}.nii.gz`` of volumes,
    and ``image.png``, in grey or colour, of plane images."""
    reads_modalities: Sequence[str] = ()
    """Modalities that the program reads of each case, to paint the others: ``{read}`` is a folder with a file
    ``{modality}.nii.gz`` of each."""
    batch_size: int = 1
    """Number of cases in the file ``{batch}``."""
    timeout: float | None = 3600.0
    """Longest time of a run [s]; None for any."""
    cwd: str | None = None
    """Folder that the program starts in; None for that of this command."""
    depends_on: list[str] | None = None
    """Files, such as the program's script and weights, whose content is part of the recipe."""
    train_ids: str | list[str] | None = None
    """Cases that the program was trained on: ids, or a text or CSV file of them; None if they are unknown."""
    licence: str = ""
    """Licence of what is painted, for the manifest; if empty, that of the real cases."""

    def __post_init__(self) -> None:
        named = placeholders_of(words_of(self.command, shell=self.shell))
        if self.batch_size > 1 and BATCH not in named:
            raise Refusal(
                f"Expected {{batch}} in generator.command with generator.batch_size={self.batch_size}, but it runs "
                "once per case. Leave batch_size at 1."
            )
        if self.timeout is not None and not self.timeout > 0:
            raise Refusal(f"Expected generator.timeout as seconds above 0, or null, but got {self.timeout!r}.")
        if isinstance(self.depends_on, str):
            raise Refusal(f"Expected generator.depends_on as a list, such as [paint.py], but got {self.depends_on!r}.")
        if bool(self.reads_modalities) != ("read" in named) and BATCH not in named:
            raise Refusal(
                "Expected {read} in generator.command with generator.reads_modalities, and neither without the other, "
                f"but got reads_modalities={list(self.reads_modalities)} and {self.command!r}."
            )
        self.folder_: Path | None = None

    @property
    def training_ids(self) -> tuple[str, ...] | None:
        """Ids of the cases that the program was trained on; None if they are unknown."""
        return read_ids(self.train_ids)

    def work_in(self, folder: Path) -> Self:
        """Keep logs and the program's files in a folder."""
        self.folder_ = Path(folder).absolute()
        return self

    def fit(self, cases: Sequence[Case]) -> Self:
        """Note of which kind the images are; nothing is learned here.

        Raises:
            Refusal: If there are no cases, a file of ``depends_on`` is missing, or the names of images do not tell the
                modalities apart.
        """
        if not cases:
            raise Refusal("Expected training cases, but got none.")
        if missing := [file for file in self.depends_on or () if not Path(file).expanduser().is_file()]:
            raise Refusal(f"Expected a file in generator.depends_on, but {missing[0]!r} is none.")
        first = cases[0]
        path = next(iter(first.images.values()))
        plane = first.label_map is None and is_raster(path)
        if self.reads_modalities and first.label_map is None:
            raise Refusal(
                "Expected cases with label maps, on whose grid the images for the program are written, with "
                "generator.reads_modalities, but these have classes. Leave it out."
            )
        self.modalities_ = tuple(name for name in first.images if name not in self.reads_modalities)
        self.channels_ = dict(first.channels) if plane else {}
        self.affine_ = None if first.label_map is None else stored_affine(first.label_map)
        self.pattern_ = self.images or ("image.png" if plane else "{modality}.nii.gz")
        if "{modality}" not in self.pattern_ and len(self.modalities_) > 1 and not self.channels_:
            raise Refusal(
                f"Expected {{modality}} in generator.images, since there are several ({', '.join(self.modalities_)}), "
                f"but got {self.pattern_!r}."
            )
        return self

    def sample(self, label: Any, rng: np.random.Generator) -> dict[str, NDArray[np.floating]]:
        """Paint a case of which the label alone is known: on the grid of the first training case, called ``case``."""
        return self.sample_cases([CaseFacts("case", label, self.modalities_, (str(label),), self.affine_)], [rng])[0]

    def sample_cases(
        self, cases: Sequence[CaseFacts], rngs: Sequence[np.random.Generator]
    ) -> list[dict[str, NDArray[np.floating]]]:
        """Run the program for some cases, and read what it wrote.

        Raises:
            CaseError: If the program fails, or an image cannot be used; its files are then left for a look at them.
        """
        root = self.folder_ or Path(tempfile.mkdtemp(prefix="synthtrust-"))
        work, log = root / UNFINISHED / cases[0].id, root / LOGS / f"{cases[0].id}.txt"
        shutil.rmtree(work, ignore_errors=True)  # of a run that failed or was killed
        log.parent.mkdir(parents=True, exist_ok=True)
        values = [
            self._prepare(case, rng, work / str(n)) for n, (case, rng) in enumerate(zip(cases, rngs, strict=True))
        ]
        words = words_of(self.command, shell=self.shell)
        try:
            if BATCH in placeholders_of(words):
                write_json(work / "batch.json", values)
                self._run(words, {BATCH: str(work / "batch.json")}, log)
            else:
                for each in values:
                    self._run(words, each, log)
            painted = [self._read(case, Path(each["out"]), root) for case, each in zip(cases, values, strict=True)]
        except CaseError as error:
            raise CaseError(f"{error} (case {', '.join(case.id for case in cases)})") from error
        shutil.rmtree(work if self.folder_ else root, ignore_errors=True)
        return painted

    def _prepare(self, case: CaseFacts, rng: np.random.Generator, folder: Path) -> dict[str, str]:
        """Write the label map of a case, make its folder, and return the values of its placeholders."""
        (folder / "out").mkdir(parents=True)
        values = {"out": str(folder / "out"), "seed": str(rng.integers(2**31)), "case": case.id}
        values["attributes"] = json.dumps(dict(case.attributes), ensure_ascii=False)
        if case.affine is None:
            return {**values, "class": ",".join(case.names)}
        label = folder / LABEL
        write_volume(as_stored(case.label, case.affine), case.affine, label)
        if case.images:
            values["read"] = str(folder / READ)
            (folder / READ).mkdir()
            for name, image in case.images.items():
                write_volume(as_stored(image, case.affine), case.affine, folder / READ / f"{name}.nii.gz")
        return {**values, "label": str(label), "spacing": ",".join(f"{side:g}" for side in case.spacing)}

    def _run(self, words: Sequence[str], values: dict[str, str], log: Path) -> None:
        run_program(
            filled(words, values, shell=self.shell), shell=self.shell, cwd=self.cwd, timeout=self.timeout, log=log
        )

    def _read(self, case: CaseFacts, out: Path, root: Path) -> dict[str, NDArray[np.floating]]:
        label = None if case.affine is None else out.parent / LABEL
        images = read_outputs(case.id, out, self.pattern_, case.modalities, self.channels_, label)
        if label is not None and self.folder_ is not None:
            _refuse_repeated(case, images, root)
        return images


def _refuse_repeated(case: CaseFacts, images: dict[str, NDArray[np.floating]], root: Path) -> None:
    """Refuse images that were painted on another label map already: the program did not look at this one."""
    pixels, label = hashlib.sha256(), hashlib.sha256(case.label.tobytes()).hexdigest()
    for name in sorted(images):
        pixels.update(images[name].tobytes())
    mark = root / PAINTED / pixels.hexdigest()
    mark.parent.mkdir(exist_ok=True)
    if not mark.exists():
        write_json(mark, {"case": case.id, "label": label})
    elif (before := read_json(mark))["label"] != label:
        raise CaseError(
            f"Expected images of its own for each label map, but the program wrote for {case.id} what it wrote for "
            f"{before['case']}. Repair it, and remove {root.parent}, since either may be wrong."
        )
