"""Fixtures of the tests of the SPADE GAN."""

import pytest

from synthtrust.testing import tiny_cases


@pytest.fixture
def cases(tmp_path):
    return tiny_cases(tmp_path / "real", count=3)
