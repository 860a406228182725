"""The page, from planted tables; and opened in a real browser."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers.browser import CONTRAST
from helpers.page_marks import unmarked, without_terms
from synthtrust.audits.verdict import verdict_table
from synthtrust.report import Chapter, Section, SliceRow, Slices, Table, write_report
from synthtrust.verdicts import Reason, Subject, Verdict

ALPHAS, REGIONS = (0.0, 0.5, 1.0), ("NCR", "ED", "ET")
COUNTS = {"confidence": 0.95, "n_cases": 40, "n_patients": 38, "n_seeds": 3, "note": ""}


def factor_rows():
    one = [("T1", "all"), ("T2", "all"), ("T2_regions", "all"), *(("T5", region) for region in REGIONS)]
    both = [(factor, region) for factor in ("T3", "T3_null", "correlation", "concordance", "T4", "signed_gap")
            for region in REGIONS]  # fmt: skip
    places = [(f, s, r) for f, r in one for s in ("real", "synthetic")] + [(f, "both", r) for f, r in both]
    for alpha in ALPHAS:
        for i, (factor, source, region) in enumerate([*places, *(("T4_floor", "real", region) for region in REGIONS)]):
            value = 0.5 + 0.01 * i + 0.1 * alpha
            yield {"mode": "complement", "alpha": alpha, "factor": factor, "source": source, "region": region,
                   "value": value, "ci_low": value - 0.04, "ci_high": value + 0.05} | COUNTS  # fmt: skip


def planted_tables():
    empty = [
        {"mode": "complement", "alpha": alpha, "source": "real", "region": "ET", "n_cases": 40, "n_seeds": 3,
         "n_empty_reference": 2, "n_empty_prediction": 3, "n_both_empty": 1, "dice_brats": 0.8, "dice_nan": math.nan,
         "ranking_flips": True}
        for alpha in ALPHAS
    ]  # fmt: skip
    rng = np.random.default_rng(0)
    volumes = [
        {"case": f"c{i}", "patient": f"p{i}", "part": "train" if i % 3 else "test", "source": "real", "region": region,
         "volume_ml": 0.0 if region == "ET" and i < 2 else float(rng.lognormal(2, 1))}
        for i in range(12) for region in REGIONS
    ]  # fmt: skip
    trust = {"factors": list(factor_rows()), "empty": empty}
    return {
        "cases": {"volumes": pd.DataFrame(volumes)},
        "utility": utility_tables(),
        "trust": {name: pd.DataFrame(rows) for name, rows in trust.items()},
    }


def utility_tables():
    place = {"generator": "Tissue", "mode": "complement"}
    curve = [
        {**place, "source": source, "measure": "dice", "alpha": alpha, "value": 0.7 + 0.1 * alpha,
         "ci_low": 0.66 + 0.1 * alpha, "ci_high": 0.74 + 0.1 * alpha,
         "band_low": 0.65 + 0.1 * alpha, "band_high": 0.75 + 0.1 * alpha,
         "not_excluded": alpha > 0} | COUNTS
        for source in ("real", "synthetic") for alpha in ALPHAS
    ]  # fmt: skip
    comparison = {
        **place, "contrast": "TSTR", "against": "TRTR", "measure": "dice",
        "value": 0.7142, "value_low": 0.66, "value_high": 0.74,
        "reference": 0.8611, "reference_low": 0.82, "reference_high": 0.9,
        "gap": -0.1469, "ci_low": -0.2, "ci_high": -0.1, "gap_lower": -0.19, "gap_upper": -0.11,
        "ratio": 0.829, "ratio_low": 0.8, "ratio_high": 0.86, "ratio_lower": 0.81,
        "ratio_above_chance": 0.829, "ratio_above_chance_low": 0.8, "ratio_above_chance_high": 0.86,
        "ratio_above_chance_lower": 0.81, "reference_above_chance": 0.83,
        "n_cases": 40, "n_patients": 38, "n_seeds": 3, "n_seeds_reference": 3, "confidence": 0.95,
        "target": "training recipe", "note": "", "depends_on_empty_rule": False,
    }  # fmt: skip
    loss = Reason("gap", "The loss is shown.")
    verdict = Verdict(
        "utility", "NOT SUPPORTED", (loss,), "Better twins.", {"margin": 0.05}, Subject(generator="Tissue")
    )
    performance = [
        {**place, "alpha": row["alpha"], "source": row["source"], "measure": "dice", "seed": "all",
         "value": row["value"], "ci_low": row["ci_low"], "ci_high": row["ci_high"]} | COUNTS
        for row in curve
    ]  # fmt: skip
    per_class = [{**row, "class": region} for row in performance for region in REGIONS]
    generators = {"generator": "Tissue", "class": "synthtrust.generators.Tissue", "n_runs": 9, "expected_outcome": ""}
    rows = {"performance": performance, "curve": curve, "comparison": [comparison], "per_class": per_class,
            "generators": [generators]}  # fmt: skip
    return {name: pd.DataFrame(table) for name, table in rows.items()} | {"verdict": verdict_table([verdict])}


def planted_pictures():
    rows, columns = np.mgrid[:24, :18]
    label = ((rows - 12) ** 2 + (columns - 9) ** 2 < 20).astype(int)
    images = dict.fromkeys(("t1", "t1ce", "t2", "flair"), (rows + columns) * (label + 1.0))
    case = tuple(SliceRow(name, images, label) for name in ("Real", "Twin"))
    return [Slices("<case 7>", "median Dice 0.8", case, {"NCR": [1], "ED": [2]}, (2.0, 1.0))]


FACTS = {"cohort": "phantom", "generator": {"_target_": "Tissue", "cells": 4}, "ids": list(range(99)), "lost": math.nan}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return write_report(tmp_path_factory.mktemp("report"), FACTS, planted_tables(), planted_pictures())


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
    assert "<script" not in text
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
    words = re.sub(r"<(svg|style).*?</\1>|<meta[^>]*>|base64,[^\"]*", "", text, flags=re.DOTALL).lower()
    assert not re.search(r"\b(nan|none)\b", words)
    assert "Inconclusive for ET on real test cases" in text


def test_the_same_tables_give_the_same_page(page, tmp_path):
    again = write_report(tmp_path, FACTS, planted_tables(), planted_pictures())

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
    rows = tuple(SliceRow(row.name, {"mri": row.images["t1"]}, row.label) for row in picture.rows)

    page = without_terms(write_report(tmp_path, {}, {}, [replace(picture, rows=rows)]).read_text(encoding="utf-8"))

    assert '<th scope="col">Real</th><th scope="col">Twin</th>' in page
    assert '<th scope="row">mri</th>' in page


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
    drawings = tab.eval_on_selector_all("svg", "all => all.map(one => one.getBoundingClientRect().width)")
    contrast = tab.evaluate(CONTRAST)

    assert len(images) == 8
    assert min(images) > 0
    assert len(drawings) == 15  # volumes 1, curve 2, T1 1, T2 2, T3, T4 and T5 3 each
    assert min(drawings) > 250
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []
    assert contrast["dark"] == (scheme == "dark")
    assert min(contrast["text"], contrast["drawn"]) >= 4.5  # WCAG 2 AA for text
    assert contrast["keys"] >= 3  # and for graphics
    tab.close()
