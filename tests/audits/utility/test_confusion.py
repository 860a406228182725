"""Confusion matrices: rows sum to the cases of their class, and the page has them beside each other."""

import numpy as np
import pytest

from helpers.fake_runs import sweep
from helpers.page_marks import unmarked
from synthtrust.audits import Utility
from synthtrust.audits.probabilities import ArmProbabilities
from synthtrust.audits.utility.confusion import confusion_rows
from synthtrust.report import write_report

CLASSES = ("glioma", "meningioma", "no tumor")


@pytest.mark.parametrize("seed", range(3))
def test_counts_sum_to_the_cases_of_each_class(seed):
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 3, 40)
    arm = ArmProbabilities(rng.dirichlet(np.ones(3), (2, 40)), target, tuple(map(str, range(40))), CLASSES)
    rows = list(confusion_rows(arm))
    for index, name in enumerate(CLASSES):
        of_class = [row for row in rows if row["true"] == name]
        assert sum(row["count"] for row in of_class) == pytest.approx((target == index).sum())
        assert sum(row["share"] for row in of_class) == pytest.approx(1)
    called = arm.probability.argmax(axis=2)
    right = sum(row["count"] for row in rows if row["true"] == row["predicted"])
    assert right / 40 == pytest.approx((called == target).mean())


def test_findings_are_no_alternatives():
    arm = ArmProbabilities(np.full((1, 2, 2), 0.5), np.array([[0, 1], [1, 1]]), ("a", "b"), ("effusion", "mass"))
    assert list(confusion_rows(arm)) == []


def test_both_matrices_are_on_the_page(tmp_path):
    tables = Utility(n_boot=2)(sweep(1.0, 2.0, n=30, classes=CLASSES))
    text = write_report(tmp_path, {}, {"utility": tables}).read_text(encoding="utf-8")
    assert unmarked(text) == []
    for arm in ("TSTR", "TRTR"):
        assert f"onfusion matrix of {arm}" in text or f"Confusion matrix</a> of {arm}" in text
    assert "called no tumor" in text
