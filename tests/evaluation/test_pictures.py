"""Whose predictions the page shows, and what happens where a checkpoint is gone."""

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from synthtrust.cases import Mix
from synthtrust.evaluation import pictures
from synthtrust.refusals import Refusal


@dataclass
class StoredRun:
    folder: object
    alpha: float
    seed: int
    generator: str = "synthtrust.generators.Tissue"
    cohort: object = None

    @property
    def mix(self):
        return Mix(self.alpha, "complement", self.seed)

    @property
    def best(self):
        return self.folder / f"{self.alpha}_{self.seed}.ckpt"

    def facts(self):
        return {"generator": {"_target_": self.generator}}

    def scores(self):
        return pd.DataFrame({"source": "real", "case": ["a", "a"], "dice": [0.5 + self.alpha / 4, 0.5]})


@dataclass
class Labeller:
    run: object
    cohort: object

    def prepare(self):
        if self.run.seed == 7:
            raise Refusal("Expected a run with a network of its own.")

    def label_map(self, images):
        return np.zeros(3, np.uint8)


@pytest.fixture
def stored(tmp_path, monkeypatch):
    monkeypatch.setattr("synthtrust.runs.labelling.RunLabeller", Labeller)

    def _stored(*arms, **options):
        runs = [StoredRun(tmp_path, alpha, seed, **options) for alpha, seed in arms]
        for run in runs:
            run.best.touch()
        return runs

    return _stored


def test_the_first_seed_of_each_kind_of_training_predicts(stored):
    runs = stored((0.0, 2), (0.5, 0), (1.0, 1), (0.0, 1), (1.0, 3))

    real, synthetic = pictures.networks_of([*runs, *stored((0.0, 0), generator="Noise")])

    assert (real.trained_on, synthetic.trained_on) == ("real cases", "synthetic cases")
    assert (real.label_map.__self__.run.seed, synthetic.label_map.__self__.run.seed) == (1, 1)
    assert real.dice == {("real", "a"): 0.625}


def test_a_run_without_checkpoint_or_network_is_left_out_with_a_line_in_the_log(stored, caplog):
    runs = stored((0.0, 0), (1.0, 7))
    runs[0].best.unlink()

    with caplog.at_level(logging.INFO):
        assert pictures.networks_of(runs) == []

    assert "trained on real cases are shown: Expected a run with a network" in caplog.text
    assert "0.0_0.ckpt is not there" in caplog.text
