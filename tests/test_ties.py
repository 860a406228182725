"""What rounding would decide follows a convention."""

import numpy as np
import pytest

from synthtrust.ties import first_largest, signed


@pytest.mark.parametrize(
    "axis", [[3.0, -1, 0.5], [1, -1, 0], [-2, 1, 1], [1, -1, 1, -1], [0, 0, -1, 1], [1e-30, -3e-30], [0, 0]]
)
def test_an_axis_and_its_opposite_are_one_and_rounding_turns_neither(axis):
    axis, rng = np.array(axis, dtype=float), np.random.default_rng(0)
    chosen = signed(axis[None])[0]
    np.testing.assert_array_equal(np.abs(chosen), np.abs(axis))
    for _ in range(20):
        rounded = axis * (1 + 1e-12 * rng.standard_normal(len(axis)))
        np.testing.assert_allclose(signed(np.stack([rounded, -rounded])), [chosen, chosen], rtol=1e-9)


def test_eigenvectors_of_any_kernel_come_out_alike():
    points = np.random.default_rng(1).normal(size=(50, 6))
    vectors = np.linalg.eigh(points.T @ points)[1].T
    flips = np.random.default_rng(2).choice([-1, 1], size=(6, 1))
    np.testing.assert_array_equal(signed(vectors * flips), signed(vectors))


def test_the_first_of_equal_maxima_is_taken_whatever_rounding_makes_of_them():
    rng, values = np.random.default_rng(0), np.array([0.2, 0.9, 0.9, -0.9, 0.9])
    for _ in range(20):
        assert first_largest(values + 1e-9 * rng.standard_normal(5)) == 1
    assert first_largest([-2.0, -1.0, -1.0]) == 1
    assert first_largest(np.stack([values, values[::-1]], axis=1), axis=0).tolist() == [1, 0]
