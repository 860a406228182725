"""A run's number: of real test cases alone, and as the reference has it."""

import numpy as np
import pandas as pd
import pytest
from torchmetrics.functional.classification import multiclass_auroc

from synthtrust.runs import headline

CLASSES = ["glioma", "meningioma", "none"]


def table(probability, target):
    import torch

    rows = [
        (f"case {m:02d}", "real", CLASSES[target[m]], name, float(p))
        for m, row in enumerate(probability)
        for name, p in zip(CLASSES, row, strict=True)
    ]
    expected = multiclass_auroc(torch.tensor(probability), torch.tensor(target), 3, average=None).numpy()
    return pd.DataFrame(rows, columns=["case", "source", "target", "class", "probability"]), expected


def test_the_macro_auc_is_the_mean_over_classes_of_one_against_the_rest():
    rng = np.random.default_rng(0)
    scores, expected = table(rng.dirichlet([1, 1, 1], 30), rng.integers(0, 3, 30))
    synthetic = scores.assign(source="synthetic", probability=1 / 3)
    name, value = headline(pd.concat([synthetic, scores.sample(frac=1, random_state=1)]))
    assert name == "Macro AUC"
    assert value == pytest.approx(expected.mean(), abs=1e-6)


def test_a_class_without_a_test_case_is_not_averaged_away():
    rng = np.random.default_rng(0)
    scores, _ = table(rng.dirichlet([1, 1, 1], 30), rng.integers(0, 2, 30))
    assert np.isnan(headline(scores)[1])


def test_the_mean_dice_is_that_of_real_cases():
    scores = pd.DataFrame({"source": ["real", "real", "synthetic"], "dice": [0.5, 0.75, 0.0]})
    assert headline(scores) == ("Mean Dice", 0.625)
