"""Transplant obeys the laws of generators, and paints only where the label is."""

import numpy as np
import pytest
from synthtrust_transplant.transplant import Transplant

from synthtrust.generators import Generator
from synthtrust.testing import GeneratorContract, tiny_cases


class TestTransplant(GeneratorContract):
    """The laws of generators, inherited."""

    @pytest.fixture
    def generator(self) -> Generator:
        """Return the generator that is tested."""
        return Transplant()


def test_only_labelled_voxels_are_painted(tmp_path) -> None:  # noqa: ANN001, D103
    (case, other) = tiny_cases(tmp_path, count=2)
    image = Transplant().fit([case]).sample(other.load_label(), np.random.default_rng(0))["flair"]
    assert np.array_equal(image != case.load_image("flair"), other.load_label() > 0)
