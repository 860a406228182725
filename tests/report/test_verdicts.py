"""The verdict box, the fidelity chapter and the trust card, from planted tables; and opened in a real browser."""

import json
import math
import re

import numpy as np
import pandas as pd
import pytest

from helpers.browser import CONTRAST
from helpers.page_marks import unmarked, without_terms
from helpers.verdict_rows import verdict_row
from synthtrust.report import write_report
from synthtrust.report.layout import Chapter, Section, Table
from synthtrust.report.scorecard import scorecard
from synthtrust.report.verdicts import QUESTIONS, axis_verdicts, reading
from synthtrust.verdicts import Reason

SETS = ("Tissue-0f3a", "Noise-77b1")
SPACES = ("random convolutions", "region texture")


def fidelity_tables(verdicts=("SUPPORTED", "NOT SUPPORTED")):
    def rows(measures):
        return pd.DataFrame(
            {"set": one, "space": space, "measure": measure, "value": 0.9, "ci_low": 0.8, "ci_high": 1.0, "floor": 0.9,
             "limit": 0.81, "fault": 0.7, "floor_low": 0.85, "floor_high": 0.95, "ratio": 1.0, "expected": math.nan,
             "p": 0.4, "n_real": 60, "n_synthetic": 135, "note": "", "shortcut": False}
            for one in SETS for space in SPACES for measure in measures
        )  # fmt: skip

    return {
        "quality": rows(["KID", "precision", "density", "Frechet distance"]),
        "diversity": rows(["recall", "coverage, all cases", "Vendi score", "MS-SSIM between cases", "KS distance"]),
        "twins": rows(["SSIM"]),
        "two_sample_classifier": rows(["AUC"]),
        "controls": rows(["blurred", "repeated"]),
        "proportion": pd.DataFrame(
            {"set": one, "mode": "complement", "alpha": alpha, "seed": 0, "n_real": 0, "n_synthetic": 135}
            for one in SETS for alpha in (0.0, 0.5)
        ),
        "verdict": pd.DataFrame([verdict_row("fidelity", v, name) for v, name in zip(verdicts, SETS)]),
    }  # fmt: skip


def provenance(name, **changes):
    return {
        "name": name, "cases": 200, "modalities": ("t1",), "labels": ["ED"], "training_ids": 135, "licence": "CC-BY",
        "manifest_sha256": "ab" * 32, "generator": name.partition("-")[0], "recipe": {"seed": 1},
        "intended_use": "Research.", "mask_disclosure": True,
    } | changes  # fmt: skip


def tables(**verdicts):
    extra = {
        f"planted_{axis}": {"verdict": pd.DataFrame([verdict_row(axis, verdict)])} for axis, verdict in verdicts.items()
    }
    return {"fidelity": fidelity_tables()} | extra


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return write_report(folder, {}, tables(utility="INCONCLUSIVE"), sets=[provenance(name) for name in SETS])


def test_the_worst_of_several_sets_is_the_verdict_and_all_are_listed(page):
    facts = json.loads((page.parent / "report.json").read_text())
    verdicts = {one["axis"]: one for one in facts["verdicts"]}
    assert list(verdicts) == list(QUESTIONS)
    assert verdicts["fidelity"]["verdict"] == "NOT SUPPORTED"
    assert [found["verdict"] for found in verdicts["fidelity"]["of"]] == ["SUPPORTED", "NOT SUPPORTED"]
    assert verdicts["alignment"] == {"axis": "alignment", "question": QUESTIONS["alignment"],
                                     "verdict": "not assessed", "of": []}  # fmt: skip
    assert facts["not_assessed"] == ["alignment", "privacy"]
    text = without_terms(page.read_text(encoding="utf-8"))
    assert all(name in text for name in SETS)
    assert "Because of &lt;this&gt;." in text
    assert "What would change it: More patients." in text
    assert "Settled before looking: least number of patients 50." in text


