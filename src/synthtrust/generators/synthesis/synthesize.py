"""From a generator to a set of twins on disk, which is found if its recipe was painted before, and painted if not."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from synthtrust.cases import Case, CaseError, Cohort, load_manifest, read_manifest
from synthtrust.cases.manifest import NAME
from synthtrust.files import fingerprint
from synthtrust.generators.base import Generator
from synthtrust.generators.importer import Importer
from synthtrust.generators.synthesis.croissant import describe
from synthtrust.generators.synthesis.patients_own import check_patients_own, own_by_reading
from synthtrust.generators.synthesis.recipe import recipe_of
from synthtrust.generators.synthesis.session import Session, listed_training_ids, stated

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SyntheticSet(Cohort):
    """A cohort of twins, and the folder of its set."""

    folder: Path = field(kw_only=True)
    """The folder with ``manifest.json``, the card and the files of the twins."""
    paired: bool = field(default=True, kw_only=True)
    """Whether each case is the twin of a real case, with its id; otherwise the set has ids of its own."""
    patients_own: tuple[str, ...] = field(default=(), kw_only=True)
    """What is the patients' own by declaration: modalities, or ``surroundings`` of the labels."""


def synthesize(
    generator: Generator | Importer,
    cohort: Cohort,
    train: Sequence[Case],
    paint: Sequence[Case],
    root: str | Path,
    loggers: Sequence[Any] = (),
    *,
    to_learn_from: bool = True,
    inspected: Path | None = None,
    verify: bool = False,
) -> SyntheticSet:
    """Paint a twin of every case in ``paint`` with a generator that is fitted on ``train``, or find the twins.

    The twins lie in ``root/<Generator>-<fingerprint of the recipe>``: a recipe is never painted twice, and two recipes
    never share a folder. The recipe is the generator's class and hyper-parameters, the content of its training cases,
    and the labels to paint on. A set that a killed process left unfinished is completed. A set that was painted
    elsewhere is imported in the same way: its recipe is the content of its files.

    Any number of processes may call this at once, as ranks of a job or jobs of a sweep: each twin is painted by one of
    them, and all return when the set is complete. A generator with a folder to work in is trained by the first process,
    while the others wait for its checkpoint; any other generator is fitted by each process.

    Args:
        generator: A generator that is not fitted yet, or an importer, which finds twins instead of painting them.
        cohort: The cohort of the cases, which gives modalities, labels and licence of the set.
        train: The only cases that the generator may learn from.
        paint: The cases whose labels are painted on; only their labels are read. A generator or importer that is not
            ``paired`` takes its own cases instead.
        root: Folder of all synthetic sets.
        loggers: Experiment loggers that a generator may show its training to.
        to_learn_from: Whether a network is to learn from the set, for which its cases need labels.
        inspected: Folder in which it is remembered what was read of the images that are compared with real ones.
        verify: Compare every file of the set with its hash in the manifest.

    Returns:
        The set of twins; an importer may lack the twins of some cases.

    Raises:
        Refusal: If the generator declares to read modalities that the cases lack, or all that they have.
        CaseError: If the generator paints other modalities than the cohort has, another grid than the label's, values
            that are not finite, or one constant value; or if a twin cannot be imported, a set to be learned from has no
            labels, or images of an imported set are the patients' own and not declared. What was painted before stays.
            If a file of the set is not as it was written, and that was to be verified.
    """
    paired = generator.paired
    if isinstance(generator, Importer) and not paired:
        paint = generator.own_cases(cohort)
        if to_learn_from and paint[0].task == "unlabelled" and not generator.labelled_by:
            raise CaseError(
                f"Expected labelled cases to train on, but those of {type(generator).__qualname__} have no labels. "
                "Label them with a finished run by generator.label_with, or audit their privacy and fidelity with "
                "evaluate.py cases=... generator=..."
            )
    if isinstance(generator, Generator) and not paired:
        paint = generator.own_cases(cohort, train, Path(root))
    imported_files = generator.find(paint, cohort) if isinstance(generator, Importer) else None
    if isinstance(generator, Importer):
        generator.refuse_links_out(path for files in (imported_files or {}).values() for path in files)
        patients_own = check_patients_own(generator, cohort, inspected)
    else:
        patients_own = own_by_reading(generator, cohort, paint)
    paint = [case for case in paint if imported_files is None or case.id in imported_files]
    recipe = recipe_of(generator, train, paint, imported_files)
    if isinstance(generator, Importer) and generator.labelled_by:
        recipe |= {"labelled_by": dict(generator.labelled_by)}
    folder = Path(root) / f"{type(generator).__qualname__}-{fingerprint(recipe)}"
    session = partial(Session, generator, cohort, train, paint, folder, recipe, loggers, paired, patients_own)
    if not (folder / NAME).exists():
        remarks = generator.check(paint, cohort) if isinstance(generator, Importer) and not paired else {}
        folder.mkdir(parents=True, exist_ok=True)
        session(remarks=remarks).finish()
    elif (listed_training_ids(generator, train), patients_own) != stated(load_manifest(folder)):
        session().correct()
    describe(folder)
    log.info("Twins: %s", folder)
    declared = tuple(patients_own.get("declared") or ())
    return SyntheticSet(
        **vars(read_manifest(folder, verify=verify)), folder=folder, paired=paired, patients_own=declared
    )


def training_ids(folder: str | Path) -> list[str] | None:
    """Return the ids of the cases that the generator of a set learned from; None if they are unknown."""
    ids: list[str] | None = load_manifest(Path(folder)).get("training_ids")
    return ids
