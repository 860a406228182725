"""The page, from planted tables; and opened in a real browser."""

import json
import math
import re
from dataclasses import replace

import pandas as pd
import pytest

from helpers.browser import CONTRAST
from helpers.page_marks import unmarked, without_terms
from helpers.planted_page import FACTS, RUNS, planted_pictures, planted_tables, utility_tables
from synthtrust.report import Chapter, Section, Table, write_report
from synthtrust.report import page as report_page
from synthtrust.report.template import SCRIPT, hash_of

CHAPTER = report_page._chapter  # as it is for users


@pytest.fixture(scope="module")
def text(page):
    return without_terms(page.read_text(encoding="utf-8"))


def test_the_answer_is_made_from_the_numbers(text):
    assert "(TSTR) reaches a mean Dice of 0.714 [0.660, 0.740]" in text
    assert "a gap of −0.147 [−0.200, −0.100], a ratio of 0.829 [0.800, 0.860]" in text
    assert "(40 test cases of 38 patients, 3 seeds each)" in text
    assert "not excluded as the best for real test cases: α = 0.5 and 1, of 3 tried" in text


def test_every_number_has_an_interval_or_is_called_described(text):
    assert unmarked(text) == []


def test_a_number_without_interval_or_mark_is_seen(tmp_path):
    bare = pd.DataFrame({"measure": ["likeness"], "value": ["0.250"]})
    bounded = bare.assign(value=["0.250\n[0.100, 0.400]"])
    for frame, inference, seen in (
        (bare, "no estimates", True), (bare, "described", False), (bare, "intervals", False),
        (bounded, "intervals", False), (bounded, "described", True),
    ):  # fmt: skip
        chapter = Chapter(sections=(Section("Mine", tables=(Table("T", frame, inference=inference),)),))
        page = write_report(tmp_path, {}, {"mine": {}}, chapters={"mine": lambda _, chapter=chapter: chapter})
        assert bool(unmarked(page.read_text(encoding="utf-8"))) == seen, (inference, frame)


def test_a_set_without_privacy_and_fidelity_is_not_assessed(text):
    assert "Safety to share: not assessed." in text
    assert "not assessed is not the same as safe" in text
    assert text.count("No audit on this page assessed this axis.") == 3


@pytest.mark.parametrize("number", range(2, 9))
def test_every_figure_of_the_paper_is_named(text, number):
    assert f"Fig. {number} of the paper" in text


def test_the_json_holds_the_tables_and_the_facts(page):
    facts = json.loads((page.parent / "report.json").read_text(), parse_constant=pytest.fail)

    for audit, tables in planted_tables().items():
        for name, table in tables.items():
            again = pd.DataFrame(facts["tables"][audit][name])
            if name == "verdict":
                assert again["reasons"][0] == [{"code": "gap", "text": "The loss is shown."}]
                assert again["thresholds"][0] == {"margin": 0.05}
                again, table = (frame.drop(columns="reasons") for frame in (again, table))
            pd.testing.assert_frame_equal(again.fillna(math.nan), table, check_dtype=False)
            csv = pd.read_csv(page.parent / f"{audit}_{name}.csv", keep_default_na=False, na_values=[""])
            assert len(csv) == len(table)
    assert facts["tables"]["trust"]["empty"][0]["dice_nan"] is None
    assert facts["facts"]["generator"] == {"_target_": "Tissue", "cells": 4}
    assert facts["facts"]["lost"] is None
    assert facts["not_assessed"] == ["alignment", "fidelity", "privacy"]


def test_the_page_needs_nothing_beside_it(text):
    assert text.count("<script") == 1
    assert "unsafe-eval" not in text
    assert hash_of(SCRIPT) in text
    addresses = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert "url(http" not in text


def test_names_are_escaped_and_ids_unique(text):
    assert "&lt;case 7&gt;" in text
    assert "<case 7>" not in text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_missing_numbers_are_said(text):
    assert ">n/a<" in text
    words = re.sub(r"<(svg|style|script).*?</\1>|<meta[^>]*>|base64,[^\"]*", "", text, flags=re.DOTALL).lower()
    assert not re.search(r"\b(nan|none)\b", words)
    assert "Inconclusive for ET on real test cases" in text


