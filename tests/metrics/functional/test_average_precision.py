"""Average precision by patient is the jackknife of the score, whatever the ties and the cases of a patient."""

import numpy as np
import pytest

from synthtrust.metrics.functional.average_precision import average_precision_by_class
from synthtrust.metrics.functional.classification import average_precision
from synthtrust.metrics.functional.jackknife import jackknife


@pytest.mark.parametrize("levels", [3, 12, 1000], ids="{} scores".format)
@pytest.mark.parametrize("n_patients", [4, 15, 60])
def test_it_is_the_jackknife_written_out(n_patients, levels):
    rng = np.random.default_rng([n_patients, levels])
    probability = rng.integers(1, levels + 1, (60, 3)).astype(float)
    probability /= probability.sum(axis=1, keepdims=True)
    target, groups = rng.integers(0, 3, 60), rng.permutation(np.arange(60) % n_patients).tolist()
    expected = jackknife(lambda weight: average_precision(probability, target, weight @ np.eye(len(target))), groups)
    for truth in (target, np.eye(3)[target]):
        for ours, written_out in zip(average_precision_by_class(probability, truth, groups), expected, strict=True):
            np.testing.assert_allclose(ours, written_out, atol=1e-9)


def test_a_class_of_nobody_and_one_of_a_single_patient_have_no_interval():
    score, present = [[0.9, 0.1], [0.4, 0.2], [0.3, 0.3]], [[1, 0], [1, 0], [0, 0]]
    value, patients = average_precision_by_class(score, present, ["a", "a", "b"])
    assert value[0] == 1
    assert np.isnan([value[1], *patients.ravel()]).all()
