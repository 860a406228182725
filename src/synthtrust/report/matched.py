"""What twins add to the same real cases: the curve of the count-matched control, the table, and the sentence."""

from collections.abc import Iterator

import pandas as pd

from synthtrust.conventions import CONTROLS, WITH_TWINS_FOR_REAL
from synthtrust.report.formatting import count, interval, listing, number, short
from synthtrust.report.layout import LegendEntry, Table

WORDS = {
    "real_only": "the same real cases without twins",
    "duplicate_real": "the same real cases, repeated",
}
"""Mode of a control -> what it is trained on."""
LEGEND = {
    mode: LegendEntry(words, "muted", glyph, mode) for (mode, words), glyph in zip(WORDS.items(), "◆▲", strict=True)
}
COMMAND = "data.mode=real_only (for alpha_sweep: experiment=alpha_controls)"


def controls_of(curve: pd.DataFrame, mode: str) -> pd.DataFrame:
    """Return the curves of the controls beside those of a mix, on real test cases, up to all real cases alone.

    The arm of all real cases is that of the mix: at alpha 1 every control is the same, and is not trained again.

    Args:
        curve: The curves of one generator.
        mode: That of the mix; none but a mix that gives twins for real cases has controls.
    """
    real = curve[curve["source"] == "real"]
    if mode not in WITH_TWINS_FOR_REAL:
        return real.iloc[:0]
    of_mix = set(real.loc[real["mode"] == mode, "alpha"])
    parts = [real.iloc[:0]]
    for control in CONTROLS:
        rows = real[(real["mode"] == control) & real["alpha"].isin(of_mix)]
        if len(rows) and 1.0 not in set(rows["alpha"]):
            rows = pd.concat([rows, real[(real["mode"] == mode) & (real["alpha"] == 1)].assign(mode=control)])
        parts.append(rows)
    return pd.concat([part for part in parts if len(part)] or parts)


def matched_caption(controls: pd.DataFrame) -> str:
    """Say how the controls are drawn; empty without any."""
    if controls.empty:
        return ""
    names = listing(WORDS[mode] for mode in dict.fromkeys(controls["mode"]))
    return (
        f" Dashed, in grey: {names}, which tell what fewer real cases alone do; what lies above them was added by the "
        "twins. All meet at α = 1. Their bars do not tell whether two curves differ: the table of differences does."
    )


def matched_table(matched: pd.DataFrame, title: str) -> Table:
    """Return mix, control and difference at each share."""
    rows = [
        {
            "α": short(row["alpha"]),
            "Mix": _cell(row["value"], row["value_low"], row["value_high"]),
            "Control": WORDS[row["control"]],
            "Its score": _cell(row["reference"], row["reference_low"], row["reference_high"]),
            "Difference": _cell(row["gap"], row["ci_low"], row["ci_high"], sign=True),
            "Limits that hold for all shares together": interval(row["all_low"], row["all_high"], sign=True) or "n/a",
        }
        for row in matched.to_dict("records")
    ]
    first = matched.iloc[0]
    return Table(
        title,
        pd.DataFrame(rows),
        f"On real test cases ({count(first['n_cases'], 'case')} of {count(first['n_patients'], 'patient')}); "
        f"{100 * first['confidence']:g} % intervals of the paired difference over patients and training seeds. At each "
        "share both hold the same real cases, drawn by the same seeds, and take as many optimizer steps.",
        "intervals",
    )


def matched_sentences(matched: pd.DataFrame) -> Iterator[str]:
    """Say at which shares twins are shown to add something to the same real cases, or to cost something."""
    for control, rows in matched.groupby("control", sort=False):
        words = f"Against {WORDS[str(control)]}"
        if min(rows["n_seeds"].min(), rows["n_seeds_control"].min()) < 2:
            yield f"{words}, twins were not judged: with one training seed another training may make the difference."
            continue
        more, less = rows[rows["all_low"] > 0], rows[rows["all_high"] < 0]
        shown = [
            f"{verb} at α = {listing(short(a) for a in decided['alpha'])}"
            for verb, decided in (("add", more), ("cost", less))
            if len(decided)
        ]
        outcome = f"twins are shown to {' and to '.join(shown)}" if shown else "twins are not shown to add or cost"
        shares = f"of {count(len(rows), 'share')} tried"
        yield f"{words}, {outcome} ({shares}; limits that hold for all of them together)."


def missing_controls(curve: pd.DataFrame, mode: str) -> Iterator[str]:
    """Say that a mix was trained without its control."""
    shares = set(curve.loc[(curve["mode"] == mode) & (curve["source"] == "real"), "alpha"])
    if mode in WITH_TWINS_FOR_REAL and shares - {0.0, 1.0} and controls_of(curve, mode).empty:
        yield (
            "Whether twins add anything to the real cases beside them is not told here: that takes the same real cases "
            f"without twins at each share, runs with {COMMAND}."
        )


def _cell(value: float, low: float, high: float, *, sign: bool = False) -> str:
    return f"{number(value, sign=sign)}\n{interval(low, high, sign=sign)}".rstrip()
