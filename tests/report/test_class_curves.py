"""The figures of classifiers, from planted probabilities."""

import re

import numpy as np
import pandas as pd
import pytest

from helpers.fake_runs import sweep
from synthtrust.audits.scores import gather_scores
from synthtrust.audits.utility.class_curves import class_curves
from synthtrust.report.class_curves import class_figures


@pytest.fixture(scope="module")
def tables():
    curves = class_curves(gather_scores(sweep(0.5, 2.0, seeds=(0, 1))), "classification")
    return {name: pd.DataFrame(rows) for name, rows in curves.items()}


def test_each_class_has_a_curve_of_both_arms_and_the_better_one_lies_above(tables):
    figures = list(class_figures(tables["roc"], tables["reliability"], "", "planted"))

    assert [len(figure.panels) for figure in figures] == [2, 1]
    for drawing in figures[0].panels:
        assert {"real", "synthetic", "reference"} <= set(re.findall(r'data-series="(\w+)"', drawing))
    areas = tables["roc"].groupby(["class", "alpha"])["tpr"].mean().unstack()
    assert (areas[1.0] > areas[0.0] + 0.05).all()


def test_segmenters_and_lone_arms_have_no_such_figure(tables):
    scores = gather_scores(sweep(0.5, 2.0, seeds=(0,)))

    assert not any(class_curves(scores, "segmentation").values())
    assert not any(class_curves(scores[scores["alpha"] == 0], "classification").values())
    assert list(class_figures(pd.DataFrame(), pd.DataFrame(), "", "planted")) == []


def test_bins_hold_every_prediction_and_perfect_probabilities_lie_on_the_line(tables):
    counted = tables["reliability"].groupby("alpha")["n_predictions"].sum()

    assert (counted <= 240).all()
    assert (counted > 220).all()
    assert np.isfinite(tables["reliability"][["confidence", "frequency"]].to_numpy()).all()
