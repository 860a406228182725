"""Surfaces and lesions of runs that were finished without them: their networks label the test cases again."""

import logging
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from torch import inference_mode

from synthtrust.cases import Case, CaseError
from synthtrust.conventions import FACTS, LESION_COLUMNS, LESIONS, SCORES
from synthtrust.data import Prepared, prepare
from synthtrust.metrics import SurfaceRules
from synthtrust.models import Segmenter, lesion_rows
from synthtrust.progress import track
from synthtrust.refusals import Refusal
from synthtrust.runs.own_files import checksums_in, write_facts
from synthtrust.runs.run import Run, trained_model
from synthtrust.runs.scoring import scored_by
from synthtrust.runs.surface_rules import Node, asked_rules
from synthtrust.tables import write_csv

log = logging.getLogger(__name__)

KEY = ["case", "source", "region"]
MOST_APART = 0.01
"""Mean difference from the stored Dice beyond which the network is not taken for the one that was scored: another
processor or precision of the arithmetic moves it by less."""


def add_surfaces(runs: Sequence[Run], node: Node, cache: str) -> None:
    """Score the surfaces and lesions of segmenters that lack them, or have them by other rules; nothing is trained.

    The best checkpoint labels the test cases again. Its Dice is compared with the stored one, which stays. Columns are
    added to ``scores.csv``, every lesion is written to ``lesions.csv``, and last the rules to ``run.json``.

    Args:
        runs: Finished runs; classifiers, and predictions of another trainer, are left as they are.
        node: What is asked, see `asked_rules`.
        cache: Root folder of the preprocessed cases.

    Raises:
        CaseError: If the cases or the twins of a run are not where they were.
        Refusal: If a network predicts something else than it was scored for, or the rules do not fit the regions.
    """
    asked = []
    for run in runs:
        facts = run.facts()
        if run.task != "segmentation" or "predictions" in facts:
            continue
        rules = asked_rules(node, facts.get("spacing_mm"), facts.get("surfaces"))
        if rules is not None and rules.facts(list(facts["regions"])) != facts.get("surfaces"):
            asked.append((run, rules))
    for number, (run, rules) in enumerate(asked, 1):
        log.info("Surfaces of run %d of %d: %s", number, len(asked), run.folder)
        _add(run, rules, cache)


def _add(run: Run, rules: SurfaceRules, cache: str) -> None:
    facts, stored = run.facts(), run.scores().drop(columns="trivial_dice", errors="ignore")
    model: Segmenter = trained_model(run, run.cohort)
    model.score_surfaces(rules)
    prepared = prepare(list(_test_cases(run, stored)), facts["modalities"], cache)
    rows, of_lesions = _labelled(model, prepared, run.name)
    scores = stored.merge(rows, on=KEY, how="left", suffixes=("_stored", ""), validate="one_to_one")
    _check_same_network(run, scores)
    added = [name for name in rows.columns if name not in {*KEY, "patient", "dice", "n_reference", "n_prediction"}]
    table = stored.drop(columns=added, errors="ignore").merge(rows[[*KEY, *added]], on=KEY, how="left")
    columns = [name for name in table.columns if name not in ("overlap", *added)]
    table = table[[*columns, *added, *(["overlap"] if "overlap" in table else [])]]
    every = [name for name in ("alpha", "seed", "mode", "overlap") if name in stored]
    lesions = of_lesions.assign(**{name: stored[name].iloc[0] for name in every})
    lesions = lesions[[*every[:3], *LESION_COLUMNS, *every[3:]]]
    others = {name: checksum for name, checksum in facts.get("files", {}).items() if name not in (LESIONS, SCORES)}
    write_facts(run.folder / FACTS, {**facts, "files": others})  # a process that is killed leaves what can be read
    for name, content in {LESIONS: lesions, SCORES: table}.items():
        write_csv(run.folder / name, content)
    write_facts(run.folder / FACTS, {**facts, **model.facts, "files": checksums_in(run.folder)})


def _test_cases(run: Run, stored: pd.DataFrame) -> Iterator[Case]:
    """Yield the cases that were scored, real and synthetic, in the order of the scores.

    Raises:
        CaseError: If one is not there any more.
    """
    sources = {"real": run.cohort, **({"synthetic": run.twins} if "synthetic" in set(stored["source"]) else {})}
    known = {(source, case.id): case for source, cohort in sources.items() for case in cohort.cases}
    for case_id, source in stored[["case", "source"]].drop_duplicates().itertuples(index=False, name=None):
        if (source, case_id) not in known:
            raise CaseError(
                f"Expected the {source} test case {case_id} of {run.folder}, but it is not among its cases any more."
            )
        yield known[source, case_id]


@inference_mode()
def _labelled(model: Segmenter, prepared: Sequence[Prepared], name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of scores and of lesions of cases that a network labels."""
    rows, of_lesions = [], []
    for case in track(prepared, f"Scoring with {name}"):
        counts, surfaces = scored_by(model, case)
        rows += model.rows_of(case.case, case.case.source.value, counts, surfaces)
        if surfaces is not None:
            of_lesions += list(lesion_rows(case.case, case.case.source.value, model.regions, surfaces))
    return pd.DataFrame(rows), pd.DataFrame(of_lesions, columns=list(LESION_COLUMNS))


def _check_same_network(run: Run, scores: pd.DataFrame) -> None:
    """Refuse scores whose Dice is another than the stored one, and say how far both lie apart if they do."""
    apart = (scores["dice"] - scores["dice_stored"]).abs()
    mean, largest = float(np.nanmean(apart)), float(np.nanmax(apart))
    if not (scores["n_reference"] == scores["n_reference_stored"]).all() or mean > MOST_APART:
        worst = scores.to_dict("records")[int(np.nanargmax(apart))]
        raise Refusal(
            f"Expected the network of {run.folder} to predict what it was scored for, but the Dice of "
            f"{worst['region']} in {worst['source']} case {worst['case']} is {worst['dice']:.4f} and was "
            f"{worst['dice_stored']:.4f}. Its cases or its checkpoint have changed; train it again."
        )
    if largest > 0:
        log.info("Labelled again, Dice differs from the stored one by %.5f in the mean, %.5f at most", mean, largest)
