"""The chapter on subgroups: what synthetic training costs each group of patients, and whether they lose alike."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from synthtrust.report.formatting import count, estimate, number, two_lines
from synthtrust.report.group_sets import set_sections, set_sentences
from synthtrust.report.layout import Chapter, Section, Table

MARKS = {"SUPPORTED": "● SUPPORTED", "NOT SUPPORTED": "■ NOT SUPPORTED", "INCONCLUSIVE": "○ INCONCLUSIVE"}
OUTCOMES = {
    "SUPPORTED": "no group loses more than another by {margin:g} or more",
    "NOT SUPPORTED": "a group loses more than another, or gains less, by more than {margin:g}",
    "INCONCLUSIVE": "that groups lose alike was not shown, nor that they do not",
}


def subgroups_chapter(tables: Mapping[str, pd.DataFrame]) -> Chapter:
    """Lay out the tables of `synthtrust.audits.Subgroups`: those of groups of test patients, and those of sets."""
    groups, pairs, answers = (tables[name] for name in ("groups", "pairs", "answers"))
    several = answers[["generator", "mode"]].drop_duplicates().shape[0] > 1
    sentences, sections = [], []
    for answer in answers.to_dict("records"):
        whose = f" ({answer['generator']}, {answer['mode']})" if several else ""
        own = [
            table[(table[["generator", "mode", "attribute"]] == [answer[key] for key in KEYS]).all(axis=1)]
            if len(table)
            else table
            for table in (groups, pairs)
        ]
        sentences.append(f"Do groups by {answer['attribute']}{whose} lose alike? {_outcome(answer)}")
        sections.append(_section(answer, whose, *own))
    sentences += set_sentences(tables)
    sections += set_sections(tables)
    return Chapter(tuple(sentences), (), tuple(sections))


KEYS = ("generator", "mode", "attribute")


def _outcome(answer: Mapping) -> str:
    largest = f", the largest difference is {number(answer['largest'])}" if np.isfinite(answer["largest"]) else ""
    left_out = int(answer["n_left_out"])
    few = f"; {count(left_out, 'group')} with too few patients left out" if left_out else ""
    untested = int(answer.get("n_untested", 0))
    none = f"; {count(untested, 'group')} without test patients" if untested else ""
    return f"{answer['verdict']}: {OUTCOMES[answer['verdict']].format(**answer)}{largest}{few}{none}."


def _section(answer: Mapping, whose: str, groups: pd.DataFrame, pairs: pd.DataFrame) -> Section:
    rows = [
        {
            "Group": row["group"],
            "TSTR": two_lines(row["tstr"], row["tstr_low"], row["tstr_high"]),
            "TRTR": two_lines(row["trtr"], row["trtr_low"], row["trtr_high"]),
            "TSTR - TRTR": two_lines(row["gap"], row["ci_low"], row["ci_high"], sign=True),
            "Patients": str(row["n_patients"]),
        }
        if row["shown"]
        else {
            "Group": row["group"],
            "TSTR": "too few patients" if row["n_patients"] else "no test patients",
            "TRTR": "",
            "TSTR - TRTR": "",
            "Patients": "fewer" if row["n_patients"] else "0",
        }
        for row in groups.to_dict("records")
    ]
    level = "95 %" if groups["confidence"].isna().all() else f"{100 * groups['confidence'].max():g} %"
    tables = [
        Table(
            f"TSTR against TRTR in each group{whose}", pd.DataFrame(rows),
            f"Intervals: {level} over all groups together (Bonferroni), over patients and training seeds. A score that "
            "is lower in one group than in another may be due to the group alone: read the loss.",
            "intervals",
        )
    ]  # fmt: skip
    if len(pairs):
        compared = [
            {
                "Groups": f"{row['second']} less {row['first']}",
                "Difference of TSTR - TRTR": estimate(row["difference"], row["ci_low"], row["ci_high"], sign=True),
                "Patients": str(row["n_patients"]),
            }
            for row in pairs.to_dict("records")
        ]
        caption = f"Intervals: {level} over all pairs together (Bonferroni); the networks are the same in both groups."
        tables.append(
            Table(f"How much the losses of two groups differ{whose}", pd.DataFrame(compared), caption, "intervals")
        )
    return Section(
        f"Groups by {answer['attribute']}{whose}",
        f"{MARKS[answer['verdict']]}: {OUTCOMES[answer['verdict']].format(**answer)}.",
        tables=tuple(tables),
        limit="Groups that nobody named were not compared, and neither were those of too few patients.",
    )
