"""What a case and its twin score, side by side."""

import pytest

from helpers.fake_runs import PlantedSegmenter
from synthtrust.audits import Trust
from synthtrust.audits.pairs import pair_rows


def test_each_case_has_its_mean_and_that_of_its_twin():
    rows = list(pair_rows(PlantedSegmenter().scores()))

    assert len(rows) == 4
    assert rows[0] == {
        "case": "case0", "patient": "of case0", "n_seeds": 1,
        "real": pytest.approx((0.8 + 0.9 + 0.6) / 3), "synthetic": pytest.approx((0.82 + 0.91 + 0.66) / 3),
    }  # fmt: skip


def test_training_on_synthetic_cases_alone_is_not_shown_without_its_scale():
    alone = Trust()([PlantedSegmenter(0.0)])["pairs"]
    beside = Trust()([PlantedSegmenter(alpha) for alpha in (0.0, 1.0)])["pairs"]

    assert alone.empty
    assert sorted(set(beside["alpha"])) == [0.0, 1.0]
