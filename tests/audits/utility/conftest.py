"""What the tests of the utility audit share."""

import pytest

from helpers.fake_runs import (
    sweep,
)
from synthtrust.audits import Utility


@pytest.fixture(scope="session")
def audit():
    return Utility(n_boot=100)


@pytest.fixture(scope="session")
def equal(audit):
    return audit(sweep(2.0, 2.0, n=300))
