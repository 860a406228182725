"""The layouts in which sets with label maps of their own are read, and how one is recognised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from synthtrust.cases import Cohort, read_brats, read_manifest, read_msd, read_volume_table
from synthtrust.cases.manifest import NAME as MANIFEST
from synthtrust.refusals import CaseError, Refusal

Layout = Literal["auto", "brats", "msd", "patterns", "table", "synthtrust"]
LAYOUTS: tuple[Layout, ...] = ("auto", "brats", "msd", "patterns", "table", "synthtrust")


@dataclass(frozen=True)
class LayoutOptions:
    """What a user says about the files of a set."""

    root: Path
    """Folder of the set; or, of a table, the file."""
    layout: Layout
    patterns: Mapping[str, str] | None
    """Modality, and ``seg`` for the label map -> how its files are named."""
    release: str
    """The BraTS release whose label values the files have."""
    label_values: Mapping[Any, Any] | None
    """Value in the label files -> name of the label, null for none."""


def recognised(options: LayoutOptions) -> Layout:
    """Return the layout of a set: what the user says, or what lies there.

    Raises:
        Refusal: If patterns are given for another layout.
        CaseError: If nothing lies there.
    """
    root, layout = options.root, options.layout
    if not root.exists():
        raise CaseError(f"Expected a synthetic set at {root}, but there is none. Set generator.root.")
    if layout == "auto":
        if options.patterns is not None:
            layout = "patterns"
        elif root.is_file():
            layout = "table"
        elif (root / MANIFEST).is_file():
            layout = "synthtrust"
        else:
            layout = "msd" if (root / "dataset.json").is_file() else "brats"
    if (layout == "patterns") != (options.patterns is not None):
        raise Refusal(f"Expected generator.patterns with the layout patterns alone, but the layout is {layout}.")
    return layout


def read_set(options: LayoutOptions, modalities: Sequence[str], labels: Mapping[str, int]) -> Cohort:
    """Read the cases of a set by the headers of their files, with the labels that the set itself names.

    Args:
        options: Where it lies and how its files are named.
        modalities: The modalities of the real cases, each of which the set must have.
        labels: Label name -> value of the real cases, which values mean where neither the user nor the set says so.

    Raises:
        CaseError: If there is no such set, or it lacks a modality.
        Refusal: If an option has another form.
    """
    root, layout = options.root, recognised(options)
    values: Mapping[Any, Any] = options.label_values or {value: name for name, value in labels.items()}
    match layout:
        case "synthtrust":
            cohort = read_manifest(root, verify=True, follow_links=True)  # which the importer asks
            if missing := sorted(set(modalities) - set(cohort.modalities)):
                raise CaseError(f"Expected {', '.join(modalities)} in the set at {root}, but got no {missing[0]}.")
            return cohort
        case "msd":
            return read_msd(root, modalities, options.label_values)
        case "table":
            return read_volume_table(root, modalities, values)
        case "patterns":
            if missing := [name for name in modalities if name not in (options.patterns or {})]:
                raise Refusal(
                    f"Expected a pattern of each modality of real cases, {list(modalities)}, in generator.patterns, "
                    f"but got none of {', '.join(missing)}."
                )
            return read_brats(root, modalities=modalities, patterns=options.patterns, label_values=values)
    return read_brats(root, modalities=modalities, release=options.release, label_values=options.label_values)
