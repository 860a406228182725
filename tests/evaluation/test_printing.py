"""A page is printed by one command, whole, or the command says at once what it lacks."""

import re

import pytest

from helpers.planted_page import FACTS, planted_tables
from synthtrust.evaluation import evaluate_runs
from synthtrust.evaluation.printing import VARIABLE, find_browser, print_page
from synthtrust.refusals import Refusal
from synthtrust.report import write_report


def test_without_a_browser_the_command_says_so_before_anything_else(composed, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    with pytest.raises(Refusal, match=r"Expected a browser for pdf=true, but got none .* Install Chromium"):
        evaluate_runs(composed("evaluate", "pdf=true", f"runs={tmp_path}"))
    assert list(tmp_path.iterdir()) == []


def test_a_browser_that_fails_leaves_no_half_of_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "false")
    page = write_report(tmp_path, {}, {})
    with pytest.raises(Refusal, match="The page itself is there"):
        print_page(page, find_browser())
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".pdf"]


@pytest.mark.slow
def test_the_print_has_every_page(browser, tmp_path):
    page = write_report(tmp_path, FACTS, planted_tables())
    pdf = print_page(page, find_browser())
    assert len(re.findall(rb"/Type\s*/Page[^s]", pdf.read_bytes())) > 8
