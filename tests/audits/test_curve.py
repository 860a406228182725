"""The curve of the main measure over alpha: bars and band of one model of variance."""

import pytest

from helpers.fake_runs import PlantedClassifier, sweep
from synthtrust.audits import Utility


@pytest.mark.parametrize("skill", [2.0, 9.0], ids=["some pairs in the wrong order", "none"])
def test_bars_lie_within_the_band_and_within_0_and_1(skill):
    half = [PlantedClassifier(0.5, seed, skill, n=60) for seed in range(3)]
    curve = Utility(n_boot=100)([*sweep(skill, skill, n=60), *half])["curve"]
    assert (curve["band_low"] <= curve["ci_low"]).all()
    assert (curve["ci_low"] < curve["value"]).all()
    assert (curve["value"] <= curve["ci_high"]).all()
    assert (curve["ci_high"] <= curve["band_high"]).all()
    assert (curve["band_high"] <= 1).all()
