"""The training of one run: paint twins, mix, fit, score, and leave a folder that describes itself."""

import logging
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
from hydra.utils import get_class
from lightning import Trainer, seed_everything
from lightning.pytorch.callbacks import Timer
from lightning.pytorch.utilities.exceptions import SIGTERMException
from omegaconf import DictConfig, OmegaConf

from synthtrust.cases.checks.listing import print_listing
from synthtrust.cases.geometry import CANONICAL
from synthtrust.cases.manifest import NAME as MANIFEST
from synthtrust.conventions import CONFIG, EXPORT, FACTS, LESION_COLUMNS, LESIONS, SCORES, VALIDATE
from synthtrust.data import MixedCases, SegmentationDataModule
from synthtrust.files import errors_named, write_text
from synthtrust.generators.importer import Importer
from synthtrust.interrupts import Interrupted
from synthtrust.models import Segmenter
from synthtrust.models.acceleration import accelerate
from synthtrust.quiet import ANNOUNCERS, quiet_libraries
from synthtrust.refusals import Refusal
from synthtrust.runs.apart import has_ranks, needs_own_process, run_apart
from synthtrust.runs.build import (
    Model,
    build_data,
    build_model,
    check_choices,
    chosen_cases,
    kept_in,
    save_refused,
    spell_out_ids,
)
from synthtrust.runs.config_identity import DECISIVE, identity
from synthtrust.runs.facts import case_ids, facts_of
from synthtrust.runs.made import plain
from synthtrust.runs.own_files import DATA, checksums_in, write_facts
from synthtrust.runs.owner import owned
from synthtrust.runs.precision import settled
from synthtrust.runs.run import Run, check_orientation, headline, headlines
from synthtrust.runs.stored import targets_of
from synthtrust.runs.surface_rules import asked_rules
from synthtrust.runs.tracking import Tracked, track_results
from synthtrust.runs.trainer import build_trainer
from synthtrust.runs.trivial import write_trivial
from synthtrust.runs.validating import best_validation, write_validation
from synthtrust.strategies import check_strategy
from synthtrust.tables import write_csv

log = logging.getLogger(__name__)


def list_cases(cfg: DictConfig) -> None:
    """Read every voxel of a cohort and print what was found, and what was refused and why."""
    listing = print_listing(chosen_cases(cfg), folder=kept_in(cfg))
    save_refused(cfg, listing.refused)


def train_run(cfg: DictConfig) -> float:
    """Train and score one run in ``paths.output``; find it when it is finished, resume it when it was interrupted.

    Returns:
        The mean Dice, or the macro AUC, on real test cases; with ``stage=validate`` the best of the validation cases.

    Raises:
        Refusal: If the folder holds a run of another config, or the config cannot work; nothing is trained then.
    """
    check_strategy(cfg.trainer.get("strategy"))
    check_choices(cfg)
    spell_out_ids(cfg)
    run = Run(Path(cfg.paths.output), trusted=targets_of(cfg))
    with owned(run.folder, wait=cfg.get("wait", True), together=has_ranks(cfg)), errors_named(run.folder):
        settled_cfg = settled(cfg, run.folder)
        if (score := _score_if_finished(run, settled_cfg)) is not None:
            return score
        if not needs_own_process(cfg):
            return _train(run, settled_cfg)
    run_apart(run.folder)  # whose process owns the folder
    return headline(run.scores())[1] if (best := best_validation(run, cfg)) is None else best


