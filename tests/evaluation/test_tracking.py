"""A page is a run of its own in wandb and in MLflow: verdicts, tables, and the page itself."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
from omegaconf import OmegaConf

from helpers.wandb_offline import offline_records
from synthtrust.evaluation.tracking import track_page
from synthtrust.verdicts import Reason

LOGGERS = OmegaConf.create({"wandb": {"project": "synthtrust", "mode": "offline", "name": "${alpha}", "id": "${seed}"}})
ROW = {"axis": "privacy", "set": "A-1", "generator": "A", "mode": "", "verdict": "NOT SUPPORTED",
       "reasons": (Reason("leak", "A leak."),), "thresholds": {"auc": 0.5}, "would_change": ""}  # fmt: skip
TABLES = {
    "privacy": {"verdict": pd.DataFrame([ROW]), "tests": pd.DataFrame({"p": [0.5, None]}), "empty": pd.DataFrame()}
}


def written_page(folder):
    page = folder / "index.html"
    page.write_text("<html><body>The page.</body></html>")
    return page


def test_verdicts_tables_and_page_are_kept_offline(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    track_page(LOGGERS, written_page(tmp_path), TABLES, "sweep")
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    records = offline_records(folder)
    summary = {item.key or ".".join(item.nested_key): item.value_json for r in records for item in r.summary.update}
    assert json.loads(summary["verdict/privacy"]) == "NOT SUPPORTED"
    (run,) = {(r.run.display_name, r.run.run_group, r.run.job_type) for r in records if r.run.display_name}
    assert run == ("page sweep", "sweep", "evaluate")
    assert "The page." in next(folder.rglob("*.html")).read_text()
    assert len(list(folder.rglob("*.table.json"))) == 2


def test_what_fails_costs_only_itself(tmp_path, monkeypatch, caplog):
    import wandb

    def fail(**settings):
        raise RuntimeError("no disk")

    monkeypatch.setattr(wandb, "init", fail)
    track_page(LOGGERS, written_page(tmp_path), TABLES, "sweep")
    assert caplog.text.count("wandb was not told of") == 1
    assert "no disk" in caplog.text


def test_without_a_network_it_is_kept_offline_after_seconds(tmp_path, monkeypatch, caplog):
    import wandb

    asked = []

    def init(mode, **settings):
        asked.append((mode, os.environ["WANDB_INIT_TIMEOUT"]))
        raise wandb.errors.CommError("no network")

    monkeypatch.setattr(wandb, "init", init)
    monkeypatch.delenv("WANDB_INIT_TIMEOUT", raising=False)
    track_page(OmegaConf.create({"wandb": {"mode": "online"}}), written_page(tmp_path), TABLES, "sweep")
    assert asked == [("online", "20"), ("offline", "20")]
    assert "no network" in caplog.text


def test_mlflow_has_verdicts_as_tags_and_page_and_tables_as_artifacts(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="needs the extra mlflow")
    monkeypatch.chdir(tmp_path)  # where MLflow keeps files
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    track_page(OmegaConf.create({"mlflow": {"tracking_uri": uri}}), written_page(tmp_path), TABLES, "sweep")
    client = mlflow.MlflowClient(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("sweep").experiment_id])
    assert run.info.run_name == "page sweep"
    assert run.info.status == "FINISHED"
    assert run.data.tags["verdict/privacy"] == "NOT SUPPORTED"
    page = client.download_artifacts(run.info.run_id, "index.html", tmp_path)
    assert "The page." in Path(page).read_text()
    kept = {item.path for item in client.list_artifacts(run.info.run_id, "privacy")}
    assert kept == {"privacy/verdict.csv", "privacy/tests.csv"}


def test_without_the_tracker_nothing_is_told(tmp_path):
    for loggers in (None, OmegaConf.create({"csv": {}})):
        track_page(loggers, tmp_path / "missing.html", {}, "sweep")
