"""The trivial predictor beside a segmenter of real cases: what position alone scores on the same test cases."""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from hydra.errors import InstantiationException

from synthtrust.cases import Case, CaseError
from synthtrust.conventions import TRIVIAL
from synthtrust.files import fingerprint
from synthtrust.runs.run import Run
from synthtrust.tables import write_csv

if TYPE_CHECKING:
    from synthtrust.data import Prepared

log = logging.getLogger(__name__)


def write_trivial(run: Run, facts: Mapping[str, Any], train: Sequence["Prepared"], test: Sequence["Prepared"]) -> None:
    """Learn a prior of positions from the real training cases, and leave its Dice on the real test cases in the folder.

    Args:
        run: The run whose folder it is.
        facts: What the run says about itself: ``regions`` and ``empty``.
        train: The real training cases.
        test: The real test cases.
    """
    _save(run, _trivial_table(facts, train, test))


def add_trivial(runs: Sequence[Run], cache: str) -> None:
    """Score the trivial predictor for segmenters of real cases that an older version left without it.

    A run whose cases are not here any more stays without; the audit of utility then says so.

    Args:
        runs: Finished runs, any of them.
        cache: Root folder of the preprocessed cases.
    """
    tables: dict[str, pd.DataFrame] = {}  # the seeds of a sweep share their cases
    for run in runs:
        if run.task != "segmentation" or run.facts().get("alpha") != 1 or (run.folder / TRIVIAL).is_file():
            continue
        table = trivial_scores(run, None, cache, tables)
        if table is None:
            continue
        try:
            _save(run, table)
        except OSError as error:  # of a folder that may only be read
            log.warning("The trivial predictor of %s was not stored: %s", run.folder, error)


def trivial_scores(
    run: Run, cases: Sequence[Case] | None, cache: str, tables: dict[str, pd.DataFrame]
) -> pd.DataFrame | None:
    """Return what position alone scores, as the real training cases of a segmenter show it; None if they are not here.

    Args:
        run: A finished run.
        cases: What is scored, with the modalities of the run; None for its own test cases.
        cache: Root folder of the preprocessed cases.
        tables: What was scored before, by the cases behind it; is added to.

    Returns:
        The columns case, region and trivial_dice.
    """
    from synthtrust.data import prepare  # and with it PyTorch, which a page alone does not need

    facts = run.facts()
    try:
        splits = run.data()["splits"]
        by_id = {case.id: case for case in run.cohort.cases}
        train, test = ([by_id[case_id] for case_id in splits[part]] for part in ("train", "test"))
        prepared = prepare([*train, *(test if cases is None else cases)], facts["modalities"], cache)
    except (CaseError, InstantiationException, KeyError, OSError) as error:
        why = error.__cause__ or error
        log.warning("No trivial predictor beside %s: its cases are not here (%s)", run.folder, why)
        return None
    key = fingerprint([facts["regions"], facts["empty"], len(train), [str(case.folder) for case in prepared]])
    if key not in tables:
        tables[key] = _trivial_table(facts, prepared[: len(train)], prepared[len(train) :])
    return tables[key]


def _trivial_table(facts: Mapping[str, Any], train: Sequence["Prepared"], test: Sequence["Prepared"]) -> pd.DataFrame:
    """Return the Dice of the prior on each test case and region: case, region, trivial_dice."""
    from synthtrust.data import PositionalPrior

    regions = facts["regions"]
    prior = PositionalPrior.fit(train, regions, facts["empty"])
    rows = [
        {"case": case.case.id, "region": region, "trivial_dice": dice}
        for case in test
        for region, dice in zip(regions, prior.dice(case), strict=True)
    ]
    return pd.DataFrame(rows)


def _save(run: Run, table: pd.DataFrame) -> None:
    write_csv(run.folder / TRIVIAL, table)
