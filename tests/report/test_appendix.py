"""What makes a page whole: terms, settings, provenance of every run, methods, limits and references."""

import re
from dataclasses import fields

import pytest
import yaml

from helpers.commands import ROOT
from helpers.planted_page import RUNS
from synthtrust.audits.fidelity.verdict import FidelityThresholds
from synthtrust.audits.privacy.settings import PrivacySettings
from synthtrust.report.citation import PAPER, SOFTWARE, references
from synthtrust.report.glossary import TERMS
from synthtrust.report.settings import WORDS
from synthtrust.report.terms import TermMarker


@pytest.fixture(scope="module")
def text(page):
    return page.read_text(encoding="utf-8")


def test_every_run_stands_there_with_its_command_and_the_time_of_all(text):
    assert all(run["command"] in text for run in RUNS)
    assert "3.0 minutes of training in all" in text


def test_terms_are_listed_once_and_every_link_leads_to_one(text):
    assert len({term.word for term in TERMS}) == len({term.address for term in TERMS}) == len(TERMS)
    spellings = [spelling for term in TERMS for spelling in term.spellings]
    assert len(set(spellings)) == len(spellings)
    links = re.findall(r'<a class="term" href="#([^"]+)"', text)
    assert {"term-t3", "term-tstr", "term-alpha", "term-floor"} <= set(links)
    assert all(f'<dt id="{address}">' in text for address in links)


def test_a_term_is_explained_once_in_a_section_and_never_inside_another_word():
    mark = TermMarker()
    assert mark("TSTR, TSTR").count("<a ") == 1
    assert mark("TSTR-like, flooring, precisions").count("<a ") == 0
    assert "data-meaning" in mark("Holm's correction")


def test_thresholds_are_said_in_words_and_listed_by_key(text):
    assert "Settled before looking: tolerable loss 0.05." in re.sub(r"<a[^>]*>|</a>", "", text)
    assert ">margin</td>" in text


def test_every_threshold_of_this_package_has_its_words():
    keys = {field.name for field in fields(FidelityThresholds)} | PrivacySettings().thresholds().keys()
    assert sorted(keys - WORDS.keys()) == []


def test_the_references_are_those_of_the_citation_file(text):
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["title"] == SOFTWARE
    assert cited["preferred-citation"]["title"] == PAPER.title
    assert all(str(reference) in text for reference in references())