def test_without_a_privacy_audit_the_reading_is_not_assessed_whatever_else_is_said():
    best = {axis: {"verdict": pd.DataFrame([verdict_row(axis, "SUPPORTED")])} for axis in QUESTIONS}
    assert reading(axis_verdicts(best))["verdict"] == "assessed on each axis"
    best.pop("privacy")
    assert reading(axis_verdicts(best))["verdict"] == "not assessed"
    assert "whatever the other numbers say" in reading(axis_verdicts(best))["sentence"]


def test_what_was_assessed_in_part_is_never_said_to_be_assessed_on_each_axis():
    two = pd.DataFrame([verdict_row("privacy", "NOT SUPPORTED"), verdict_row("privacy", "not assessed", SETS[1])])
    found = reading(axis_verdicts({"privacy": {"verdict": two}}))
    assert found["verdict"] == "assessed in part"
    assert "Not assessed: utility, alignment, fidelity and privacy of Noise-77b1." in found["sentence"]
    assert "Not supported here, or open: privacy." in found["sentence"]


def test_a_set_that_nobody_looked_at_is_worse_than_an_open_one():
    some = {
        "a": {"verdict": pd.DataFrame([verdict_row("privacy", "INCONCLUSIVE"), verdict_row("privacy", "not assessed")])}
    }
    assert axis_verdicts(some)[3].verdict == "not assessed"


def test_every_number_has_an_interval_or_is_called_described(page):
    assert unmarked(page.read_text(encoding="utf-8")) == []
    for name in SETS:
        card = (page.parent / "cards" / name / "trust_card.html").read_text(encoding="utf-8")
        assert card.count("Numbers without an interval are described, not inferred.") == 2


def test_the_chapter_has_the_papers_three_words(page):
    text = without_terms(page.read_text(encoding="utf-8"))
    for heading in ("Quality: are the synthetic cases representative?", "Diversity: the size of attributes",
                    "Proportion: how much of the training set is synthetic"):  # fmt: skip
        assert f">{heading}</a></h2>" in text
    assert "Shares that were run: α = 0 and 0.5." in text
    assert "a perfect copy has SSIM 1" in text


def test_few_cases_still_make_a_page(tmp_path):
    few = fidelity_tables(("INCONCLUSIVE", "INCONCLUSIVE"))
    for name in ("diversity", "twins", "two_sample_classifier", "controls"):
        few[name] = few[name].iloc[:0]
    few["quality"] = few["quality"].query("measure == 'KID'").assign(
        value=math.nan, ci_low=math.nan, ci_high=math.nan, floor_low=math.nan, note="Not computed."
    )  # fmt: skip
    text = without_terms(write_report(tmp_path, {}, {"fidelity": few}).read_text(encoding="utf-8"))
    assert "Not computed." in text
    assert "Nothing was computed" not in text
    assert "<tbody>\n</tbody>" not in text
    assert not re.search(r"\bnan\b", re.sub(r"<(svg|style).*?</\1>", "", text, flags=re.DOTALL))


def test_a_card_tells_its_own_set_and_never_more_than_the_audits(page):
    home = page.parent / "cards"
    cards = {name: json.loads((home / name / "trust_card.json").read_text()) for name in SETS}
    of = {name: {one["axis"]: one["verdict"] for one in card["verdicts"]} for name, card in cards.items()}
    assert of[SETS[0]] == {"utility": "INCONCLUSIVE", "alignment": "not assessed", "fidelity": "SUPPORTED",
                           "privacy": "not assessed"}  # fmt: skip
    assert of[SETS[1]]["fidelity"] == "NOT SUPPORTED"
    assert of[SETS[1]]["utility"] == "not assessed"  # what was said is about the other set
    card = cards[SETS[0]]
    assert card["privacy"] == card["alignment"] == "not assessed"
    assert card["reading"]["verdict"] == "not assessed"
    assert {row["measure"] for row in card["quality"]} == {"KID", "precision"}
    assert card["quality"][0]["value"] == "0.900 [0.800, 1.000]"
    assert card["proportion"] == "Trained with shares of real cases α = 0 and 0.5."
    assert card["provenance"]["manifest_sha256"] == "ab" * 32
    assert any("label maps of real patients" in limit for limit in card["limits"])
    assert f'href="cards/{SETS[0]}/trust_card.html"' in page.read_text(encoding="utf-8")


