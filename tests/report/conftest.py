"""The planted page, written once for all tests that only read or open it."""

import pytest

from helpers.planted_page import FACTS, RUNS, planted_pictures, planted_tables
from synthtrust.report import write_report


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    return write_report(tmp_path_factory.mktemp("report"), FACTS, planted_tables(), planted_pictures(), runs=RUNS)
