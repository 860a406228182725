"""From config to objects; the only place that instantiates."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.utils import get_class, get_object
from omegaconf import DictConfig

from synthtrust.cases import Cohort, RefusedCase, Splits
from synthtrust.cases.checks.duplicates import check_duplicates
from synthtrust.cases.checks.inspection import forget_hashes
from synthtrust.cases.checks.listing import readable
from synthtrust.cases.checks.parity import check_parity, parity, print_parity
from synthtrust.cases.unpaired_splits import divide
from synthtrust.conventions import CHOICES, CONFOUNDED, check_alpha, check_steps, check_val
from synthtrust.data import MixedCases
from synthtrust.generators import Generator, synthesize
from synthtrust.generators.importer import Importer
from synthtrust.generators.synthesis.overlap import check_training_overlap, training_ids_of
from synthtrust.models import Classifier, Segmenter
from synthtrust.progress import is_first_rank
from synthtrust.refusals import Refusal
from synthtrust.runs.excluding import read_case_ids, without, write_refused
from synthtrust.runs.made import make, plain, read_cases
from synthtrust.runs.surface_rules import asked_rules

Model = Segmenter | Classifier

INSPECTED = "inspected"
"""Folder in the cache that remembers what was read of cases, and what is compared of volumes."""

SERVED_BY = {"segmentation": "segmentation", "classification": "classification", "multilabel": "classification"}
"""Task of a cohort -> task of the model and data that serve it; a classifier also predicts findings."""

LABELS = {"segmentation": "label maps", "classification": "classes", "multilabel": "findings"}

PAIRS = {"segmentation": 4, "classification": 64, "multilabel": 64}
"""Task -> cases compared with their twins before training; twins of a class are less alike, so that it takes more."""


_shown: set[Path] = set()
"""Folders of the synthetic sets whose parity this process has printed: a long table, which runs of a sweep share."""


def inspected_cases(cfg: DictConfig, task: str | None = None) -> Cohort:
    """Read the cohort of a config to the last voxel, but for the cases that it excludes.

    Args:
        cfg: The config of a run, or of other cases to be scored.
        task: What the model is for, where there is one.

    Returns:
        The cases that can be used; all others are in ``refused``, whether their header or their voxels say so.

    Raises:
        CaseError: If there is no such cohort, or an excluded case is not in it.
        Refusal: If the model is for another task than the cohort.
    """
    cohort = chosen_cases(cfg)
    if task is not None and cohort.cases and task != (needed := SERVED_BY[cohort.task]):
        raise Refusal(
            f"Expected a model for {needed}, since the cases of {cohort.name} have {LABELS[cohort.task]}, but got one "
            f"for {task}. Choose for example {CHOICES[needed]}."
        )
    cohort = readable(cohort, kept_in(cfg))
    save_refused(cfg, cohort.refused)
    return cohort


def chosen_cases(cfg: DictConfig) -> Cohort:
    """Read the cohort of a config by its headers, but for the cases that it excludes.

    What is remembered of its files is forgotten where the config wants them verified.

    Raises:
        CaseError: If there is no such cohort, or an excluded case is not in it.
    """
    if cfg.cases.get("verify", False):
        forget_hashes(kept_in(cfg))
    excluded = read_case_ids(cfg.cases.get("exclude"))
    return without(read_cases(cfg), excluded) if excluded else read_cases(cfg)


def save_refused(cfg: DictConfig, refused: Sequence[RefusedCase]) -> None:
    """Write the refused cases, and those that are excluded already, where the config wants them, if it does."""
    if (file := cfg.cases.get("save_refused")) is not None:
        write_refused(file, refused, read_case_ids(cfg.cases.get("exclude")))


def usable_cases(cfg: DictConfig) -> Cohort:
    """Return the cases of a config if they can be worked with, read to the last voxel.

    Raises:
        CaseError: If some were refused and that is not to be skipped, or as ``Cohort.validated``.
    """
    return inspected_cases(cfg).validated(skip_refused=cfg.cases.skip_refused)


def kept_in(cfg: DictConfig) -> Path:
    """Return the folder of what is remembered of the cases that were read."""
    return Path(cfg.paths.cache) / INSPECTED


def spell_out_ids(cfg: DictConfig) -> None:
    """Put the ids into the config where it names a file with them, which may change: they decide the scores."""
    if cfg.cases.get("exclude") is not None:
        cfg.cases.exclude = read_case_ids(plain(cfg.cases)["exclude"])
    if isinstance(file := cfg.split.get("test_patients"), str):
        cfg.split.test_patients = read_case_ids(file, "split.test_patients")


def check_choices(cfg: DictConfig) -> None:
    """Refuse a model and data for two tasks, or a validation that would be a leak, before anything is read.

    Raises:
        Refusal: If model and data do not go together, the generator cannot be imported, or as ``check_val`` says.
    """
    _find_generator(str(cfg.generator["_target_"]))
    model, data = _task_of(cfg.model), _task_of(cfg.data)
    if model != data:
        choices = " or ".join(f"{choice} ({task})" for task, choice in CHOICES.items())
        raise Refusal(
            f"Expected model and data for one task, but got a model for {model} and data for {data}. Choose for "
            f"example {choices}."
        )
    check_alpha(cfg.alpha)
    check_steps(cfg.steps, cfg.val_every)
    choice = cfg.data.get("val", "mix"), cfg.alpha, cfg.data.get("mode", "complement")
    check_val(*choice, allow_real_val=cfg.data.get("allow_real_val", False))


def _find_generator(target: str) -> None:
    try:
        named = get_object(target)
    except (Exception, SystemExit) as error:  # whatever a stranger's code does when it is imported
        cause = error.__cause__ or error
        raise Refusal(
            f"Expected a generator at {target}, but importing it fails with {type(cause).__name__}: {cause}. Repair "
            "its package, or choose another generator."
        ) from error
    if not (isinstance(named, type) and issubclass(named, Generator | Importer)):
        kind = "a class of another kind" if isinstance(named, type) else f"a {type(named).__name__}"
        raise Refusal(
            f"Expected a generator at {target}, a class that inherits synthtrust.generators.Generator, but got {kind}."
        )


def build_data(cfg: DictConfig, loggers: Sequence[Any] = ()) -> MixedCases:
    """Read the real cases, split them, paint or find synthetic ones, and mix both.

    Args:
        cfg: The config of a run.
        loggers: Experiment loggers that a generator may show its training to.

    Raises:
        CaseError: If the cohort or a case cannot be used, or a copy of it lies in another part of the split; if the
            generator learned from patients it is scored on; or if a network would see real cases and twins through two
            different preprocessings.
        Refusal: If the model is for another task than the cohort, or the splits or the mix are impossible.
    """
    generator = make(cfg.generator, _convert_="all")  # plain lists: a plugin's recipe is written as JSON
    make(cfg.model)  # what it refuses by itself, before a case is read
    inspected = inspected_cases(cfg, _task_of(cfg.model))
    cohort = inspected.validated(skip_refused=cfg.cases.skip_refused)
    from synthtrust.runs.labelling import label_by_run  # here: a run is read by what this file makes

    label_by_run(generator, cohort)
    _check_confounded(cfg, cohort)
    _check_scored(cfg, cohort)
    asked: Splits = make(cfg.split)(cohort.cases)
    splits = check_duplicates(asked, cfg.get("duplicates", "refuse"), kept_in(cfg))
    splits, overlap = check_training_overlap(training_ids_of(generator, splits.train), splits, cfg.allow_overlap)
    paint = sorted((*splits.train, *splits.val, *splits.test), key=lambda case: case.id)
    verify = cfg.cases.get("verify", False)
    painted = generator, cohort, splits.train, paint, cfg.paths.synthetic, loggers
    synthetic = synthesize(*painted, inspected=kept_in(cfg), verify=verify)
    # Hydra turns dataclasses among its arguments into dicts: what is not config goes to the partial
    if synthetic.paired:
        pairs = splits.train, synthetic.cases, cohort.modalities
        compared = parity(*pairs, n=PAIRS[cohort.task], folder=kept_in(cfg))
        if is_first_rank() and synthetic.folder.absolute() not in _shown:
            _shown.add(synthetic.folder.absolute())
            print_parity(compared)
        check_parity(compared)
        data: MixedCases = make(cfg.data)(cohort=cohort, splits=splits, twins=synthetic.cases)
    else:
        parts = divide(synthetic.cases, splits, seed=cfg.split.seed, repeat=cfg.split.get("repeat", 0))
        data = make(cfg.data)(cohort=cohort, splits=splits, unpaired=parts.splits)
        data.parents = parts.facts
    data.twins_folder, data.patients_own = synthetic.folder, synthetic.patients_own
    data.overlap, data.left_out, data.refused = overlap.facts, _left_out(asked, splits), inspected.refused
    return data


def _check_confounded(cfg: DictConfig, cohort: Cohort) -> None:
    """Refuse, before anything is painted, cases without a class on which their source could depend.

    Raises:
        Refusal: If they have findings, or no label of that name.
    """
    if cfg.data.get("mode", "complement") != CONFOUNDED:
        return
    if cohort.task == "multilabel":
        raise Refusal(
            f"Expected cases with one class each for data.mode=confounded, but those of {cohort.name} have findings. "
            "Choose one of them as the class, or another data.mode."
        )
    label = cfg.data.get("confounder")
    if cohort.task == "segmentation" and label not in cohort.labels:
        raise Refusal(f"Expected data.confounder among the labels {list(cohort.labels)}, but got {label!r}.")


def _check_scored(cfg: DictConfig, cohort: Cohort) -> None:
    """Refuse, before anything is painted, regions that the cohort has not, or that have no tolerance of their own.

    Raises:
        Refusal: If there is one.
    """
    if cohort.task != "segmentation":
        return
    regions = cohort.regions(cfg.regions)
    if (rules := asked_rules(cfg.get("surfaces"), [1.0])) is not None:  # any spacing: a default fits all
        rules.facts(list(regions))


def _left_out(asked: Splits, kept: Splits) -> dict[str, list[str]]:
    """Return the ids of the cases that are no longer there, by part."""
    missing = {part: sorted(set(ids) - set(kept.ids[part])) for part, ids in asked.ids.items()}
    return {part: ids for part, ids in missing.items() if ids}


def build_model(
    cfg: DictConfig, cohort: Cohort, size: Sequence[int] = (), class_counts: Sequence[int] = (), n_cases: int = 0
) -> Model:
    """Make the model for a cohort's modalities and labels.

    Args:
        cfg: The config of a run.
        cohort: What the model is for.
        size: Side lengths of the images, for a classifier.
        class_counts: Training cases of each class or finding, for a classifier whose loss balances them.
        n_cases: Training cases, likewise.

    Raises:
        Refusal: If the config asks for a region that the cohort has not.
    """
    model: Model
    if cohort.task != "segmentation":
        model = make(cfg.model)(
            channels=len(cohort.modalities),
            classes=class_names(cohort),
            size=size,
            findings=cohort.task == "multilabel",
            class_counts=class_counts,
            n_cases=n_cases,
        )
    else:
        model = make(cfg.model)(
            in_channels=len(cohort.modalities),
            n_labels=max(cohort.labels.values()) + 1,
            regions=cohort.regions(cfg.regions),
        )
    return model


def class_names(cohort: Cohort) -> list[str]:
    """Return the names of the classes or findings, in order of value."""
    return sorted(cohort.labels, key=lambda name: cohort.labels[name])


def _task_of(cfg: DictConfig) -> str:
    """Return what a model or data node is for, as its class says."""
    task: str = get_class(cfg._target_).task
    return task
