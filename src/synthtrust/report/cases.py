"""The chapter on the cases: how large the regions are, or how many there are of each class."""

from collections.abc import Mapping

import pandas as pd

from synthtrust.report.formatting import number
from synthtrust.report.layout import DESCRIBED, Chapter, Figure, Section, Table
from synthtrust.report.panels import region_key, volume_panels

TWINS_ALIKE = "Twins are painted on real labels: their volumes are the same. "


def cases_chapter(tables: Mapping[str, pd.DataFrame]) -> Chapter:
    """Show the table ``volumes`` (case, patient, part, source, region, volume_ml), Fig. 3 of the paper; or ``classes``.

    Classifiers have no regions: their table ``classes`` (case, patient, part, source, class; present, of findings) is
    counted.
    """
    if "classes" in tables:
        kind = "finding" if "present" in tables["classes"] else "class"
        return Chapter(
            sections=(
                Section(
                    f"How many cases there are of each {kind}",
                    "What the models learned from and were tested on.",
                    tables=(_classes(tables["classes"]),),
                    limit="Counts say nothing of how hard the cases are.",
                ),
            )
        )
    volumes = tables["volumes"]
    synthetic = "synthetic" in set(volumes["source"])
    keys = tuple(region_key(region, i) for i, region in enumerate(volumes["region"].unique()))
    figure = Figure(
        title="Volume per region",
        panels=volume_panels(volumes),
        caption="Fig. 3 of the paper. One dot per case (all parts of the split); the box holds the middle half, its "
        "line is the median, the whiskers reach the furthest case within 1.5 box lengths. The axis is logarithmic; a "
        "region that a case does not have is counted below its name. "
        + ("Synthetic cases have label maps of their own. " if synthetic else TWINS_ALIKE)
        + DESCRIBED,
        legend=keys,
        wide=True,
    )
    return Chapter(
        sections=(
            Section(
                "How large the regions are",
                "What the models learned from and were tested on.",
                (figure,),
                (_counts(volumes),),
                limit="Volumes come from the label maps: they say nothing of the images.",
            ),
        ),
    )


def _counts(volumes: pd.DataFrame) -> Table:
    """Return cases, patients and median volumes in each part of the split."""
    rows = []
    for (part, source), of_part in volumes.groupby(["part", "source"], sort=False):
        medians = of_part.groupby("region", sort=False)["volume_ml"].median()
        rows.append(
            {
                "Part": part,
                "Source": source,
                "Cases": of_part["case"].nunique(),
                "Patients": of_part["patient"].nunique(),
            }
            | {f"{region} [ml]": number(float(value), 2) for region, value in medians.items()}
        )
    return Table("Cases in each part, with the median volume of each region", pd.DataFrame(rows).fillna("n/a"))


def _classes(classes: pd.DataFrame) -> Table:
    """Return cases and patients of each class or finding in each part of the split; one without any has a 0."""
    rows = []
    several, unpaired = "present" in classes, "synthetic" in set(classes["source"])
    for (part, source), of_part in classes.groupby(["part", "source"], sort=False):
        counts = (of_part[of_part["present"] == 1] if several else of_part)["class"].value_counts()
        counted = {"Cases": of_part["case"].nunique(), "Patients": of_part["patient"].nunique()}
        named = {str(name): int(counts.get(name, 0)) for name in classes["class"].unique()}
        rows.append({"Part": part, **({"Source": source} if unpaired else {}), **counted, **named})
    kind = "findings" if several else "classes"
    caption = ("An image may show several findings, or none. " if several else "") + (
        f"Synthetic cases have {kind} of their own." if unpaired else f"Twins have the {kind} of their real cases."
    )
    return Table(
        "Cases in each part" if unpaired else "Real cases in each part", pd.DataFrame(rows), caption, "no estimates"
    )
