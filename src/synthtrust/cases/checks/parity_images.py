"""Parity of labelled images: what tells twins from real images before any content is compared."""

import pandas as pd

from synthtrust.refusals import CaseError

OF_WHOLE_IMAGES = ("class", "findings")
"""Properties that stand for the label where it is no map."""

FINER = 4  # times as many different values in one source as in the other: it was not rounded as the other was


def check_classes(table: pd.DataFrame) -> None:
    """Check that every twin has the class, or the findings, of its real case.

    Raises:
        CaseError: If one has another.
    """
    rows = table[table["property"].isin(OF_WHOLE_IMAGES) & (table["real"] != table["synthetic"])]
    if len(rows):
        first = rows.iloc[0]
        raise CaseError(
            f"Expected twins with the {first['property']} of their real case, but {len(rows)} have another, "
            f"first {first['case']}: {first['synthetic']} against {first['real']}. Paint them anew."
        )


def different_shapes(table: pd.DataFrame) -> list[str]:
    """Return a warning if twins have a shape that no real image has."""
    rows = table[table["property"] == "shape"]
    real, synthetic = ({str(shape) for shape in rows[source]} for source in ("real", "synthetic"))
    if not synthetic - real:
        return []
    return [
        f"Twins are {', '.join(sorted(synthetic)[:3])}, real images {', '.join(sorted(real)[:3])}: resizing blurs them "
        "differently, and a network can tell that."
    ]


def different_rounding(table: pd.DataFrame) -> list[str]:
    """Return a warning for each modality in which one source has many more different values than the other."""
    warnings = []
    for modality, part in table[table["property"] == "different values"].groupby("modality", sort=False):
        real, synthetic = float(part["real"].median()), float(part["synthetic"].median())
        if max(real, synthetic) > FINER * min(real, synthetic):
            warnings.append(
                f"Twins have {synthetic:.0f} different values in {modality}, real images {real:.0f}: they were not "
                "rounded alike, and a network can tell that."
            )
    return warnings
