"""The distances that are reported and never decide have the values of the public implementations."""

import math

import numpy as np
import pytest
import torch

from synthtrust.metrics.functional.nearest_distance import (
    authenticity,
    closeness_z,
    copying_statistic,
    dcr_quantiles,
    nearest_features,
    nndr_ratio,
)


@pytest.fixture(scope="module")
def toy():
    """Return the sets of the golden table: 200 rows of 8 standard normal features each."""
    rng = np.random.default_rng(20240601)
    train, holdout, honest = (rng.normal(size=(200, 8)) for _ in range(3))
    sets = {
        "honest": honest,
        "exact": train,
        "noisy": train + 0.05 * rng.normal(size=(200, 8)),
        "lowdiv": 0.6 * rng.normal(size=(200, 8)),
        "shifted": rng.normal(size=(200, 8)) + 0.5,
        "tenth": np.concatenate([train[:20], honest[20:]]),
    }
    return {name: torch.from_numpy(rows) for name, rows in {"train": train, "holdout": holdout, **sets}.items()}


@pytest.mark.parametrize(
    ("name", "authentic", "z"),
    [
        ("honest", 0.59, -0.916),
        ("exact", 0, -17.298),
        ("noisy", 0, -17.298),
        ("lowdiv", 0.46, -11.093),
        ("shifted", 0.62, 1.396),
        ("tenth", 0.525, -2.319),
    ],
)
def test_the_golden_values(toy, name, authentic, z):
    assert authenticity(toy["train"], toy[name]) == pytest.approx(authentic)
    assert closeness_z(toy["train"], toy["holdout"], toy[name]) == pytest.approx(z, abs=6e-4)


def test_more_synthetic_than_training_rows_are_no_trouble(toy):
    both = torch.cat([toy["exact"], toy["honest"]])  # the index of a synthetic row would run out of the training set
    assert authenticity(toy["train"], both) == pytest.approx(0.295)


def test_one_cell_is_the_whole_statistic(toy):
    statistic = copying_statistic(toy["train"], toy["holdout"], toy["lowdiv"], n_cells=1)
    assert statistic == closeness_z(toy["train"], toy["holdout"], toy["lowdiv"])
    assert copying_statistic(toy["train"], toy["holdout"], toy["exact"]) < -9
    assert math.isnan(copying_statistic(toy["train"], toy["holdout"], toy["exact"][:19]))  # fewer than 20 in each cell
    again = [copying_statistic(toy["train"], toy["holdout"], toy["honest"], seed=3) for _ in range(2)]
    assert again[0] == again[1]


def test_a_leak_shows_in_quantiles_and_ratio(toy):
    quantiles = dcr_quantiles(toy["train"], toy["holdout"], toy["noisy"])
    assert all(ours < 0.2 * unseen for ours, unseen in quantiles.values())
    assert nndr_ratio(toy["train"], toy["holdout"], toy["noisy"]) < 0.15
    assert nndr_ratio(toy["train"], toy["holdout"], toy["honest"]) == pytest.approx(1, abs=0.05)


def test_chunks_change_nothing_and_no_row_finds_itself(toy):
    whole, parts = (nearest_features(toy["train"], toy["train"], 3, same=True, memory=m) for m in (2**28, 20000))
    assert torch.equal(whole[0], parts[0])
    assert torch.equal(whole[1], parts[1])
    assert (whole[1] != torch.arange(200)[:, None]).all()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (torch.full((3, 8), torch.nan), r"3 rows, index \[0, 1, 2\]"),
        (torch.zeros(3, 7), "reference rows with 7 features"),
        (torch.zeros(8), "at least one row"),
    ],
)
def test_rows_that_are_no_features_are_refused(toy, rows, message):
    with pytest.raises(ValueError, match=message):
        nearest_features(rows, toy["train"])
    with pytest.raises(ValueError, match="at least 3 training rows"):
        copying_statistic(toy["train"][:2], toy["holdout"], toy["honest"])
