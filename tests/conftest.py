"""Fixtures that several rooms share."""

import gc
import os
from pathlib import Path

import pytest
import torch

import synthtrust.cli  # noqa: F401  what configs compute is known to it
from helpers.configs import compose_quickly, parse_each_text_once
from synthtrust.plugins import find_plugins

find_plugins()
parse_each_text_once()
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
gc.disable()


def pytest_collection_finish():
    """Let the collector pass over the libraries and the tests, which stay; else each of its rounds takes a second."""
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    gc.enable()


@pytest.fixture(autouse=True, scope="session")
def _chapters_fail():
    """Let an error in a chapter of a page fail its test; the page itself would go on with its plain tables."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("synthtrust.report.page._chapter", lambda name, make, tables: make(tables))
        yield


@pytest.fixture
def composed():
    """Compose a config as an entry script would: ``composed("train", "alpha=0.2")``."""
    return compose_quickly


@pytest.fixture
def quick(monkeypatch):
    """Make this machine one that is quick in a precision: ``quick("bf16-mixed")``."""

    def _quick(precision):
        for module in ("runs.precision", "generators.training.trained"):
            monkeypatch.setattr(f"synthtrust.{module}.quick_precision", lambda accelerator: precision)

    return _quick


@pytest.fixture(scope="session")
def browser():
    """Return a real browser that opens pages."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = Path(os.environ.get("SYNTHTRUST_CHROMIUM", "/usr/bin/chromium"))
    if not chromium.exists():
        problem = f"Expected Chromium at {chromium}, but it is not there. Set SYNTHTRUST_CHROMIUM."
        pytest.fail(problem) if os.environ.get("SYNTHTRUST_REQUIRE_BROWSER") == "1" else pytest.skip(problem)
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
             "--disable-sync"]  # fmt: skip
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=str(chromium), args=quiet)
        yield running
        running.close()