def _train(run: Run, cfg: DictConfig) -> float:
    """Train and score a run, from its newest checkpoint if there is one."""
    start = time.monotonic()
    _quieten()
    seed_everything(cfg.seed, workers=True, verbose=False)
    trainer = build_trainer(cfg)
    try:
        data = build_data(cfg, trainer.loggers)
        model = build_model(cfg, data.cohort, data.input_size, data.class_counts, len(data.train_cases))
        model.check_size(data.input_size)
        if isinstance(model, Segmenter) and isinstance(data, SegmentationDataModule):
            model.score_surfaces(asked_rules(cfg.get("surfaces"), data.spacing()))
        accelerate(model.net, compiles=cfg.get("compile", False), channels_last=cfg.get("channels_last", False))
        resumes = run.last.exists()
        if resumes and (run.folder / DATA).exists():
            check_twins(run, data)
            check_orientation(run, run.data(), data.orientation)
        write_text(run.folder / CONFIG, OmegaConf.to_yaml(cfg, resolve=True))
        write_facts(run.folder / DATA, case_ids(data))
        for logger in trainer.loggers:
            logger.log_hyperparams(plain(cfg))
        trainer.fit(model, data, ckpt_path=run.last if resumes else None, weights_only=True)
        times = _time_trained(trainer)  # before the test loads a checkpoint, which adds the time that it knows of
        if cfg.get("stage") == VALIDATE:
            times["seconds"] = round(time.monotonic() - start, 1)
            return write_validation(run, cfg, trainer, times)
        # its own choice, not what lies there by now
        best = getattr(trainer.checkpoint_callback, "best_model_path", "") or run.best
        trainer.test(model, data, ckpt_path=best, verbose=False, weights_only=True)
        scores = score_table(model, data)  # a collective: every rank has to ask
        if trainer.is_global_zero:
            times["seconds"] = round(time.monotonic() - start, 1)
            _write_results(run, cfg, trainer, model, data, scores, times)
    except SIGTERMException:
        raise Interrupted(signal.SIGTERM) from None  # Lightning would leave with 0, and a scheduler call the run done
    finally:
        _finish_wandb()
    return headline(scores)[1]


def _time_trained(trainer: Trainer) -> dict[str, float]:
    """Return ``training_seconds``, how long a run was trained over all its interruptions, if a timer was running."""
    timers = [callback for callback in trainer.callbacks if isinstance(callback, Timer)]  # type: ignore[attr-defined]
    return {"training_seconds": round(timers[0].time_elapsed(), 1)} if timers else {}


def score_table(model: Model, data: MixedCases) -> pd.DataFrame:
    """Return the tidy scores of a tested model, as its ``test_rows`` has them, behind alpha, seed and mode.

    If the generator may have learned from patients that are scored,
    a column ``overlap`` says so in every row.
    """
    return with_mix(pd.DataFrame(model.test_rows(data.scored_cases)), facts_of_scores(data))


def facts_of_scores(data: MixedCases) -> dict[str, Any]:
    """Return what stands in every row of a run's scores: its alpha, seed and mode, and whether there is an overlap."""
    mix = data.mix
    return {"alpha": float(mix.alpha), "seed": int(mix.seed), "mode": mix.mode, "overlap": data.overlap}


def with_mix(scores: pd.DataFrame, facts: Mapping[str, Any]) -> pd.DataFrame:
    """Return rows of scores behind alpha, seed and mode, and with the overlap if there may be one.

    Args:
        scores: The rows of one run.
        facts: What the run says about its mix: alpha, seed, mode and overlap.
    """
    scores = scores.copy()
    for position, name in enumerate(("alpha", "seed", "mode")):
        scores.insert(position, name, facts[name])
    if (word := facts["overlap"].get("word", "none")) != "none":
        scores["overlap"] = word
    return scores


def _score_if_finished(run: Run, cfg: DictConfig) -> float | None:
    """Return the score of the finished run of this config in a folder, None when there is none.

    Raises:
        Refusal: If the folder belongs to another config.
    """
    if not (run.finished or run.last.exists() or (run.folder / EXPORT).exists()):
        return None
    check_same_config(run, *({part: identity(each).get(part) for part in DECISIVE} for each in (cfg, run.config)))
    if (best := best_validation(run, cfg)) is not None:
        log.info("Found: %s is trained and validated", run.folder)
        return best
    if not run.finished:
        if (run.folder / DATA).exists() and get_class(cfg.data["_target_"]).task == "segmentation":
            check_orientation(run, run.data(), CANONICAL)  # before twins are painted for nothing
        log.info("Resuming from %s", run.last)
        return None
    run.facts()  # refused by name if damaged
    if reads_files(cfg):  # whose content may have changed under the same name
        check_twins(run, build_data(cfg))
    log.info("Found: %s is finished", run.folder)
    return headline(run.scores())[1]


