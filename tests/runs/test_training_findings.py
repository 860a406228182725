"""Runs that tell findings: from a table through training, on real cases and on twins, to the page."""

import json

import numpy as np
import pandas as pd
import pytest

from synthtrust.cases import CaseError, read_table
from synthtrust.evaluation import evaluate_runs
from synthtrust.generators import ClassMixture
from synthtrust.runs import find_runs, headline, score_cohort, train_run
from synthtrust.testing import tiny_findings

TINY = (
    "cases=table", "generator=replay", "data=images", "model=resnet_small", "model.net.block_inplanes=[4,8,8,8]",
    "model.class_weights=balanced", "data.batch_size=8", "steps=4", "val_every=2", "split.test=8", "split.val=6",
    "duplicates=allow", "trainer.accelerator=cpu", "trainer.enable_progress_bar=false", "trainer.log_every_n_steps=1",
)  # fmt: skip
NAMES = ["effusion", "mass", "nodule"]
WORDS = 'cases.separator="|"'
COLUMNS = ["alpha", "seed", "mode", "case", "patient", "source", "class", "present", "probability"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a table of 60 images of 30 patients, its findings in words and in columns."""
    folder = tmp_path_factory.mktemp("findings")
    cohort = tiny_findings(folder / "real", count=60, findings=NAMES, per_patient=2)
    rows = [
        {"case_id": case.id, "image": f"{case.id}.png", "patient": case.patient,
         "label": "|".join(cohort.names_of(case)) or "No Finding", **dict(zip(NAMES, case.findings))}
        for case in cohort.cases
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "real" / "cases.csv", index=False)
    return folder


@pytest.fixture
def configure(composed, folder):
    def _configure(*overrides, name="run"):
        paths = [f"paths.{key}={folder / key}" for key in ("synthetic", "cache")]
        paths.append(f"paths.output={folder / 'runs' / name}")
        return composed("train", *TINY, f"cases.file={folder / 'real' / 'cases.csv'}", *paths, *overrides)

    return _configure


@pytest.fixture
def arms(configure, folder):
    """TSTR and TRTR, trained once."""
    for alpha in (0.0, 1.0):
        train_run(configure(WORDS, f"alpha={alpha}", name=f"arms/alpha_{alpha}"))
    return find_runs(folder / "runs" / "arms")


def test_a_run_describes_itself(arms):
    tstr, trtr = arms
    for run in arms:
        scores, facts = run.scores(), run.facts()
        assert list(scores.columns) == COLUMNS
        assert len(scores) == 16 * 2 * 3  # images, sources, findings
        assert (facts["task"], facts["classes"], facts["missing_classes"]) == ("multilabel", NAMES, {})
        assert facts["best_val_score"] is not None
        truth = {(case.id, name): present for case in run.cohort.cases for name, present in zip(NAMES, case.findings)}
        assert all(truth[row.case, row["class"]] == row.present for _, row in scores.iterrows())
        assert run.classes().groupby("class")["present"].sum().to_dict() == dict(effusion=28, mass=30, nodule=30)
        assert headline(scores)[0] == "Macro AUC"
        curves = pd.read_csv(run.folder / "logs" / "version_0" / "metrics.csv")
        assert curves[["val/score", "val/auc_mass"]].notna().sum().tolist() == [2, 2]
    assert not np.allclose(tstr.scores()["probability"], trtr.scores()["probability"])
    drawn = [case for case in trtr.cohort.cases if case.id in set(trtr.data()["drawn"]["train"]["real"])]
    positive = np.sum([case.findings for case in drawn], axis=0)
    assert trtr.facts()["class_weights"] == pytest.approx(((len(drawn) - positive) / positive).tolist(), abs=1e-5)


def test_the_page_sets_tstr_beside_trtr_finding_by_finding(arms, composed, folder):
    cfg = composed("evaluate", f"runs={folder / 'runs' / 'arms'}", f"folder={folder / 'page'}", "pictures=0")
    page = evaluate_runs(cfg).read_text()
    assert "Finding by finding, TSTR beside TRTR" in page
    assert "How many cases there are of each finding" in page
    report = json.loads((folder / "page" / "report.json").read_text())
    rows = report["tables"]["utility"]["per_class"]
    assert {(row["class"], row["kind"]) for row in rows} == {(name, "finding") for name in NAMES}
    assert {"utility", "privacy", "fidelity"} <= {row["axis"] for row in report["verdicts"]}
    (privacy,) = [row for row in report["verdicts"] if row["axis"] == "privacy"]
    assert privacy["verdict"] in ("NOT SUPPORTED", "INCONCLUSIVE")  # a replay


def test_columns_say_the_same_as_words_and_other_tasks_are_refused(arms, configure, folder):
    run = arms[1]
    columns = configure("cases.labels=[effusion,mass,nodule]", "cases.uncertain=positive", "alpha=1.0", name="columns")
    train_run(columns)
    (again,) = find_runs(columns.paths.output)
    pd.testing.assert_frame_equal(again.scores(), run.scores())
    with pytest.raises(CaseError, match=r"were refused, .* several findings in one cell, 'mass.nodule'"):
        train_run(configure(name="classes"))
    file = folder / "real" / "cases.csv"
    with pytest.raises(CaseError, match=r"Expected cases for multilabel as .* is for classification"):
        score_cohort(run, read_table(file, columns={"label": "nodule"}), folder / "cache")
    with pytest.raises(CaseError, match=r"Expected findings \['effusion', 'mass', 'nodule'\] in this order"):
        score_cohort(run, read_table(file, labels=NAMES[::-1]), folder / "cache")
    scores = score_cohort(run, read_table(file, separator="|"), folder / "cache", allow_overlap=True)
    kept = run.scores().query("source == 'real'").set_index(["case", "class"])["probability"]
    pd.testing.assert_series_equal(kept, scores.set_index(["case", "class"])["probability"].loc[kept.index])


def test_a_painter_of_findings_is_trained_on(configure):
    cfg = configure(WORDS, "generator=class_mixture", "generator.min_members=4", "alpha=0.0", "steps=2", name="painted")
    train_run(cfg)
    (run,) = find_runs(cfg.paths.output)
    assert run.twins.task == "multilabel"
    assert [twin.findings for twin in run.twins.cases] == [case.findings for case in run.cohort.cases]
    assert run.twins.name.endswith(f"painted by {ClassMixture.__name__}")


def test_what_cannot_say_findings_is_refused(composed, configure, folder):
    with pytest.raises(CaseError, match=r"have findings, .* this set names one. Use a generator that paints them"):
        train_run(configure(WORDS, "generator=class_folder", "generator.root=.", name="refused"))
    file = f"cases.file={folder / 'real' / 'cases.csv'}"
    with pytest.raises(ValueError, match=r"Expected a model for classification, since .* have findings"):
        train_run(composed("train", "cases=table", file, WORDS, f"paths.output={folder / 'runs' / 'segmenter'}"))
