"""The card of a synthetic set, which describes it to people as its manifest does to programs."""

import platform
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synthtrust.cases import Cohort
from synthtrust.cases.manifest import INTENDED_USE, PACKAGES
from synthtrust.conventions import PARTS_OF_PATIENTS
from synthtrust.files import write_text
from synthtrust.machine import arithmetic, cores, processor

NAME = "card.md"

DISCLOSED = (
    "Each twin carries the **unedited label map of a real patient**: this set republishes the shape and place of that "
    "patient's tumour (or other label), and each twin can be linked to its patient by its label alone. Share it only "
    "where the labels may be shared."
)
EDITED = "No twin carries the label map of its real case: every one of them was changed before painting."
OWN_LABELS = (
    "Cases have label maps of their own. Nothing is known here of where these are from: a label map that is a real "
    "patient's shows the shape and place of that patient's tumour (or other label)."
)
EDITED_FROM = (
    "Label maps were made by editing those of {n} training cases; each case names its `parent` in the manifest, and "
    "the `donor` of its core if it has one. None is a patient's as it was. Whether one can be recognised as its "
    "patient's is asked by the audit of privacy (P5)."
)
OF_CLASSES = "A twin shares with its real case the {kind} alone, and no label map of a patient is shown."
LABELLED = (
    "The images came without labels. Their label maps were made by the segmenter {run}, which reaches a mean Dice of "
    "{dice:.3f} on real test cases; they are wrong where it is."
)
CLASSIFIED = (
    "The images came without classes. These were told by the classifier {run}, which reaches an area under the ROC "
    "curve of {auc:.3f} on real test cases (mean over classes); they are wrong where it is. "
)
UNLABELLED = "The images have no labels, and no label map of a patient is shown beside them."
OWN_CLASSES = "A case tells its {kind} beside its image, and no label map of a patient is shown."
KINDS = {"segmentation": "labels", "classification": "classes", "multilabel": "findings", "unlabelled": "labels"}
PAIRINGS = {
    "segmentation": "label it lies on",
    "classification": "class it has",
    "multilabel": "findings it shows",
}
"""How a twin belongs to its real case, by the task of the cohort; follows "whose"."""
PARTIAL = "**Partly synthetic**: of real patients, and not made, are: {}. "
PARTLY = "Of these twins, {n} carry an edited label map and are named in the manifest (`mask_edit`). For all others: "

RANDOMNESS = "Each twin's randomness depends on the seed above and on its own id alone. "

MARKUP = re.compile(r"[\\`*\[\]]")
"""Characters that Markdown may read as markup; an underscore within a word is none."""

CHECKPOINT = (
    " The folder `{folder}` holds the generator's own training, which can remember patients: it is no part of this "
    "set. Leave it out when you share the set."
)

TEMPLATE = """\
# {name}

{n} synthetic cases{twins}, {modalities}. {how} {pairing}

**Intended use.** {use}

**Licence and source.** {licence}. The terms of the real cases hold for all that was learned from them.

**Privacy.** {disclosure} Whether the images reveal training cases is a separate question, which only an audit can
answer: without one, this set is *not assessed*.{checkpoint}

## How it was made

| | |
|---|---|
| generator | `{generator}`, version {version} ({package}) |
{parameters}
| learned from | {learned} |
| {kind} | {labels} |
| made | {when}, {twins_made} cases in {seconds} s in the last session |
| hardware | {hardware} |
| versions | {versions} |

{randomness}The recipe, the ids of all training cases
and the sha256 of every file are in `manifest.json`, which is written last: a folder without it is unfinished.

## How to verify it

    python -c "from synthtrust.cases import read_manifest; read_manifest('.', verify=True)"

reads every file and refuses the first whose sha256 differs from the manifest.
"""


def write_card(folder: Path, painted: Cohort, recipe: Mapping[str, Any], facts: Mapping[str, Any]) -> Path:
    """Write ``card.md`` into the folder of a synthetic set.

    Args:
        folder: The folder of the set.
        painted: Its twins.
        recipe: The recipe of the set, from ``recipe_of``.
        facts: ``training_ids``, ``paired``, ``mask_edit``, ``mask_disclosure``, ``label_maps``, ``not_of_the_set`` and
            ``made_on``, as the manifest has them.

    Returns:
        The path of the card.
    """
    made = facts["made_on"]
    kind = KINDS[painted.task]
    text = TEMPLATE.format(
        name=_plain(painted.name),
        n=len(painted.cases),
        modalities=_plain(", ".join(painted.modalities)),
        randomness=RANDOMNESS if facts["paired"] else "",
        how="Imported: painted by somebody else." if "imported" in recipe else "Painted by a computer program.",
        twins=' ("twins")' if facts["paired"] else "",
        pairing=f"Each has the id of the real case whose {PAIRINGS[painted.task]}."
        if facts["paired"]
        else _own_ids(painted),
        use=INTENDED_USE,
        licence=_plain(painted.licence.rstrip(".")),
        disclosure=_partial(facts) + _disclosure(painted, facts),
        checkpoint="".join(CHECKPOINT.format(folder=folder) for folder in facts["not_of_the_set"]),
        generator=_code(recipe["generator"]),
        version=_cell(recipe["version"]),
        package=_cell(recipe["package"]),
        parameters="\n".join(f"| {_cell(name)} | {_cell(value)} |" for name, value in recipe["parameters"].items()),
        learned=_learned(facts["training_ids"]),
        kind=kind,
        labels=_labels(painted.labels),
        when=made["when"],
        twins_made=made["twins"],
        seconds=made["seconds"],
        hardware=_hardware(made),
        versions=", ".join(f"{package} {version(package)}" for package in PACKAGES),
    )
    write_text(folder / NAME, text)
    return folder / NAME