def test_a_chapter_that_cannot_be_drawn_costs_only_itself(tmp_path, monkeypatch, caplog):
    def fail(tables):
        raise ValueError("cannot draw\n$\\frac{$")

    monkeypatch.setattr(report_page, "_chapter", CHAPTER)
    tables = planted_tables()
    page = write_report(tmp_path, FACTS, {name: tables[name] for name in ("trust", "cases")}, chapters={"trust": fail})
    assert "The chapter trust could not be drawn" in caplog.text
    assert "This chapter could not be drawn (ValueError: cannot draw $\\frac{$)." in page.read_text()
    assert (tmp_path / "trust_factors.csv").exists()
    assert json.loads((tmp_path / "report.json").read_text())["tables"]["trust"]["factors"]


def test_the_same_tables_give_the_same_page(page, tmp_path):
    again = write_report(tmp_path, FACTS, planted_tables(), planted_pictures(), runs=RUNS)

    assert again.read_bytes() == page.read_bytes()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_gap_that_hangs_on_the_empty_rule_is_inconclusive(tmp_path):
    tables = {"utility": utility_tables()}
    tables["utility"]["comparison"]["depends_on_empty_rule"] = True

    answer = json.loads(write_report(tmp_path, {}, tables).with_name("report.json").read_text())["answers"][0]

    assert "depends on the rule for empty regions" in answer
    assert "cost performance" not in answer


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (-0.2, 0.1, "A loss of at most 0.200, or a gain of at most 0.100 (one-sided 95 % bounds)."),
        (-0.2, -0.1, "A loss of at least 0.100 and at most 0.200 (one-sided 95 % bounds)."),
        (0.1, 0.2, "A gain of at least 0.100 and at most 0.200 (one-sided 95 % bounds)."),
        (math.nan, math.nan, "Too few patients"),
    ],
)
def test_the_sentence_on_the_gap_has_the_bounds_that_decide(tmp_path, low, high, says):
    tables = {"utility": utility_tables()}
    tables["utility"]["comparison"] = tables["utility"]["comparison"].assign(gap_lower=low, gap_upper=high)

    assert says in write_report(tmp_path, {}, tables).read_text(encoding="utf-8")


def test_one_alpha_one_seed_and_real_cases_only_make_a_page(tmp_path):
    tables = planted_tables()
    nan = {"band_low": math.nan, "band_high": math.nan, "n_seeds": 1, "note": "Needs two alphas."}
    for audit, name in (("trust", "factors"), ("trust", "empty"), ("utility", "curve"), ("utility", "per_class")):
        table = tables[audit][name]
        tables[audit][name] = table[(table["alpha"] == 0.5) & (table["source"] == "real")]
    tables["utility"]["curve"] = tables["utility"]["curve"].assign(**nan)
    tables["utility"]["comparison"] = pd.DataFrame()

    page = without_terms(write_report(tmp_path, {}, tables).read_text(encoding="utf-8"))

    assert "TSTR against TRTR was not compared" in page
    assert "A curve needs two alphas" in page
    assert "Seeds not assessed" in page


def test_tstr_is_not_shown_without_trtr(tmp_path):
    tables = {"utility": utility_tables()}
    for name in ("curve", "performance", "per_class"):
        tables["utility"][name] = tables["utility"][name].query("alpha < 1")
    tables["utility"]["comparison"] = pd.DataFrame()

    page = without_terms(write_report(tmp_path, {}, {"utility": tables["utility"]}).read_text(encoding="utf-8"))

    assert "TSTR against TRTR was not compared" in page
    assert "over the share of real cases" not in page
    assert "not excluded as the best" not in page


def test_another_audit_brings_its_own_chapter(tmp_path):
    def chapter(tables):
        return Chapter(("No copy was found.",), sections=(Section("Privacy", tables=(Table("T", tables["nearest"]),)),))

    tables = {"distances": {"nearest": pd.DataFrame({"case": ["c1"], "distance": [0.25]})}}

    with_chapter = without_terms(
        write_report(tmp_path / "a", {}, tables, chapters={"distances": chapter}).read_text(encoding="utf-8")
    )
    plain = without_terms(write_report(tmp_path / "b", {}, tables).read_text(encoding="utf-8"))
    assert unmarked(plain) == []

    assert "No copy was found." in with_chapter
    assert "0.250" in plain


