"""What several rooms agree on: words of options, ranges and rules that ask for no file and no other room."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal, get_args

from synthtrust.refusals import Refusal

Mode = Literal["complement", "independent", "additive", "real_only", "duplicate_real", "confounded"]
MODES: tuple[str, ...] = get_args(Mode)
"""How a training set is drawn, see ``synthtrust.cases.Mix``."""
WITH_REAL = ("additive", "real_only", "duplicate_real")
"""Modes whose training is a kind of real training, with all real cases or with real cases alone."""
WITH_TWINS_FOR_REAL = ("complement", "independent")
"""Modes that give twins in the place of real cases; each holds the same real cases as the controls."""
CONTROLS = ("real_only", "duplicate_real")
"""Modes that hold the real cases of a mix and no twins: count-matched controls."""
CONFOUNDED = "confounded"
"""The mode in which the source of a case depends on its class, so that a network may learn the source in its place."""

Val = Literal["mix", "real", "synthetic"]
VALS: tuple[str, ...] = get_args(Val)
"""What checkpoints are chosen on."""

Policy = Literal["refuse", "drop", "allow"]
POLICIES: tuple[str, ...] = get_args(Policy)
"""What is done about an image in two parts of a split."""

OVERLAPS = (True, False, "exclude")
"""What is done about a generator that learned from patients it is scored on."""

NOT_ASSESSED = "not assessed"
NOT_APPLICABLE = "not applicable"
"""The verdict on an axis that asks for something which such a set does not have; it is no failure."""
CONDITIONS = {
    "leak": ("privacy", ("NOT SUPPORTED", NOT_ASSESSED)),
    "unassessed": ("privacy", (NOT_ASSESSED, "INCONCLUSIVE")),
    "utility": ("utility", ("NOT SUPPORTED",)),
    "fidelity": ("fidelity", ("NOT SUPPORTED",)),
}
"""What a caller may ask to fail on -> the axis, and the verdicts that count as failed."""

SURROUNDINGS = "surroundings"
"""What is declared of a synthetic set in which all but the labels is the patients' own."""
PARTS_OF_PATIENTS = {SURROUNDINGS: "the surroundings of the labels"}
"""What a set may declare to be the patients' own -> in words; modalities stand for themselves."""

PRECISIONS = ("auto", "32-true", "bf16-mixed")
"""What a generator's training computes in; ``auto`` is what is quick on the machine."""

CHOICES = {"segmentation": "model=unet data=mixed", "classification": "model=resnet_small data=images"}
"""Task -> options that serve it, for the message to a user who chose others."""

FACTS, SCORES, CONFIG, LAST = "run.json", "scores.csv", "config.yaml", "checkpoints/last.ckpt"
"""Files of a run's folder: the last to be written, the scores, the config, and the checkpoint to resume from."""

LESIONS = "lesions.csv"
"""File of a run's folder: every lesion of every test case, with what the network predicted for it."""

LESION_COLUMNS = (
    "case", "patient", "source", "region", "lesion", "volume_ml", "dice", "hd95", "n_reference", "n_prediction",
    "n_overlap",
)  # fmt: skip
"""Columns of that table, behind alpha, seed and mode."""

SURFACE_SCORES = ("hd95", "surface_dice", "lesion_dice", "lesion_hd95")
"""Scores of a region beside its Dice, in the order of their columns, see ``synthtrust.metrics.RegionSurfaces``."""
SURFACE_COLUMNS = (*SURFACE_SCORES, "n_lesions", "n_found", "n_false_positives")
"""All columns that the surfaces and lesions of a region have in a table of scores."""

VALIDATION = "validation.json"
"""File of a run's folder: its best validation score, of a training that looked at no test case."""

PLAN, PREPARE, VALIDATE, TEST = "plan", "prepare", "validate", "test"
STAGES = (PLAN, PREPARE, VALIDATE, TEST)
"""How far a command goes: says what it would do; paints and preprocesses; trains and validates; all of it."""

JOB_OF_A_SWEEP = "SYNTHTRUST_JOB_OF_A_SWEEP"
"""Environment variable of a command that does one job of a sweep, and leaves why it failed in the folder of the run."""

