"""Other cases are scored with every run of a sweep, and a page compares TSTR with TRTR there."""

import json
from pathlib import Path

import pytest

from helpers.tiny_runs import tiny_config
from synthtrust.evaluation import score_elsewhere
from synthtrust.runs import train_run
from synthtrust.testing import tiny_cohort


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("swept")
    tiny_cohort(folder / "real", count=6)
    for alpha in (0.0, 1.0):
        train_run(tiny_config(folder, f"alpha={alpha}", name=f"alpha_{alpha}_seed_0"))
    return folder


def other(folder, tmp_path):
    cohort = tiny_cohort(tmp_path / "elsewhere", count=9, seed=7)
    same_ids = ",".join(case.id for case in cohort.cases[:6])
    return ("evaluate", f"runs={folder / 'runs'}", "cases=brats", f"cases.root={tmp_path / 'elsewhere'}",
            "cases.modalities=[flair,t1ce]", f"cases.exclude=[{same_ids}]", f"paths.cache={tmp_path / 'cache'}",
            f"folder={tmp_path / 'page'}")  # fmt: skip


def test_a_page_compares_both_trainings_on_the_other_cohort(swept, tmp_path, composed):
    scores = score_elsewhere(composed(*other(swept, tmp_path)))
    assert set(scores["run"]) == {"alpha_0.0_seed_0", "alpha_1.0_seed_0"}
    report = json.loads((tmp_path / "page" / "report.json").read_text())
    gaps = {row["cases"]: row for row in report["tables"]["elsewhere"]["gaps"]}
    by_alpha = scores.groupby("alpha")["dice"].mean()
    assert gaps["other"]["tstr"] == pytest.approx(by_alpha[0.0])
    assert gaps["other"]["gap"] == pytest.approx(by_alpha[0.0] - by_alpha[1.0])
    assert gaps["own"]["n_cases"] != 0
    assert report["tables"]["elsewhere"]["shift"]
    (verdict,) = [row for row in report["tables"]["utility"]["verdict"] if row["axis"] == "utility"]
    assert verdict["verdict"] == "INCONCLUSIVE"
    assert "Another cohort" in (tmp_path / "page" / "index.html").read_text()


def test_without_the_audit_of_utility_there_are_scores_alone(swept, tmp_path, composed):
    score_elsewhere(composed(*other(swept, tmp_path), "audit=[trust]"))
    assert not (tmp_path / "page").exists()
    assert list(Path(swept).glob("runs/*/scores_elsewhere.csv"))
