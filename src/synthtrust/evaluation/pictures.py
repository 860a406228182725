"""Which cases the page shows in pictures, and what the networks trained on either kind of cases predict for them."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
from hydra.errors import InstantiationException

from synthtrust.audits.generator_names import generator_names
from synthtrust.audits.pictures import Network, class_slices, set_slices, twin_slices
from synthtrust.audits.scores import paired
from synthtrust.door import in_one_line
from synthtrust.progress import stage
from synthtrust.refusals import Refusal
from synthtrust.report import Slices
from synthtrust.runs import Run

log = logging.getLogger(__name__)


def pictures_if_possible(runs: Sequence[Run], n: int, *, predicted: bool) -> list[Slices]:
    """Return what `pictures_of` does; nothing, and a line in the log, where a file that only pictures need fails."""
    if not n:
        return []
    try:
        with stage("Pictures"):
            return pictures_of(runs, n, predicted=predicted)
    except (Refusal, OSError, InstantiationException) as error:  # the audits are done, which took longer
        log.warning("The page has no pictures: %s", in_one_line(error) or error)
        return []


def pictures_of(runs: Sequence[Run], n: int, *, predicted: bool) -> list[Slices]:
    """Return slices through real test cases and their twins, or beside synthetic cases that are the twins of none.

    Args:
        runs: Finished runs, of one split. Of classifiers whose synthetic cases are the twins of none there are no
            pictures.
        n: How many cases.
        predicted: Whether the checkpoints are asked for their predictions.
    """
    if runs[0].task != "segmentation":
        return class_slices(runs, n) if paired(runs) else []
    networks = networks_of(runs) if predicted else []
    if paired(runs):
        return twin_slices(runs, n, networks)
    tested = set(runs[0].data()["splits"]["test"])
    real = replace(runs[0].cohort, cases=tuple(case for case in runs[0].cohort.cases if case.id in tested))
    return set_slices(real, runs[0].twins, n, networks)


def networks_of(runs: Sequence[Run]) -> list[Network]:
    """Return a network of real training (alpha 1) and one of synthetic training (alpha 0), of the first seed of each.

    A run whose checkpoint is not there any more, or was never there, gives none; a line in the log says so.
    """
    from synthtrust.runs.labelling import RunLabeller  # and with it PyTorch, which a page alone does not need

    names = generator_names(runs)
    of_generator = [run for run, name in zip(runs, names, strict=True) if name == names[0]]
    networks = []
    for trained_on, arms in (
        ("real cases", [run for run in of_generator if run.mix.is_trtr]),
        ("synthetic cases", [run for run in of_generator if run.mix.is_tstr]),
    ):
        if not arms:
            continue
        run = min(arms, key=lambda run: run.mix.seed)
        try:
            if not run.best.is_file():
                raise Refusal(f"{run.best} is not there")
            labeller = RunLabeller(run, run.cohort)
            labeller.prepare()
        except Refusal as refusal:
            log.info("No predictions of a network trained on %s are shown: %s", trained_on, refusal)
            continue
        networks.append(Network(trained_on, labeller.label_map, _dice(run.scores())))
    return networks


def _dice(scores: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Return source and case -> mean Dice over regions."""
    means = scores.groupby(["source", "case"])["dice"].mean().reset_index()
    return {(row["source"], row["case"]): float(row["dice"]) for row in means.to_dict("records")}
