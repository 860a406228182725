"""Fixtures of the tests of the SPADE GAN: cases, and one short training on them that nobody disturbed."""

import shutil

import pytest

from helpers.spade_gan import TINY
from synthtrust.generators import SpadeGAN
from synthtrust.testing import tiny_cases


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return tuple(tiny_cases(tmp_path_factory.mktemp("real"), count=3))


@pytest.fixture(scope="module")
def trained(cases, tmp_path_factory):
    """Return a generator after three steps; its folder is ``home``."""
    home = tmp_path_factory.mktemp("trained")
    generator = SpadeGAN(**TINY).work_in(home).fit(cases)
    generator.home = home
    return generator


@pytest.fixture
def home(trained, tmp_path):
    """Return a copy of the folder of that training."""
    return shutil.copytree(trained.home, tmp_path / "trained")