def check_same_config(run: Run, wanted: Mapping[str, Any], stored: Mapping[str, Any]) -> None:
    """Refuse the folder of a run with another config.

    Args:
        run: The run that the folder holds.
        wanted: The parts of a config that count, as they are asked for.
        stored: Those of the run.

    Raises:
        Refusal: If one of them differs.
    """
    if differ := [part for part in wanted if wanted[part] != stored.get(part)]:
        raise Refusal(
            f"Expected a folder of this config, but {run.folder} holds a run with another {', '.join(differ)}. "
            "Choose another name=..., or remove that folder."
        )


def reads_files(cfg: DictConfig) -> bool:
    """Return whether the synthetic set of a config depends on files, whose content may have changed."""
    nodes = [cfg.generator, *([cfg.generator.painter] if "painter" in cfg.generator else [])]
    kinds = [get_class(node["_target_"]) for node in nodes]
    return issubclass(kinds[0], Importer) or any(
        node.get(name) for node, kind in zip(nodes, kinds) for name in getattr(kind, "files_in_recipe", ())
    )


def check_twins(run: Run, data: MixedCases) -> None:
    """Refuse to go on with a run, or to give its score, for another synthetic set than its own.

    Raises:
        Refusal: If the twins are not those that the run was begun with.
    """
    given, begun_with = data.twins_folder.name, Path(run.data()["twins"]).name
    if given != begun_with:
        raise Refusal(
            f"Expected the twins that {run.folder} was begun with, {begun_with}, but the config now gives {given}: "
            "what it reads has changed. Choose another name=..., or remove that folder."
        )


def _write_results(
    run: Run, cfg: DictConfig, trainer: Trainer, model: Model, data: MixedCases, scores: pd.DataFrame,
    times: Mapping[str, float],
) -> None:  # fmt: skip
    """Write tables and facts, ``run.json`` last."""
    tables = {f"{name}.csv": table for name, table in data.tables().items()}
    if isinstance(model, Segmenter) and model.surfaces is not None:
        lesions = pd.DataFrame(model.test_lesion_rows(data.scored_cases), columns=LESION_COLUMNS)
        tables[LESIONS] = with_mix(lesions, facts_of_scores(data))
    for name, table in {SCORES: scores, **tables}.items():
        write_csv(run.folder / name, table)
    facts = facts_of(cfg, trainer, model, data) | {**times, "test": headlines(scores)}
    if isinstance(data, SegmentationDataModule) and data.mix.alpha == 1:
        write_trivial(run, facts, data.prepared_real("train"), data.prepared_real("test"))
    facts["files"] = checksums_in(run.folder)
    write_facts(run.folder / FACTS, facts)
    painted = False
    with suppress(OSError):  # the run is finished, wherever its set has gone meanwhile
        painted = (data.twins_folder / MANIFEST).stat().st_mtime >= time.time() - times["seconds"]
    files = bool(cfg.get("track", {}).get("files", False))
    track_results(trainer.loggers, Tracked(run, scores, facts, data.twins_folder, painted, files))
    name, value = headline(scores)
    if data.mix.is_tstr:
        log.info("Scored %d real test cases; evaluate.py sets TSTR beside TRTR (%s)", len(data.test_cases), run.folder)
    else:
        log.info("%s on %d real test cases: %.4f (%s)", name, len(data.test_cases), value, run.folder)


def _quieten() -> None:
    """Leave out what no user can act on; Lightning brings log handlers of its own, by which every line came twice."""
    quiet_libraries()
    for name in ANNOUNCERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def _finish_wandb() -> None:
    """End the tracked run; without this the next job of a sweep would write into it."""
    if "wandb" in sys.modules:
        import wandb

        try:
            if wandb.run is not None:
                wandb.finish()
        except Exception as error:  # whatever its service and its disk do; the run itself has ended
            log.warning("wandb did not come to its end: %s: %s", type(error).__name__, error)