def made_on(twins: int, seconds: float, precision: str | None = None) -> dict[str, Any]:
    """Return when and on what a set was made, as plain JSON values.

    Args:
        twins: Number of twins made in this session; fewer than the set holds if others were there before.
        seconds: Duration of the session, learning included [s].
        precision: The precision of the networks; None where there are none.
    """
    torch = sys.modules.get("torch")  # a generator that paints on a GPU has imported it
    gpu = torch.cuda.get_device_name() if torch is not None and torch.cuda.is_available() else None
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "twins": twins,
        "seconds": round(seconds, 1),
        "processor": processor(),
        "gpu": gpu,
        "cores": cores(),
        "precision": precision,
        "arithmetic": arithmetic(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _partial(facts: Mapping[str, Any]) -> str:
    """Say which images are the patients' own."""
    own = (facts.get("patients_own") or {}).get("declared") or ()
    return PARTIAL.format(_plain(", ".join(PARTS_OF_PATIENTS.get(name, name) for name in own))) if own else ""


def _disclosure(painted: Cohort, facts: Mapping[str, Any]) -> str:
    """Say what a case of the set discloses by its label."""
    if painted.task == "unlabelled":
        return UNLABELLED
    if painted.task != "segmentation":
        kind = "class" if painted.task == "classification" else "findings"
        if labelled_by := facts.get("labelled_by"):
            made_by = {**labelled_by, "run": _plain(labelled_by["run"])}
            return CLASSIFIED.format(**made_by) + OWN_CLASSES.format(kind=kind)
        return (OF_CLASSES if facts["paired"] else OWN_CLASSES).format(kind=kind)
    if labelled_by := facts.get("labelled_by"):
        return LABELLED.format(**{**labelled_by, "run": _plain(labelled_by["run"])})
    if made_from := facts.get("label_maps"):
        return EDITED_FROM.format(n=made_from["edited_from"])
    if not facts["paired"]:
        return OWN_LABELS
    if not facts["mask_disclosure"]:
        return EDITED
    n_edited = len(facts["mask_edit"])
    return (PARTLY.format(n=n_edited) if n_edited else "") + DISCLOSED


def _own_ids(painted: Cohort) -> str:
    children = sum(bool(case.parent) for case in painted.cases)
    made_from = f" {children} were made from a real case, which the manifest names." if children else ""
    own = {"segmentation": "a label map of its own", "classification": "a class of its own",
           "multilabel": "findings of its own", "unlabelled": "no label"}[painted.task]  # fmt: skip
    return f"Each has an id of its own, and {own}.{made_from}"


def _hardware(made: Mapping[str, Any]) -> str:
    known = [str(made[part]) for part in ("processor", "gpu", "precision") if made.get(part)]
    return ", ".join([*known, f"{made['cores']} cores"])


def _learned(training_ids: list[str] | None) -> str:
    if training_ids is None:
        return "**unknown**: the training cases were not given, so scores on any real case may be too good"
    return f"{len(training_ids)} cases, named in the manifest"


def _labels(labels: Mapping[str, int]) -> str:
    """Return the names of labels with their values, for a cell of a Markdown table."""
    return _plain(", ".join(f"{name} {value}" for name, value in labels.items())).replace("|", "\\|") or "none"


def _cell(value: Any) -> str:
    """Return a value as text for a cell of a Markdown table."""
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    text = text if len(text) <= 80 else f"{text[:77]}..."
    return _plain(text).replace("|", "\\|")


def _plain(text: Any) -> str:
    r"""Return words that a stranger may have chosen, on one line and as no markup of Markdown or HTML.

    >>> _plain("<script src=x>\n[click](javascript:y) & *z*")
    '&lt;script src=x&gt; \\[click\\](javascript:y) &amp; \\*z\\*'
    """
    text = escape(" ".join(str(text).split()), quote=False)
    return MARKUP.sub(r"\\\g<0>", text)


def _code(text: Any) -> str:
    """Return words for between two backticks, where HTML is none."""
    return " ".join(str(text).split()).replace("`", "'").replace("|", "\\|")
