"""Trackers are refused at the door where their package is missing, or where they cannot keep a page."""

import pytest

from helpers.commands import refusal


@pytest.mark.parametrize(("logger", "package"), [("tensorboard", "tensorboard"), ("mlflow", "mlflow")])
def test_a_tracker_that_is_not_installed_is_refused(monkeypatch, logger, package):
    monkeypatch.setattr("synthtrust.door.trackers.find_spec", lambda name: None)
    line = f"Expected {package} for logger={logger}, but it is not installed. Run pip install {package}"
    assert line in refusal("train.py", f"logger={logger}")
    monkeypatch.setattr("synthtrust.door.trackers.find_spec", lambda name: "there")
    assert refusal("train.py", f"logger={logger}") == ""


def test_a_tracker_of_curves_is_refused_for_a_page():
    assert "Expected logger=wandb or logger=mlflow" in refusal("evaluate.py", "logger=tensorboard")
