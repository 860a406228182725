"""The chapter on labels that came with no synthetic image: who made them, and how well."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from synthtrust.report.layout import Chapter, Section


def labels_chapter(tables: Mapping[str, pd.DataFrame]) -> Chapter:
    """Say who made labels, by the table ``labelled_by`` (run, checkpoint, dice or auc), a row for each synthetic set.

    Of a set without labels there is nothing to show: the box of verdicts says what cannot be asked of it.
    """
    if "labelled_by" not in tables:
        return Chapter()
    sentences = dict.fromkeys(labelled_sentence(row) for row in tables["labelled_by"].to_dict("records"))
    return Chapter(sections=(Section("Where the labels come from", lead=" ".join(sentences)),))


def labelled_sentence(facts: Mapping[Any, Any]) -> str:
    """Say who labelled a set.

    >>> labelled_sentence({"run": "alpha_1.0_seed_0", "dice": 0.8712}).partition(", and ")[0]
    'The images came without labels: alpha_1.0_seed_0, a segmenter with a mean Dice of 0.871 on real test cases'
    """
    if "auc" in facts:
        who = f"a classifier with a mean area under the ROC curve of {facts['auc']:.3f} on real test cases"
    else:
        who = f"a segmenter with a mean Dice of {facts['dice']:.3f} on real test cases"
    return (
        f"The images came without labels: {facts['run']}, {who}, and no person, made them. Whatever is said of labels "
        "holds up to its errors, and what is trained on them learns from the real cases of that run too."
    )