def test_a_card_leaves_out_what_was_said_of_another_sets_generator(tmp_path):
    verdicts = pd.DataFrame([verdict_row("utility", word, subject=name.partition("-")[0])
                             for name, word in zip(SETS, ("SUPPORTED", "NOT SUPPORTED"), strict=True)])  # fmt: skip
    page = write_report(tmp_path, {}, {"a": {"verdict": verdicts}}, sets=[provenance(name) for name in SETS])
    for name, word in zip(SETS, ("SUPPORTED", "NOT SUPPORTED"), strict=True):
        card = json.loads((page.parent / "cards" / name / "trust_card.json").read_text())
        assert [one["verdict"] for one in card["verdicts"] if one["axis"] == "utility"] == [word]


def test_a_card_leaves_out_a_set_whose_name_begins_alike(tmp_path):
    names = ("Tissue-1", "Tissue-12")
    verdicts = pd.DataFrame(
        [verdict_row("privacy", v, n) for v, n in zip(("SUPPORTED", "NOT SUPPORTED"), names, strict=True)]
    )
    page = write_report(tmp_path, {}, {"a": {"verdict": verdicts}}, sets=[provenance(name) for name in names])
    card = json.loads((page.parent / "cards" / names[0] / "trust_card.json").read_text())
    assert [found["subject"] for found in card["verdicts"][3]["of"]] == ["Tissue-1"]


def test_a_page_that_judges_no_set_has_no_verdicts(tmp_path):
    page = write_report(tmp_path, {}, {"mine": {"draws": pd.DataFrame({"found": [1]})}}, judges=False)
    assert "Verdict on each axis" not in page.read_text(encoding="utf-8")
    assert "verdicts" not in json.loads((tmp_path / "report.json").read_text())


def test_long_tables_are_folded(tmp_path):
    long = pd.DataFrame({"value": range(40)})
    section = Section("Below", tables=(Table("All", long), Table("None", long[:0]), Table("Few", long[:3])))
    chapter = Chapter(sections=(section, Section("Empty", "Nothing.", tables=(Table("None", long[:0]),))))
    page = write_report(tmp_path, {}, {"mine": {"long": long}}, chapters={"mine": lambda tables: chapter})
    text = page.read_text(encoding="utf-8").partition('id="glossary"')[0]
    assert re.findall(r"<summary><strong>(.*?)</strong>", text) == ["All"]
    assert not re.search(r"<strong>None</strong>|>Empty<", text)


def test_thresholds_that_all_findings_share_are_said_once(page):
    text = without_terms(page.read_text(encoding="utf-8"))
    assert (
        text.count("Settled before looking: least number of patients 50.") == 2
    )  # fidelity of two sets, utility of one


def test_a_card_without_any_audit_says_so(tmp_path):
    write_report(tmp_path, {}, {}, sets=[provenance("Alone", training_ids=None, mask_disclosure=False)])
    card = json.loads((tmp_path / "cards" / "Alone" / "trust_card.json").read_text())
    assert {one["verdict"] for one in card["verdicts"]} == {"not assessed"}
    assert card["quality"] == card["diversity"] == []
    assert card["proportion"] == "not assessed"
    assert card["provenance"]["training_cases"] == "unknown"
    assert any("does not say which cases" in limit for limit in card["limits"])
    assert not any("label maps" in limit for limit in card["limits"])


@pytest.mark.parametrize(
    ("twins", "found", "limit"),
    [
        (True, "mask_disclosure", "The twins carry label maps of real patients"),
        (False, "mask_disclosure", "Label maps of real patients are in the set"),
        (False, "label_maps", "Label maps of real patients are in the set"),
        (False, "label_maps_searched", ""),
    ],
)
def test_a_card_says_once_whether_label_maps_of_patients_are_in_the_set(tmp_path, twins, found, limit):
    row = verdict_row("privacy", "INCONCLUSIVE") | {"reasons": (Reason(found, "As P5 says."),)}
    made_from = None if twins else {"edited_from": 135, "refused_edits": 3}
    facts = provenance("Alone", mask_disclosure=twins, label_maps=made_from)
    write_report(tmp_path, {}, {"planted": {"verdict": pd.DataFrame([row])}}, sets=[facts])
    limits = json.loads((tmp_path / "cards" / "Alone" / "trust_card.json").read_text())["limits"]
    disclosing = [text for text in limits if "abel maps of real patients" in text]
    assert [text.startswith(limit) for text in disclosing] == ([True] if limit else [])
    assert any("edited from those of 135 training cases" in text for text in limits) == (not twins)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("which", ["page", "card"])
