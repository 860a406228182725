"""The chapter on utility: what classifiers, additions, controls and missing classes look like on the page."""

import json
import re

import pandas as pd
import pytest

from helpers.fake_runs import PlantedClassifier, sweep
from helpers.page_marks import unmarked, without_terms
from synthtrust.audits import Utility
from synthtrust.report import write_report
from synthtrust.report.cases import cases_chapter

CLASSES = ("glioma", "meningioma", "no tumor")


def write(folder, runs):
    return write_report(folder, {}, {"utility": Utility(n_boot=50)(runs)})


def prose(page):
    return re.sub(r"<(svg|style).*?</\1>", "", without_terms(page.read_text(encoding="utf-8")), flags=re.DOTALL)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Three classes, three seeds, a control, and real cases with synthetic ones added."""
    added = [PlantedClassifier(0.0, seed, 2.2, n=90, mode="additive", classes=CLASSES) for seed in range(3)]
    noise = sweep(0.0, 2.0, n=90, classes=CLASSES, generator="synthtrust.generators.Noise")
    half = [PlantedClassifier(0.5, seed, 1.5, n=90, classes=CLASSES) for seed in range(3)]
    runs = [*sweep(1.0, 2.0, n=90, classes=CLASSES), *half, *added, *noise]
    return write(tmp_path_factory.mktemp("report"), runs)


def test_the_answer_holds_both_arms_their_gap_and_the_verdict(tmp_path):
    tables = Utility(n_boot=50)(sweep(1.0, 2.0, n=90))
    answer = json.loads(write_report(tmp_path, {}, {"utility": tables}).with_name("report.json").read_text())[
        "answers"
    ][0]

    row = tables["comparison"].set_index("measure").loc["auc"]
    assert f"reaches an area under the ROC curve of {row['value']:.3f} [" in answer
    assert f"(TRTR) {row['reference']:.3f} [" in answer
    assert f"a gap of −{-row['gap']:.3f} [" in answer
    assert f"and {row['ratio_above_chance']:.3f} [" in answer
    assert "(90 test cases of 90 patients, 3 seeds each)" in answer
    assert tables["verdict"]["verdict"].item() not in answer  # which stands above it


def test_tstr_never_stands_without_trtr(tmp_path):
    text = prose(write(tmp_path, [PlantedClassifier(0.0, seed) for seed in range(3)]))

    assert "TSTR against TRTR was not compared" in text
    assert "Trained and tested on real and on synthetic cases" not in text
    assert "Every measure, TSTR" not in text
    assert "One share only" not in text


def test_the_answers_name_each_generator_as_it_is_spelt(tmp_path):
    runs = [*sweep(1.0, 2.0, generator="mine.ClassDiffusion"), *sweep(0.0, 2.0, generator="mine.tissue")]
    answers = json.loads(write(tmp_path, runs).with_name("report.json").read_text())["answers"]
    assert {answer.partition(":")[0] for answer in answers} == {"ClassDiffusion", "Tissue"}


def test_every_corner_measure_and_class_is_on_the_page(page):
    text = prose(page)

    assert unmarked(text) == []
    for corner in ("TSTR", "TRTR", "TSTS", "TRTS"):
        assert re.search(rf"{corner} \d\.\d{{3}}", text)
    for name in (
        "AUPRC",
        "balanced accuracy",
        "F1",
        "Matthews correlation",
        "Brier score",
        "calibration error, squared, without its bias",
    ):
        assert f'<th scope="row">{name}' in text
    for name in CLASSES:
        assert f'<th scope="row">{name}</th>' in text


def test_a_control_stands_beside_what_it_must_show(page):
    text = prose(page)

    assert "Generators side by side" in text
    assert "fidelity far from its floor" in text
    assert "no control" in text
    assert "Noise: On real test cases, training on synthetic cases alone (TSTR)" in text
    assert "though not both were shown to lie above guessing" in text


def test_synthetic_cases_added_to_real_ones_are_no_tstr(page):
    text = prose(page)

    assert "All real cases with the synthetic ones added reach" in text
    assert "Synthetic cases added to all real ones" in text


def test_a_missing_class_is_named_and_not_hidden(tmp_path):
    text = prose(write(tmp_path, sweep(1.0, 2.0, n=60, classes=CLASSES, truth=CLASSES[:2] * 30)))

    assert "Undefined: no test case of class no tumor." in text
    assert '<th scope="row">no tumor</th>' in text
    assert not re.search(r"\bnan\b", text, flags=re.IGNORECASE)


def test_classes_are_counted_and_one_without_a_case_has_a_nought():
    classes = pd.DataFrame(
        [("c1", "p1", "train", "real", "a"), ("c2", "p1", "train", "real", "b"), ("c3", "p2", "test", "real", "a")],
        columns=["case", "patient", "part", "source", "class"],
    )

    (section,) = cases_chapter({"classes": classes}).sections

    assert section.tables[0].frame.to_dict("records") == [
        {"Part": "train", "Cases": 2, "Patients": 1, "a": 1, "b": 1},
        {"Part": "test", "Cases": 1, "Patients": 1, "a": 1, "b": 0},
    ]


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window(page, browser, width):
    tab = browser.new_page(viewport={"width": width, "height": 900})
    said = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto(page.as_uri())

    drawings = tab.eval_on_selector_all("svg", "all => all.map(one => one.getBoundingClientRect().width)")
    ids = tab.eval_on_selector_all("[id]", "all => all.map(one => one.id)")

    assert len(drawings) == 14  # generators 1; each curve 2, ROC 3, reliability 1; best shares 1, of three alone
    assert min(drawings) > 250
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert len(ids) == len(set(ids))
    assert said == []
    tab.close()
