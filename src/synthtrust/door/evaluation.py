"""The whole config of an evaluation, checked before anything costs."""

from pathlib import Path

from omegaconf import DictConfig

from synthtrust.conventions import EXPORT, FACTS, SCORES, check_conditions
from synthtrust.door.names import nearest_path
from synthtrust.door.rules import check_values, value_of
from synthtrust.door.trackers import check_page_trackers
from synthtrust.door.unfinished import unfinished_in
from synthtrust.refusals import MissingFileRefusal, Refusal


def check_evaluation(cfg: DictConfig) -> None:
    """Refuse a config that cannot work, as far as that shows without reading a table.

    Raises:
        Refusal: If the experiment is one of train.py, there is a ``fail_on`` where no audit is asked, or a value is
            out of its range, or a feature space is chosen where the audit of fidelity is not.
        MissingFileRefusal: If a folder holds no finished run.
    """
    if "name" in cfg and "calibration" not in cfg and "plan" not in cfg:
        raise Refusal(
            f"Expected an experiment of evaluate.py, but got {cfg.name}, which trains. Use train.py "
            f"experiment={cfg.name}, then evaluate.py runs={cfg.paths.runs}/{cfg.name}."
        )
    received = value_of(cfg, "generator") is not None
    if cfg.fail_on is not None and (
        "plan" in cfg or "calibration" in cfg or ("_target_" in cfg.cases and not received)
    ):
        raise Refusal(
            f"Expected no fail_on, since no audit is asked of plans, other cases or planted copies, but got "
            f"{cfg.fail_on}. Leave it out."
        )
    check_page_trackers(cfg)
    check_conditions(cfg.fail_on)
    if "_target_" not in cfg.get("audit", {}).get("fidelity", {"_target_": ""}):
        raise Refusal(
            f"Expected the audit of fidelity for {', '.join(cfg.audit.fidelity.spaces)}, but it is not asked. Add it, "
            "such as audit=[utility,fidelity]."
        )
    check_values(cfg)
    if received and "_target_" not in cfg.cases:
        raise Refusal(
            "Expected real cases beside the set that was received, but got none. Add for example cases=msd "
            "cases.root=DIR."
        )
    if value_of(cfg, "predictions") is not None and ("plan" in cfg or "_target_" in cfg.cases):
        raise Refusal(
            "Expected predictions for exported mixes alone, whose cases they know, but got others as well. Leave out "
            "cases=..., generator=... and experiment=..."
        )
    if "calibration" in cfg and "_target_" not in cfg.cases:
        raise Refusal("Expected real cases to plant copies in, but got none. Add for example cases=phantom.")


def check_runs(cfg: DictConfig) -> None:
    """Refuse folders without a finished run, or without an exported mix if predictions are to be scored.

    Raises:
        MissingFileRefusal: If there is one.
    """
    predicted = value_of(cfg, "predictions") is not None
    runs = value_of(cfg, "runs")
    if "plan" in cfg:
        runs = value_of(cfg, "plan.pilot") or []
    for folder in (
        ()
        if "calibration" in cfg or value_of(cfg, "generator") is not None
        else runs
        if isinstance(runs, list)
        else [runs]
    ):
        if predicted and not any(Path(str(folder)).rglob(EXPORT)):
            raise MissingFileRefusal(
                f"Expected exported mixes in {folder}, but found none. Write some with train.py export=nnunet, or say "
                "where they are with runs=..."
            )
        if not predicted and not any((path.parent / SCORES).is_file() for path in Path(str(folder)).rglob(FACTS)):
            unfinished = " ".join(f"{missing.line()}." for missing in unfinished_in(Path(str(folder))))
            raise MissingFileRefusal(
                f"Expected finished runs in {folder}, but found none."
                f"{nearest_path(folder)} {unfinished or 'Train some with train.py first.'}"
            )