def test_one_modality_stands_beside_its_twin(tmp_path):
    (picture,) = planted_pictures()
    rows = tuple(replace(row, images={"mri": row.images["t1"]}) for row in picture.rows)

    page = without_terms(write_report(tmp_path, {}, {}, [replace(picture, rows=rows)]).read_text(encoding="utf-8"))

    assert page.count("<span>mri</span>") == 2
    assert "--columns: 3" in page


def test_a_sweep_that_is_not_finished_is_said_above_the_verdicts(tmp_path):
    facts = {"not_finished": [f"runs/<b>/{number}" for number in range(10)], "to_finish": ["python train.py 'a=<1' -m"]}
    top = write_report(tmp_path, facts, planted_tables()).read_text(encoding="utf-8").split('id="answer"')[0]
    assert "<strong>Not finished:</strong> runs/&lt;b&gt;/0, " in top
    assert "runs/&lt;b&gt;/7 and 2 more. The page is about the runs that are." in top
    assert "To finish: <code>python train.py &#39;a=&lt;1&#39; -m</code>" in top


def test_a_page_about_another_question_than_the_axes_begins_with_its_answer(tmp_path):
    tables = {
        audit: {name: table for name, table in made.items() if name != "verdict"}
        for audit, made in planted_tables().items()
    }
    page = write_report(tmp_path, {}, tables).read_text(encoding="utf-8")
    top = page[page.index('id="answer"') : page.index("Safety to share: not assessed.")]
    assert top.index('class="answer"') < top.index("No audit on this page assessed utility, alignment, fidelity or")
    assert "<summary>In numbers" not in page
    assert 'class="question"' not in page
    assert 'class="badge' not in top


def test_a_command_that_lists_patients_is_folded_below_what_is_not_finished(tmp_path):
    facts = {"not_finished": ["runs/a"], "to_finish": [f"python train.py split.test_patients={list(range(200))} -m"]}
    top = write_report(tmp_path, facts, planted_tables()).read_text(encoding="utf-8").split('id="answer"')[0]
    said, _, folded = top.partition("<summary>How to finish</summary>")
    assert "The page is about the runs that are.</p>" in said
    assert "split.test_patients=[0, 1, 2" in folded


def test_controls_that_the_factors_are_not_about_are_named(tmp_path):
    tables = planted_tables()
    tables["trust"]["left_out"] = pd.DataFrame({"generator": ["Replay", "Noise"]})
    page = write_report(tmp_path, {}, tables).read_text(encoding="utf-8")
    assert "Left out: Replay and Noise, as controls beside the generator that is judged, stand in" in without_terms(
        page
    )


def test_without_scripts_everything_is_there(page, browser):
    """A hospital's browser may run none: figures, pictures and folded tables are there all the same."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.goto(page.as_uri())
    widths = "all => all.map(one => one.getBoundingClientRect().width)"
    assert min(tab.eval_on_selector_all("main .panels > svg, main img", widths)) > 20
    controls = tab.locator("main button:visible, main input:visible")
    assert controls.count() == 0  # the script brings what only a script can do
    fold = tab.locator("main details:has(table)").first
    fold.locator("summary").click()
    assert fold.locator("table").first.is_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_opens_in_a_browser(page, browser, width, scheme):
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked, said = [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto(page.as_uri())

    images = tab.eval_on_selector_all("img", "all => all.map(one => one.naturalWidth)")
    drawings = tab.eval_on_selector_all(".panels > svg", "all => all.map(one => one.getBoundingClientRect().width)")
    contrast = tab.evaluate(CONTRAST)

    assert len(images) == 12  # four modalities and two predictions, of the case and of its twin
    assert min(images) > 0
    assert len(drawings) == 18  # volumes 1, curve 2, best shares 1, T1 1, T2 2, T3, T4 and T5 3 each, single cases 2
    assert min(drawings) > 250
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []
    assert contrast["dark"] == (scheme == "dark")
    assert min(contrast["text"], contrast["drawn"]) >= 4.5  # WCAG 2 AA for text
    assert contrast["keys"] >= 3  # and for graphics
    tab.close()
