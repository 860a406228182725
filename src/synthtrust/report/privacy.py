"""The chapter on privacy: the verdict with its reasons, the controls it rests on, the tests, and pairs to look at."""

from collections.abc import Mapping

import pandas as pd

from synthtrust.report.formatting import EstimateCell, number, percent, probability
from synthtrust.report.layout import Chapter, Section, Table
from synthtrust.report.pairs import PICTURES, pairs_figure

LIMITS = (
    "Not a privacy guarantee, and not anonymisation in the legal sense. The audit sees images, not the generator: what "
    "it finds is a lower bound of what leaks.",
    "The search sees copies of whole images, also noisy, mirrored, inverted, with another gamma, a little warped, or "
    "moved by up to a sixteenth of the side; unmirrored also turned by up to about 10 degrees, of another size by up "
    "to 10 %, of one half, or of one modality of several. Each kind is planted, and every kind that was missed in this "
    "very audit stands in the verdict, which is then at best inconclusive. Larger rotations, several of these changes "
    "at once, strong warps, and copies of less than half an image are neither planted nor seen.",
    "Distances to training data (DCR, NNDR, authenticity, C_T) are shown because many ask for them, but never decide: "
    "sets that pass them are still open to membership inference, and honest sets of low diversity fail them.",
    "Membership inference says nothing about leaks of a few per cent: those are what the copy search is for.",
)

MOST_ROWS = 20


def privacy_chapter(tables: Mapping[str, pd.DataFrame]) -> Chapter:
    """Lay out the tables of the privacy audit: ``tests``, ``controls``, ``copies`` and ``verdict``."""
    names = list(tables["verdict"]["subject"])
    pairs = tables["copies"].attrs.get(PICTURES) or []
    shown = []
    for name in names:
        for table, lay_out in (("controls", _controls), ("tests", _tests)):
            rows = tables[table]
            if len(rows := rows[rows["set"] == name]):
                shown.append(lay_out(rows, name))
    copies = tables["copies"]
    sections = (
        Section(
            "Privacy: does it give away the patients it was learned from?",
            "What the search and the attacks saw in each set, beside the planted copies that say what they can see.",
            tables=tuple(shown),
            notes=LIMITS[1:],
            limit=f"A leak can be shown; its absence cannot. {LIMITS[0]}",
        ),
        Section(
            "Pairs to look at",
            "The synthetic cases that are most like a training case, each beside it.",
            (pairs_figure(pairs),) if pairs else (),
            (_copies(copies),) if len(copies) else (),
            limit="Pairs that look alike need not be copies, and a copy may hide in a change that was not searched.",
        ),
    )
    return Chapter((), (), sections)


def _controls(rows: pd.DataFrame, name: str) -> Table:
    shown = pd.DataFrame(
        {
            "Control": rows["kind"],
            "Result": [number(value) for value in rows["rate"]],
            "n": rows["n"],
            "Passed": ["yes" if passed else "no" for passed in rows["passed"]],
            "Found from": [percent(s) if s == s else "" for s in rows["smallest_share"]],
            "What it is": rows["note"],
        }
    )
    return Table(
        f"Controls of {name}: what was planted, and what came out",
        shown,
        "Copies of training cases are planted among the synthetic ones, exact and transformed, and a verdict of no "
        "leak asks that every kind is found; unseen cases are searched as if they were synthetic. Found from: the "
        "share of such copies in the set of which at least one is found with probability .8, at the lower 95 % limit "
        "of what was found here.",
        "intervals",
    )


def _tests(rows: pd.DataFrame, name: str) -> Table:
    records = rows.to_dict("records")
    shown = pd.DataFrame(
        {
            "Measure": rows["measure"],
            "Value": [EstimateCell(r["value"], r["ci_low"], r["ci_high"]) for r in records],
            "p": [probability(p) for p in rows["p"]],
            "Patients: training, unseen": [f"{r['n_train']}, {r['n_holdout']}" for r in records],
            "Synthetic cases": rows["n_synthetic"],
            "Decides": ["yes" if decisive else "no" for decisive in rows["decisive"]],
            "Note": rows["note"],
        }
    )
    return Table(
        f"Tests of {name}",
        shown,
        "Intervals over patients; shares of copies: exact binomial. p one-sided, permutation.",
        "intervals",
    )


def _copies(copies: pd.DataFrame) -> Table:
    """Return the most suspicious pairs of every set, copies first."""
    most = copies.groupby("set", sort=False).head(MOST_ROWS)
    digits = {"similarity": 3, "z": 1, "r": 1, "strength": 1}
    values = {column: [number(value, decimals) for value in most[column]] for column, decimals in digits.items()}
    shown = pd.DataFrame(
        {
            "Synthetic case": most["synthetic"],
            "Training case": most["nearest_real"],
            "Synthetic set": most["set"],
            "Reading": most["reading"],
            "Own source": most["own_source"].map({True: "yes", False: "no"}),
            "Compared as": most["view"],
            **{column if len(column) == 1 else column.capitalize(): values[column] for column in digits},
        }
    )
    if most["set"].nunique() == 1:
        shown = shown.drop(columns="Synthetic set")
    if not most["reading"].any():
        shown = shown.drop(columns="Reading")
    left = "" if len(most) == len(copies) else f" The first {MOST_ROWS} of each set; all are in the CSV file."
    return Table(
        "Copies, suspects, and the most suspicious others",
        shown,
        "z: how much more similar than unseen patients are; r: how far the nearest stands out from the next five; "
        "strength: the geometric mean of z and −r, in robust standard deviations of unseen patients. Own source: the "
        f"case whose label the twin was painted on.{left}",
    )
