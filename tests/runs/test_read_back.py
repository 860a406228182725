"""What TensorBoard and MLflow keep of a run is read back by their own readers."""

from pathlib import Path

import pytest

from synthtrust.runs import find_runs, train_run


def mean_dice(cfg):
    (run,) = find_runs(cfg.paths.output)
    return run.scores().query("source == 'real'")["dice"].mean()


def test_tensorboard_has_curves_and_test_scores(configure):
    pytest.importorskip("tensorboard", reason="needs the extra tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    cfg = configure("logger=tensorboard", "alpha=1")
    train_run(cfg)
    events = EventAccumulator(str(Path(cfg.paths.output) / "logs" / "tensorboard"))
    events.Reload()
    assert {"train/loss", "val/score", "test/real/dice", "test/synthetic/dice"} <= set(events.Tags()["scalars"])
    (score,) = events.Scalars("test/real/dice")
    assert score.value == pytest.approx(mean_dice(cfg), abs=1e-6)
    steps = [event.step for event in events.Scalars("val/score")]
    assert steps == sorted(set(steps))


def test_mlflow_has_curves_test_scores_and_the_config(configure, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="needs the extra mlflow")
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    cfg = configure("logger=mlflow", "alpha=1", "name=tracked", f"paths.mlflow={uri}")
    train_run(cfg)
    client = mlflow.MlflowClient(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("tracked").experiment_id])
    assert run.info.run_name == "alpha_1.0_seed_0"
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test/real/dice"] == pytest.approx(mean_dice(cfg))
    assert {"train/loss", "val/score"} <= set(run.data.metrics)
    assert float(run.data.params["alpha"]) == 1