STATUS = "status.json"
"""File of a run's folder: how its last job of a sweep ended."""

SWEEP = "sweep.json"
"""File of the folder of a sweep: which runs it has, and the command that makes them."""

EXPORT = "export.json"
"""File of the folder of an exported mix, the last to be written: what another trainer was given, and where it lies."""

TRIVIAL = "trivial.csv"
"""File of a run's folder: what a prediction from position alone scores on the real test cases."""

LOCK, OWNER = "run.lock", "owner.json"
"""Files of the process that works on a run: its lock, which stays, and its name, which is removed at the end."""

LEAST: Mapping[str, int] = {
    "seed": 0, "sample_every": 0, "num_res_blocks": 1, "patch_fold": 1, "timesteps": 2, "sampling_steps": 2,
    "max_steps": 1, "batch_size": 1, "accumulate": 1, "brain_label": 1, "channels": 1, "width": 1, "dilations": 1,
    "spade_channels": 1, "style_size": 1, "discriminator_channels": 1, "discriminator_layers": 1, "discriminators": 1,
    "children": 1, "step": 1,
}  # fmt: skip
"""Field of a generator -> the least of a whole number, or of each in a list."""

RANGES: Mapping[str, tuple[str, Callable[[float], bool]]] = {
    "lr": ("above 0", lambda value: value > 0),
    "discriminator_lr": ("above 0", lambda value: value > 0),
    "grad_clip": ("above 0", lambda value: value > 0),
    "timeout": ("above 0", lambda value: value > 0),
    "ema_decay": ("from 0 to below 1", lambda value: 0 <= value < 1),
    "intensity_percentile": ("above 0 and up to 100", lambda value: 0 < value <= 100),
    "reconstruction_weight": ("of at least 0", lambda value: 0 <= value < math.inf),
    "feature_weight": ("of at least 0", lambda value: 0 <= value < math.inf),
    "max_scale": ("from 0 to 1", lambda value: 0 <= value <= 1),
    "warp": ("from 0 to 1", lambda value: 0 <= value <= 1),
    "max_shift": ("from 0 to 1", lambda value: 0 <= value <= 1),
    "max_growth": ("of at least 0", lambda value: 0 <= value < math.inf),
    "style_weight": ("of at least 0", lambda value: 0 <= value < math.inf),
}
"""Field of a generator -> its range in words, and whether a number lies in it."""


