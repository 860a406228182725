"""Calibration: planted copies are called a leak, honest sets are not, and a finished seed is not asked again."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from helpers.page_marks import unmarked
from synthtrust.audits import Calibration
from synthtrust.audits.calibration.planting_study import outcome_row
from synthtrust.audits.privacy.question import Leak
from synthtrust.cases import Case, Cohort
from synthtrust.metrics.functional import most_similar
from synthtrust.report import write_report
from synthtrust.report.calibration import calibration_chapter


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("real"), np.random.default_rng(0)
    cases = []
    for i in range(62):
        field = gaussian_filter(rng.normal(size=(24, 24)), 1.0)
        image = (120 + 25 * field / field.std()).round().clip(1, 255).astype(np.uint8)
        Image.fromarray(image).save(folder / f"{i:02d}.png")
        cases.append(
            Case(f"{i:02d}", {"grey": folder / f"{i:02d}.png"}, class_index=0, patient=f"of {i // 2}" if i > 59 else "")
        )
    return Cohort("textures", tuple(cases), ("grey",), {"all": 0})


@pytest.fixture(scope="module")
def calibration():
    return Calibration(
        shares=(0.0, 0.1, 1.0), n_train=20, n_holdout=21, n_synthetic=20, seeds=3, n_permutations=399, angles=(),
        scales=(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("draws")


@pytest.fixture(scope="module")
def tables(calibration, cohort, folder):
    return calibration(cohort, folder)


def test_copies_are_called_and_honest_sets_are_not(tables):
    detection = tables["detection"].set_index(["kind", "share", "measure"])
    assert detection.loc[("none", 0.0, "any"), "detected"] == 0
    assert detection.loc[("none", 0.0, "any"), "ci_high"] == pytest.approx(1 - 0.025 ** (1 / 3))  # 0 of 3 draws
    for kind in ("exact", "flip", "noise", "shift", "intensity"):
        assert detection.loc[(kind, 0.1, "P1"), "detected"] == 1
        assert detection.loc[(kind, 0.1, "P1"), "found"] == 1
        assert detection.loc[(kind, 0.1, "any"), "n_copies"] == 2
    assert detection.loc[("exact", 1.0, "P2"), "detected"] == 1
    assert ("noise", 1.0, "P2") not in detection.index  # asked of verbatim copies alone


def test_a_finished_seed_is_read_and_more_seeds_are_added(calibration, cohort, folder, tables, monkeypatch):
    monkeypatch.setattr(Calibration, "_draw", None)  # asking again would fail
    assert calibration(cohort, folder)["draws"].equals(tables["draws"])
    with pytest.raises(TypeError):
        Calibration(**{**vars(calibration), "seeds": 4})(cohort, folder)


def test_other_images_under_the_same_ids_are_asked_anew(calibration, cohort, folder, tables, tmp_path, monkeypatch):
    def moved(case, turn):
        path = tmp_path / case.images["grey"].name
        Image.open(case.images["grey"]).rotate(turn).save(path)
        return replace(case, images={"grey": path})

    monkeypatch.setattr(Calibration, "_draw", None)  # asking again would fail
    same = replace(cohort, cases=tuple(moved(case, 0) for case in cohort.cases))
    assert calibration(same, folder)["draws"].equals(tables["draws"])
    with pytest.raises(TypeError):
        calibration(replace(cohort, cases=tuple(moved(case, 90) for case in cohort.cases)), folder)


def test_an_exact_search_is_asked_for_where_it_is_wanted(calibration, cohort, tmp_path, monkeypatch):
    asked = set()

    def watched(queries, reference, k, *, candidates, **keywords):
        asked.add(candidates >= len(reference))
        return most_similar(queries, reference, k, candidates=candidates, **keywords)

    monkeypatch.setattr("synthtrust.audits.calibration.cases.most_similar", watched)
    replace(calibration, exact=True, seeds=1, n_synthetic=10)(cohort, tmp_path)
    assert asked == {True}


def test_a_share_is_that_of_the_copies_and_a_foreign_test_finds_none():
    assert Calibration().planted(10) == {0.1: 1, 0.2: 2, 0.3: 3, 1.0: 10}
    assert Calibration().planted(60) == {0.05: 3, 0.15: 9, 0.3: 18, 1.0: 60}
    row = outcome_row(
        0,
        "flip",
        0.05,
        (4, 0),
        [Leak("nearest_share", "More lie nearest to a training case (P3).", "P3")],
        ("P1", "P4"),
    )
    assert (row["leak"], row["by"]) == (False, "")


def test_the_page_shows_false_alarms_first(tables, tmp_path):
    page = write_report(tmp_path, {}, {"calibration": tables}, judges=False)
    assert unmarked(page.read_text(encoding="utf-8")) == []
    chapter = calibration_chapter(tables)
    assert chapter.answers[0].startswith("False alarms on honest sets: 0.00 [0.00, 0.71] of 3 draws")
    assert all("<svg" in panel for figure in chapter.sections[0].figures for panel in figure.panels)


def test_too_few_patients_are_refused_with_their_number(cohort, tmp_path):
    with pytest.raises(ValueError, match=r"at least 200 different patients .* but got 61"):
        Calibration()(cohort, tmp_path)


def test_the_experiment_composes(composed):
    cfg = composed("evaluate", "experiment=controls", "cases=phantom")
    assert cfg.calibration.seeds == 20
    assert "calibration" not in composed("evaluate")
