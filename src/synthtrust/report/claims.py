"""The section on the position paper's claims: what the runs show of each, and whether it holds."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from synthtrust.report.formatting import count, listing, two_lines
from synthtrust.report.layout import Section, Table


@dataclass(frozen=True)
class Statement:
    """A claim in words."""

    factor: str
    """The factor that it is about."""
    text: str
    """The sentence that is tested."""
    parts: Mapping[str, str]
    """Part -> what its number is."""
    remark: str = ""
    """What fulfils it without any trust, in a whole sentence."""


STATEMENTS: Mapping[str, Statement] = {
    "T1_ends": Statement(
        "T1",
        "At α = 0 a model scores worse on real than on synthetic cases, at α = 1 better.",
        {"alpha_0": "T1 real less synthetic, α = 0", "alpha_1": "T1 real less synthetic, α = 1"},
        "T1 at both ends: any generator whose cases differ from real ones shows this, since a model is better on "
        "what it was trained on.",
    ),
    "T1_middle": Statement(
        "T1",
        "At α = 0.5 real and synthetic cases score alike.",
        {"alpha_0.5": "T1 real less synthetic, α = 0.5"},
        "T1 at α = 0.5: where the ends lie apart in opposite directions, the curves meet somewhere.",
    ),
    "T2_higher": Statement(
        "T2",
        "T2 is higher on synthetic than on real cases.",
        {"mean": "T2 synthetic less real, mean over α"},
        "T2: a generator that paints all cases alike shows a higher one, and so does a model that fails on every "
        "synthetic case.",
    ),
    "T3_order": Statement(
        "T3",
        "T3 falls from ED over ET to NCR.",
        {"ED_ET": "T3 of ED less ET, mean over α", "ET_NCR": "T3 of ET less NCR, mean over α"},
        "The order of T3: that of unrelated scores is nearly a function of T5, so that regions with steady scores have "
        "a high one.",
    ),
    "T3_falls": Statement(
        "T3", "T3 falls as the share of real cases grows.", {"slope": "slope of T3 over α, mean over regions"}
    ),
    "T4_middle": Statement(
        "T4",
        "T4 is smaller at α = 0.5 than at both ends.",
        {"alpha_0": "T4 at α = 0.5 less at 0", "alpha_1": "T4 at α = 0.5 less at 1"},
        "T4 has a floor: what two seeds differ by.",
    ),
    "T5_lower": Statement(
        "T5",
        "T5 is lower on synthetic than on real cases.",
        {"mean": "T5 synthetic less real, mean over α and regions"},
        "T5: a generator that paints all cases alike shows a lower one.",
    ),
    "T5_stable": Statement(
        "T5",
        "T5 on synthetic cases stays the same in the middle of the curve.",
        {"change": "T5 synthetic, largest α below 1 less smallest above 0, mean over regions"},
    ),
}
"""Code of a claim -> its words, in the order of the page."""

MARKS = {"holds": "● holds", "does not hold": "■ does not hold", "cannot tell": "○ cannot tell"}


def claims_section(claims: pd.DataFrame, suffix: str) -> Section:
    """Lay out the rows of `synthtrust.audits.claims.decide.claim_rows` for one mix."""
    rows: list[dict[str, str]] = []
    remarks: list[str] = []
    for code, parts in claims.groupby("claim", sort=False):
        statement, first = STATEMENTS[str(code)], parts.iloc[0]
        answer = MARKS[first["answer"]] + _lack(first["lack"], tuple(first["needs"]))
        for place, part in enumerate(parts.to_dict("records")):
            rows.append(
                {
                    "Factor": statement.factor,
                    "Claim": statement.text if place == 0 else "",
                    "Contrast": statement.parts[part["part"]],
                    "These runs": two_lines(part["value"], part["ci_low"], part["ci_high"], sign=True),
                    "Answer": answer if place == 0 else "",
                }
            )
        remarks += filter(None, (statement.remark, _controls(statement, tuple(first["controls"]))))
    tested = claims[claims["n_patients"] > 0]
    numbers = ""
    if len(tested):
        level = f"{100 * tested['confidence'].iloc[0]:g} %"
        patients, seeds = (int(tested[name].max()) for name in ("n_patients", "n_seeds"))
        n = f"{count(patients, 'patient')}, {count(seeds, 'seed')} at each α"
        numbers = f" Intervals: {level}, paired, over patients and training seeds; {n}."
    tolerance = claims["tolerance"].iloc[0]
    caption = (
        "One contrast a line, settled before looking; a claim holds where every line is shown to lie where it says. "
        f"Answers are corrected for the number of claims (Holm). Alike and the same mean within {tolerance:g}.{numbers}"
    )
    return Section(
        f"The paper's claims{suffix}",
        "What the position paper says about T1 to T5 on BraTS with twins of Med-DDPM, tested on these runs.",
        tables=(Table("Which of the claims hold here", pd.DataFrame(rows), caption, "intervals", stays_open=True),),
        notes=tuple(dict.fromkeys(remarks)),
        limit="A claim that holds says what the factors do, not that the set can be trusted.",
    )


def _lack(lack: str, needs: tuple[str, ...]) -> str:
    """Say what is missing for a test; nothing where one was made.

    >>> _lack("alphas", ("0", "0.5")), _lack("seeds", ()), _lack("", ())
    (': no runs at α = 0 and 0.5', ': one training seed', '')
    """
    words = {
        "alphas": "no runs at α = {}",
        "inner_alphas": "fewer than {} shares between 0 and 1",
        "regions": "the cohort has no {}",
        "patients": "fewer than {} patients",
        "seeds": "one training seed",
        "undefined": "a factor is undefined, or has no interval",
    }
    return ": " + words[lack].format(listing(needs) if needs else "") if lack else ""


def _controls(statement: Statement, names: tuple[str, ...]) -> str:
    if not names:
        return ""
    role = "the control" if len(names) == 1 else "the controls"
    return f"{statement.text} This holds for {role} {listing(names)} as well."