def is_whole(value: Any, least: float = -math.inf, most: float = math.inf) -> bool:
    """Return whether a value is a whole number between two limits; a truth value is none.

    >>> is_whole(3, least=1), is_whole(3.0), is_whole(True), is_whole(0, least=1)
    (True, False, False, False)
    """
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_number(value: Any, least: float = -math.inf, most: float = math.inf) -> bool:
    """Return whether a value is a number between two limits; NaN and a truth value are none.

    >>> is_number(0.5, 0, 1), is_number(float("nan")), is_number("1")
    (True, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def is_distance(value: Any) -> bool:
    """Return whether a value is a finite number above 0.

    >>> is_distance(0.5), is_distance(0), is_distance(float("inf"))
    (True, False, False)
    """
    return is_number(value, 0) and 0 < value < math.inf


def is_size(value: Any) -> bool:
    """Return whether a value is a share (below 1) or a whole number, of patients.

    >>> is_size(0.25), is_size(8), is_size(8.0), is_size(1.5), is_size(float("inf"))
    (True, True, True, False, False)
    """
    return is_number(value, 0) and value < math.inf and (value <= 1 or value == int(value))


def check_alpha(alpha: Any) -> None:
    """Refuse what is no share of real cases.

    Raises:
        Refusal: If ``alpha`` is no number in [0, 1].
    """
    if not is_number(alpha):
        raise Refusal(f"Expected a number for `alpha`, but got {alpha!r}.")
    if not 0 <= alpha <= 1:
        raise Refusal(f"Expected `alpha`, the share of real cases, in [0, 1], but got {alpha}.")


def check_steps(steps: Any, val_every: Any) -> None:
    """Refuse numbers of steps that end between two validations.

    Raises:
        Refusal: If one of them is no whole number above 0, or ``steps`` no multiple of ``val_every``.
    """
    for name, value in (("val_every", val_every), ("steps", steps)):
        if not is_whole(value, 1):
            raise Refusal(f"Expected {name} to be a whole number of at least 1, but got {value!r}.")
    if steps % val_every:
        raise Refusal(f"Expected steps to be a multiple of val_every={val_every}, but got {steps}.")


def check_kept_steps(step: int | None, keep_steps: Sequence[int] | None, max_steps: int) -> None:
    """Refuse steps of a generator's training that it does not keep, or does not reach.

    Args:
        step: The step whose weights paint; None for the last.
        keep_steps: The steps whose weights are kept.
        max_steps: The last step.

    Raises:
        Refusal: If ``keep_steps`` are no rising whole numbers up to the last step, or ``step`` is none of them.
    """
    kept = [] if keep_steps is None else list(keep_steps)
    rising = all(is_whole(number, 1, max_steps) for number in kept) and kept == sorted({*kept})
    if keep_steps is not None and not (kept and rising):
        raise Refusal(
            f"Expected generator.keep_steps to be whole numbers that rise, up to max_steps={max_steps}, such as "
            f"[100,200,400], but got {kept}."
        )
    if step is not None and step not in kept:
        raise Refusal(
            f"Expected generator.step among the steps that the training keeps, generator.keep_steps={kept}, but got "
            f"{step}."
        )


def check_conditions(conditions: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return what to fail on as a tuple.

    Raises:
        Refusal: If there is no such condition.

    >>> check_conditions(None), check_conditions("leak"), check_conditions(["leak", "unassessed"])
    ((), ('leak',), ('leak', 'unassessed'))
    """
    names = () if conditions is None else (conditions,) if isinstance(conditions, str) else tuple(conditions)
    if unknown := [name for name in names if name not in CONDITIONS]:
        near = get_close_matches(str(unknown[0]), CONDITIONS, n=1)
        question = f" Did you mean {near[0]}?" if near else ""
        raise Refusal(f"Expected fail_on among {list(CONDITIONS)}, but got {unknown}.{question}")
    return names


def is_tstr(alpha: float, mode: str) -> bool:
    """Return whether a training set of a mix holds no real case: train on synthetic, test on real."""
    return alpha == 0 and mode not in (*WITH_REAL, CONFOUNDED)


def validates_on_real(alpha: float, mode: str) -> bool:
    """Return whether a mix is a kind of real training, whose checkpoints are chosen on real cases."""
    return (alpha == 1 and mode != CONFOUNDED) or mode in WITH_REAL


def check_val(val: str, alpha: float, mode: str = "complement", *, allow_real_val: bool = False) -> None:
    """Refuse to choose the checkpoint of synthetic training on real cases, and that of real training on twins.

    A user with a synthetic set alone has no real cases to choose on, so a TSTR score with a checkpoint that was chosen
    on real cases promises too much. And TRTR with a checkpoint that was chosen on twins would be worse than real
    training can be, which flatters TSTR. Nothing leaks if all real cases are trained on, alone or beside their twins.

    Raises:
        Refusal: If ``val`` is ``real`` and ``alpha`` below 1, unless it is allowed; or ``synthetic`` at 1.
    """
    if val == "synthetic" and validates_on_real(alpha, mode):
        raise Refusal(
            f"Expected data.val=mix or real for training on real cases (alpha={alpha}, mode {mode}), whose checkpoint "
            "is chosen on real cases, but got synthetic."
        )
    if val == "real" and not validates_on_real(alpha, mode) and not allow_real_val:
        raise Refusal(
            f"Expected data.val=mix or synthetic at alpha={alpha}, since a checkpoint chosen on real cases leaks them "
            "into synthetic training, but got real. Say data.allow_real_val=true to do so and have it recorded."
        )


PATIENCE = {"WANDB_INIT_TIMEOUT": "20", "WANDB_LOGIN_TIMEOUT": "20", "WANDB_FINISH_TIMEOUT": "60"}
"""Environment variables of wandb -> seconds that a command waits for its server; what is not sent stays on the disk."""


def be_patient() -> None:
    """Have wandb wait no longer for its server than a user would, unless the environment says how long."""
    for name, seconds in PATIENCE.items():
        os.environ.setdefault(name, seconds)
