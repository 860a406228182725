"""The chapter on trust: the factors T1 to T5, and what empty regions do to them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from synthtrust.report.claims import claims_section
from synthtrust.report.factor_table import COMPANIONS, SUMMARY, coverage, summary_table
from synthtrust.report.formatting import listing, number, short
from synthtrust.report.layout import BARE_MARKS, Chapter, Figure, LegendEntry, Section, Table
from synthtrust.report.panels import paired_panels, region_key, source_panels
from synthtrust.report.per_case import ADDRESSES, per_case_figure

SOURCE_LEGEND = (
    LegendEntry("real test cases", "real", "●", "real"),
    LegendEntry("synthetic test cases", "synthetic", "■", "synthetic"),
)


def trust_chapter(tables: Mapping[str, pd.DataFrame]) -> Chapter:
    """Lay out the tables of the trust audit: ``factors``, ``pairs``, ``claims``, ``left_out`` and ``empty``."""
    modes = list(dict.fromkeys(tables["factors"]["mode"]))
    sections: list[Section] = []
    for index, mode in enumerate(modes):
        factors, empty = (_of_mode(tables[name], mode) for name in ("factors", "empty"))
        suffix = "" if len(modes) == 1 else f" (mix: {mode})"
        pairs = _pairs(tables, mode)
        sections.append(_factor_section(factors, pairs, suffix, index, _left_out(tables)))
        if len(claims := _of_mode(tables.get("claims", pd.DataFrame()), mode)):
            sections.append(claims_section(claims, suffix))
        sections.append(_empty_section(empty, suffix))
    return Chapter(sections=tuple(sections))


def _pairs(tables: Mapping[str, pd.DataFrame], mode: str) -> pd.DataFrame:
    """Return the pairs of one mode with the addresses of their pictures; older tables have none."""
    every = tables.get("pairs", pd.DataFrame())
    pairs = _of_mode(every, mode)
    pairs.attrs[ADDRESSES] = every.attrs.get(ADDRESSES, {})
    return pairs


def _of_mode(table: pd.DataFrame, mode: str) -> pd.DataFrame:
    return table[table["mode"] == mode] if len(table) else table


def _left_out(tables: Mapping[str, pd.DataFrame]) -> tuple[str, ...]:
    """Return a remark about the control generators that the factors are not about; nothing where there are none."""
    names = list(tables["left_out"]["generator"]) if len(tables.get("left_out", ())) else []
    if not names:
        return ()
    role, stand = ("a control", "stands") if len(names) == 1 else ("controls", "stand")
    return (
        f"Left out: {listing(names)}, as {role} beside the generator that is judged, {stand} in the chapters on "
        "utility, privacy and fidelity alone.",
    )


def _factor_section(
    factors: pd.DataFrame, pairs: pd.DataFrame, suffix: str, index: int, left_out: tuple[str, ...]
) -> Section:
    """Lay out Figs. 4 to 8 of the paper."""
    shaded = "Shaded: the same intervals. " if factors["alpha"].nunique() > 2 else ""
    n = f"{coverage(factors)} {shaded}{BARE_MARKS}"
    labels = {"T1": "T1, mean Dice", "T2": "T2", "T2_regions": "T2", "T5": "T5, std / mean"}
    panels = {factor: source_panels(factors, factor, label, f"{factor}-{index}") for factor, label in labels.items()}
    figures = [
        Figure("T1, overall performance", panels["T1"], f"Fig. 4 of the paper. Higher is better. {n}", SOURCE_LEGEND),
        Figure(
            "T2, consistency",
            (*panels["T2"], *panels["T2_regions"]),
            "Fig. 5 of the paper, in both readings: the spread over cases, as Eq. (7) has it, and the spread over "
            f"regions, as the paper's text has it. Higher is better; 1 is no spread. {n}",
            SOURCE_LEGEND,
        ),
    ]
    paired = factors[factors["factor"] == "T3"]
    regions = list(dict.fromkeys(paired["region"]))
    keys = tuple(replace(region_key(region, i), series="") for i, region in enumerate(regions))
    if regions:
        figures += _paired_figures(factors, keys, n, index)
    figures.append(
        Figure(
            "T5, variability",
            panels["T5"],
            f"Fig. 8 of the paper. Spread over cases relative to the mean; lower is better. {n}",
            SOURCE_LEGEND,
        )
    )
    figures += per_case_figure(pairs, suffix, f"per-case-{index}")
    tables = [summary_table(factors, SUMMARY, f"Trust factors at each share of real cases{suffix}")]
    if regions:
        tables.append(summary_table(factors, COMPANIONS, "What T3 and T4 should be read with, per region"))
    return Section(
        f"Trust factors T1 to T5{suffix}",
        "How well a segmenter does, how steadily, and whether it does on a twin as it does on the patient.",
        tuple(figures),
        tuple(tables),
        (*left_out, *_remarks(factors)),
        "No factor says that a set is useful or safe: T2, T4 and T5 also reward a model that fails everywhere, and "
        "T3 comes out near 1 for unrelated scores.",
    )


def _remarks(factors: pd.DataFrame) -> tuple[str, ...]:
    """Return each remark once, after the factors and regions that it is about."""
    without_floor = (
        factors["factor"].isin(["T4_floor", "T4_excess"]) & factors["value"].isna()
    )  # the caption of T4 says why
    remarks = []
    for note, rows in factors[(factors["note"] != "") & ~without_floor].groupby("note", sort=False):
        about = [
            f"{factor.replace('_', ' ')}" + ("" if region == "all" else f" of {region}")
            for factor, region in rows[["factor", "region"]].drop_duplicates().itertuples(index=False)
        ]
        remarks.append(f"{listing(about)}: {note}")
    return tuple(remarks)


def _paired_figures(factors: pd.DataFrame, keys: Sequence[LegendEntry], n: str, index: int) -> list[Figure]:
    """Lay out T3 with its null and T4 with its floor."""
    floored = bool(factors.loc[factors["factor"] == "T4_floor", "value"].notna().any())
    floor = LegendEntry("between two seeds on the same real cases", "muted", "╌╌", "reference")
    return [
        Figure(
            "T3, alignment of real and synthetic scores",
            paired_panels(factors, "T3", "T3_null", "T3, cosine", f"t3-{index}"),
            "Fig. 6 of the paper. Only what lies above the dashed line speaks for agreement between a case and its "
            f"twin: unrelated scores reach that line; its intervals stand in the table. Mind the axis, which does not "
            f"start at 0. {n}",
            (*keys, LegendEntry("null: no relation between case and twin", "muted", "╌╌", "reference")),
        ),
        Figure(
            "T4, performance gap between a case and its twin",
            paired_panels(factors, "T4", "T4_floor", "T4, mean |ΔDice|", f"t4-{index}"),
            "Fig. 7 of the paper. Lower is better. "
            + ("The dashed line is what two seeds of the same recipe differ by; its intervals stand in the table. "
               if floored else "The floor (what two seeds of one recipe differ by) needs two seeds. ")
            + n,
            (*keys, floor) if floored else tuple(keys),
        ),
    ]  # fmt: skip


def _empty_section(empty: pd.DataFrame, suffix: str) -> Section:
    """Show where regions were empty and what the rule for them changes."""
    title = f"Empty regions{suffix}"
    lead = (
        "Where a region is empty in the reference and in the prediction, Dice is 0/0. BraTS counts 1; others leave the "
        "case out. If only one of the two is empty, Dice is 0."
    )
    affected = empty[(empty["n_empty_reference"] > 0) | (empty["n_empty_prediction"] > 0)]
    if affected.empty:
        return Section(
            title, notes=("No region was empty in any reference or prediction: the rule for 0/0 changes nothing.",)
        )
    rows = pd.DataFrame(
        {
            "α": [short(a) for a in affected["alpha"]],
            "Test set": affected["source"].tolist(),
            "Region": affected["region"].tolist(),
            "Cases": affected["n_cases"].tolist(),
            "Reference empty [cases]": affected["n_empty_reference"].tolist(),
            "Prediction empty [cases × seeds]": affected["n_empty_prediction"].tolist(),
            "Both empty [cases × seeds]": affected["n_both_empty"].tolist(),
            "Mean Dice, both empty = 1": [number(v) for v in affected["dice_brats"]],
            "Mean Dice, left out": [number(v) for v in affected["dice_nan"]],
            "Order of alphas changes": ["yes" if flips else "no" for flips in affected["ranking_flips"]],
        }
    )
    table = Table("Regions that were empty somewhere", rows, "Means over cases and seeds.")
    flips = affected.loc[affected["ranking_flips"].astype(bool), ["source", "region"]].drop_duplicates()
    notes = tuple(
        f"Inconclusive for {region} on {source} test cases: the order of the alphas depends on the rule."
        for source, region in flips.itertuples(index=False)
    )
    return Section(title, lead, tables=(table,), notes=notes, limit="Neither rule is the right one for every question.")
