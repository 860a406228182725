"""The synthetic set by groups of patients: who is in it how often, who is copied, and who is painted worse."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from synthtrust.report.formatting import EstimateCell, count, listing, percent, probability
from synthtrust.report.layout import Section, Table

WORDS = {
    ("shares", "NOT SUPPORTED"): "{groups} {are} under-represented",
    ("shares", "SUPPORTED"): "no group is under-represented",
    ("shares", "INCONCLUSIVE"): "that no group is under-represented was not shown",
    ("shares", "not known"): "how often each group is shown is not known",
    ("copies", "NOT SUPPORTED"): "patients of {groups} are copied more often than others",
    ("copies", "INCONCLUSIVE"): "no group is shown to be copied more often",
    ("copies", "not known"): "whose patients are copied is not known",
    ("copies", "not measured"): "copies were not searched",
    ("fidelity", "NOT SUPPORTED"): "{groups} {are} painted worse than others",
    ("fidelity", "INCONCLUSIVE"): "no group is shown to be painted worse",
    ("fidelity", "not known"): "who is painted worse is not known",
    ("fidelity", "not measured"): "fidelity was not measured",
}
"""(question, reading) -> what it says of a synthetic set."""
SUBJECT = ["set", "attribute"]
TOO_FEW = "too few patients"

Tables = Mapping[str, pd.DataFrame]


def set_sentences(tables: Tables) -> Iterator[str]:
    """Yield a sentence for each synthetic set and attribute, with the answers to all three questions."""
    for (name, attribute), rows in _subjects(tables):
        parts = listing([_said(row) for row in rows.to_dict("records")])
        several = tables["set_answers"]["set"].nunique() > 1
        yield f"In the synthetic set{f' {name}' if several else ''}, by {attribute}: {parts}."


def set_sections(tables: Tables) -> Iterator[Section]:
    """Yield a section for each synthetic set and attribute."""
    for (name, attribute), rows in _subjects(tables):
        own = {
            table: frame[(frame["set"] == name) & (frame["attribute"] == attribute)]
            for table, frame in tables.items()
            if "set" in frame
        }
        several = tables["set_answers"]["set"].nunique() > 1
        yield Section(
            f"The synthetic set by {attribute}{f' ({name})' if several else ''}",
            " ".join(_sentence(_said(row)) for row in rows.to_dict("records")),
            tables=tuple(_tables(own)),
            notes=tuple(row["note"] for row in rows.to_dict("records") if row["note"]),
            limit="KID is that of images: groups whose patients differ more from one another have a larger KID for the "
            "same fault. Of groups that nobody named nothing is said.",
        )


def _subjects(tables: Tables) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    if "set_answers" in tables:
        for (name, attribute), rows in tables["set_answers"].groupby(SUBJECT, sort=False):
            yield (str(name), str(attribute)), rows


def _said(row: Mapping) -> str:
    groups = [str(name) for name in row["groups"]]
    words = WORDS[row["question"], row["verdict"]]
    return words.format(groups=listing(groups) if groups else "", are="are" if len(groups) > 1 else "is")


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _tables(own: Tables) -> Iterator[Table]:
    if "shares" in own and len(shares := own["shares"]):
        yield Table(
            "Share of each group among training and synthetic cases",
            pd.DataFrame([_share(row) for row in shares.to_dict("records")]),
            "Exact binomial intervals over all groups together: what other synthetic cases, drawn in the same way, may "
            "have. The training cases are as they are. A group is under-represented if its interval lies below its "
            "share among them.",
            "intervals",
        )
    if "copies" in own and len(copies := own["copies"]):
        yield Table(
            "Training patients of each group of whom there is a copy",
            pd.DataFrame([_copied(row) for row in copies.to_dict("records")]),
            "Copies as the copy search of the audit of privacy calls them (P1), by the training case that is copied. "
            f"Exact binomial intervals over all groups together.{_smallest_p(own.get('copies_pairs'))}",
            "intervals",
        )
    if "fidelity" in own and len(fidelity := own["fidelity"]):
        yield Table(
            "KID of each group",
            pd.DataFrame([_kid(row) for row in fidelity.to_dict("records")]),
            "Synthetic cases of a group against its real ones that the generator never saw, in the coordinates of the "
            "whole set. Intervals over all groups and spaces together (Bonferroni), over patients.",
            "intervals",
        )
    if "fidelity_pairs" in own and len(pairs := own["fidelity_pairs"]):
        yield Table(
            "How much the KID of two groups differs",
            pd.DataFrame(
                [
                    {
                        "Groups": f"{row['second']} less {row['first']}",
                        "Feature space": row["space"],
                        "Difference of KID": EstimateCell(row["difference"], row["ci_low"], row["ci_high"], sign=True),
                    }
                    for row in pairs.to_dict("records")
                ]
            ),
            "Intervals over all pairs and spaces together (Bonferroni).",
            "intervals",
        )


def _share(row: Mapping) -> dict[str, object]:
    if not row["shown"]:
        return {"Group": row["group"], "Training cases": TOO_FEW, "Synthetic cases": "", "Share in the set": ""}
    return {
        "Group": row["group"],
        "Training cases": f"{row['n_train']:.0f} ({percent(row['share_train'])})",
        "Synthetic cases": f"{row['n_synthetic']:.0f}",
        "Share in the set": EstimateCell(row["share"], row["ci_low"], row["ci_high"]),
    }


def _copied(row: Mapping) -> dict[str, object]:
    if not row["shown"]:
        return {"Group": row["group"], "Training patients": TOO_FEW, "Copied": "", "Share copied": ""}
    return {
        "Group": row["group"],
        "Training patients": f"{row['n_patients']:.0f}",
        "Copied": f"{row['n_copied']:.0f}",
        "Share copied": EstimateCell(row["share"], row["ci_low"], row["ci_high"]),
    }


def _kid(row: Mapping) -> dict[str, object]:
    cells = {"Group": row["group"], "Feature space": row["space"]}
    if not row["shown"]:
        return cells | {"KID": TOO_FEW, "Patients": ""}
    patients = f"{row['n_real']:.0f} real, {row['n_synthetic']:.0f} synthetic"
    return cells | {"KID": EstimateCell(row["value"], row["ci_low"], row["ci_high"]), "Patients": patients}


def _smallest_p(pairs: pd.DataFrame | None) -> str:
    if pairs is None or not len(pairs) or not np.isfinite(pairs["p"]).any():
        return ""
    p = min(float(pairs["p"].min()) * len(pairs), 1.0)
    words = probability(p)
    return f" The smallest p of {count(len(pairs), 'pair')}, by Fisher's exact test and corrected, is {words}."