def test_box_and_card_open_in_a_browser(page, browser, which, width, scheme):
    path = page if which == "page" else page.parent / "cards" / SETS[0] / "trust_card.html"
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked, problems = [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: problems.append(message.text))
    tab.goto(path.as_uri())
    words = tab.eval_on_selector_all(".badge", "all => all.map(one => one.innerText.trim())")
    contrast = tab.evaluate(CONTRAST)
    assert {"✓ SUPPORTED", "? INCONCLUSIVE", "– not assessed"} <= set(words)  # a sign and a word, not colour alone
    assert min(contrast["text"], contrast["badges"]) >= 4.5  # WCAG 2 AA for text
    assert contrast["dark"] == (scheme == "dark")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert problems == []
    tab.close()


def test_the_card_prints_on_one_sheet(page, browser):
    tab = browser.new_page(color_scheme="dark")
    tab.goto((page.parent / "cards" / SETS[0] / "trust_card.html").as_uri())
    printed = tab.pdf(format="A4", prefer_css_page_size=True)
    tab.close()
    assert len(re.findall(rb"/Type\s*/Page[^s]", printed)) == 1


def test_floor_and_value_are_drawn_for_every_space(page):
    drawings = re.findall(r"<svg.*?</svg>", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(drawings) == 6  # KID, precision and density; recall, coverage and Vendi score
    assert all(np.all([space.split()[0] in drawing for space in SPACES]) for drawing in drawings)


def test_the_planted_fault_stands_beside_the_value_and_its_limit(page):
    text = without_terms(page.read_text(encoding="utf-8"))
    for header in ("One-sided\\s+limit", "Planted\\s+fault"):
        assert re.search(f"<th[^>]*>{header}</th>", text)
    assert "That no difference was found is no evidence that there is none" in text


def test_the_scorecard_says_what_was_measured_and_what_was_not(page):
    card = json.loads((page.parent / "cards" / SETS[0] / "trust_card.json").read_text())
    criteria = {criterion["name"]: criterion for criterion in card["scorecard"]}
    assert len(criteria) == 7
    assert "0.900 [0.800, 1.000]" in criteria["Congruence"]["answer"]
    assert "Fidelity: SUPPORTED." in criteria["Congruence"]["answer"]
    assert criteria["Compliance"]["answer"] == "Not measured."  # no audit of privacy
    assert not criteria["Compliance"]["is_measured"]
    assert criteria["Consistency"]["answer"] == "Not measured."
    assert "the cases that it learned from" in criteria["Comprehension"]["answer"]


def test_consistency_is_told_from_the_classes_of_the_own_generator():
    rows = [
        {"generator": generator, "source": "real", "alpha": alpha, "measure": "dice", "class": name, "value": value,
         "kind": "region"}
        for generator, shift in (("Tissue", 0.0), ("Noise", -0.5))
        for alpha, name, value in (
            (0.0, "ED", 0.7 + shift), (0.0, "ET", 0.4 + shift), (1.0, "ED", 0.8), (1.0, "ET", 0.8)
        )
    ]  # fmt: skip
    facts = provenance(SETS[0]) | {"generator": "synthtrust.generators.Tissue"}
    criteria = {
        criterion["name"]: criterion["answer"]
        for criterion in scorecard({"utility": {"per_class": pd.DataFrame(rows)}}, facts, axis_verdicts({}))
    }
    assert "from −0.400 (ET) to −0.100 (ED) over regions" in criteria["Consistency"]
    assert criteria["Congruence"] == criteria["Coverage"] == criteria["Compliance"] == "Not measured."
