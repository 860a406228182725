"""Twins beside their sources: a perfect copy, and the likeness of few cases."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from synthtrust.audits.fidelity.measures import Resampling
from synthtrust.audits.fidelity.similarity import similarity_rows
from synthtrust.audits.fidelity.twins import twin_rows
from synthtrust.audits.sets import synthetic_sets


@pytest.mark.filterwarnings("error")
def test_the_likeness_of_four_cases_has_limits(runs):
    """One resample in 64 holds one case alone, and no pair."""
    (one,) = synthetic_sets([runs["honest"]])
    (found,) = similarity_rows(one, one.train, one.twins_of_holdout, Resampling(n_boot=300), n_ms_ssim=4)
    assert found["ci_low"] < found["value"] < found["ci_high"]


def test_a_perfect_copy_has_ssim_1_and_every_distance_0(volumes, runs):
    cohort, twins = volumes
    (one,) = synthetic_sets([runs["honest"]])
    twins = tuple(replace(twin, relabel=real.relabel) for twin, real in zip(twins, cohort.cases))
    one = replace(one, task="segmentation", holdout=cohort.cases, twins_of_holdout=twins,
                  modalities=cohort.modalities, labels=cohort.labels)  # fmt: skip
    rows = pd.DataFrame(twin_rows(one, np.ones(2), Resampling(n_boot=50), max_pairs=4))
    of = rows.groupby("measure")["value"]
    assert of.get_group("SSIM").tolist() == [1]
    assert "a perfect copy has SSIM 1" in rows.loc[rows["measure"] == "SSIM", "note"].iloc[0]
    for measure in ("MAE [range]", "KS distance", "Wasserstein-1 [range]", "contrast to body, twin − real [range]"):
        assert of.get_group(measure).abs().max() == 0
    assert rows["n_real"].unique().tolist() == [4]
    assert len(of.get_group("KS distance")) == len(cohort.labels) * 2
