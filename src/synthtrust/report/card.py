"""The trust card: one page for the person who receives a synthetic set, from the same tables as the report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthtrust.conventions import NOT_ASSESSED, PARTS_OF_PATIENTS
from synthtrust.files import write_json, write_text
from synthtrust.report.formatting import estimate, interval, listing, number, short
from synthtrust.report.labels import labelled_sentence
from synthtrust.report.scorecard import scorecard
from synthtrust.report.template import environment, without_direction
from synthtrust.report.verdicts import AxisVerdict, axis_verdicts, concerning, reading, verdict_records
from synthtrust.verdicts import Subject

PAGE, JSON = "trust_card.html", "trust_card.json"
Tables = Mapping[str, Mapping[str, pd.DataFrame]]

SHOWN = {
    "quality": ("KID", "precision"),
    "diversity": ("recall", "coverage, all cases", "MS-SSIM between cases"),
}
"""Table of fidelity -> the measures that the card has room for."""

LIMITS = (
    "The verdicts hold for the files that the manifest names, compared with the real cases of this study; other "
    "scanners, hospitals and tasks were not looked at.",
    "Nothing here is a privacy guarantee, and the set is not anonymised in the legal sense.",
)
DISCLOSES = (
    "The twins carry label maps of real patients: shape and place of each label are a real patient's, and each twin "
    "can be linked to that patient by its label alone."
)
DISCLOSES_SOME = (
    "Label maps of real patients are in the set, as they are or changed a little, and each of these cases can be "
    "linked to that patient by its label; the verdict on privacy says how many, and whether the set declares it."
)
EDITED = (
    "Label maps are edited from those of {} training cases, which the manifest names as parents; whether they can be "
    "recognised as these patients' is part of the verdict on privacy."
)
PATIENTS_OWN = "Partly synthetic: these images are the patients' own by declaration, and are disclosed: {}."
LABEL_MAPS_FOUND = frozenset({"mask_disclosure", "label_maps"})
"""Codes of reasons which say that label maps of patients were found."""
UNKNOWN = "The manifest does not say which cases the generator learned from: scores on any real case may be too good."


def write_cards(folder: str | Path, tables: Tables, sets: Sequence[Mapping[str, Any]]) -> dict[str, Path]:
    """Write ``cards/<set>/trust_card.json`` and ``trust_card.html`` for each synthetic set.

    Args:
        folder: The folder of the report.
        tables: Audit name -> table name -> tidy table, as for the page. A card never says more than they do.
        sets: The facts of each set: name, cases, modalities, labels, training_ids (how many; None if unknown), licence,
            manifest_sha256, generator, recipe, intended_use, mask_disclosure, label_maps, patients_own.

    Returns:
        Name of each set -> its page.
    """
    subjects = [_subject(synthetic_set) for synthetic_set in sets]
    pages = {}
    for synthetic_set, subject in zip(sets, subjects, strict=True):
        facts = card(tables, synthetic_set, [other for other in subjects if other != subject])
        card_folder = Path(folder) / "cards" / subject.synthetic_set
        write_json(card_folder / JSON, facts)
        texts = [(verdict, facts[verdict["axis"]]) for verdict in facts["verdicts"]]
        text = environment().get_template("card.html.j2").render(**facts, axes=texts)
        write_text(card_folder / PAGE, without_direction(text))
        pages[subject.synthetic_set] = card_folder / PAGE
    return pages


def _subject(synthetic_set: Mapping[str, Any]) -> Subject:
    return Subject(str(synthetic_set["name"]), str(synthetic_set["generator"]).rpartition(".")[2])


def card(tables: Tables, synthetic_set: Mapping[str, Any], others: Sequence[Subject] = ()) -> dict[str, Any]:
    """Return what the card of one set says, as plain JSON values; what no audit looked at is not assessed."""
    verdicts = concerning(axis_verdicts(tables), _subject(synthetic_set), others)
    fidelity = tables.get("fidelity", {})
    return {
        "name": synthetic_set["name"],
        "reading": reading(verdicts),
        "verdicts": verdict_records(verdicts),
        **{word: _numbers(fidelity.get(word), str(synthetic_set["name"]), shown) for word, shown in SHOWN.items()},
        "scorecard": scorecard(tables, synthetic_set, verdicts),
        "proportion": _proportion(fidelity.get("proportion"), str(synthetic_set["name"])),
        **{axis.axis: _reasons(axis) for axis in verdicts},
        "provenance": {
            "cases": synthetic_set["cases"],
            "modalities": list(synthetic_set["modalities"]),
            "labels": list(synthetic_set["labels"]),
            "generator": synthetic_set["generator"],
            "recipe": {str(key): str(value) for key, value in synthetic_set["recipe"].items()},
            "training_cases": "unknown" if synthetic_set["training_ids"] is None else synthetic_set["training_ids"],
            "licence": synthetic_set["licence"],
            "manifest_sha256": synthetic_set["manifest_sha256"],
        },
        "limits": [*_limits(synthetic_set), *_found_by_audits(synthetic_set, verdicts)],
        "intended_use": synthetic_set["intended_use"],
    }  # fmt: skip


def _limits(synthetic_set: Mapping[str, Any]) -> list[str]:
    """Return what the card warns of."""
    return [*LIMITS, *limits_of(synthetic_set)]


def _found_by_audits(synthetic_set: Mapping[str, Any], verdicts: Sequence[AxisVerdict]) -> list[str]:
    """Return what a card warns of since an audit found it: label maps of patients in a set that has no twins."""
    codes = {reason.code for axis in verdicts for finding in axis.findings for reason in finding.reasons}
    return [DISCLOSES_SOME] if not synthetic_set["mask_disclosure"] and codes & LABEL_MAPS_FOUND else []


def limits_of(synthetic_set: Mapping[str, Any]) -> list[str]:
    """Return what one set in particular warns of: whose labels, whose images, and what is not known."""
    limits = []
    if labeller := synthetic_set.get("labelled_by"):
        limits.append(labelled_sentence(labeller))
    if own := synthetic_set.get("patients_own"):
        limits.append(PATIENTS_OWN.format(listing([PARTS_OF_PATIENTS.get(name, name) for name in own])))
    if synthetic_set["mask_disclosure"]:
        limits.append(DISCLOSES)
    if made_from := synthetic_set.get("label_maps"):
        limits.append(EDITED.format(made_from["edited_from"]))
    if synthetic_set["training_ids"] is None:
        limits.append(UNKNOWN)
    return limits


def _numbers(rows: pd.DataFrame | None, name: str, measures: Sequence[str]) -> list[dict[str, str]]:
    """Return the numbers of one set as text: measure, where, value, floor, n."""
    if rows is None:
        return []
    shown_rows = rows[(rows["set"] == name) & rows["measure"].isin(measures)]
    return [
        {
            "measure": r["measure"],
            "space": r["space"],
            "value": estimate(r["value"], r["ci_low"], r["ci_high"]),
            "real_halves": interval(r["floor_low"], r["floor_high"]) or number(r["floor"]),
            "patients": f"{r['n_real']} real, {r['n_synthetic']} synthetic",
        }
        for r in shown_rows.to_dict("records")
    ]


def _proportion(rows: pd.DataFrame | None, name: str) -> str:
    if rows is None or not (rows["set"] == name).any():
        return NOT_ASSESSED
    alphas = sorted(rows.loc[rows["set"] == name, "alpha"].unique())
    return f"Trained with shares of real cases α = {listing([short(alpha) for alpha in alphas])}."


def _reasons(axis: AxisVerdict) -> str:
    """Return the reasons of an axis; where it was asked about several comparisons, each behind its own verdict."""
    if len(axis.findings) == 1:
        return axis.findings[0].text
    return (
        " ".join(f"{finding.verdict}, {finding.subject}: {finding.text}" for finding in axis.findings) or NOT_ASSESSED
    )
