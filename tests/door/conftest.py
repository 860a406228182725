"""What tests of the door share."""

import pytest


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Commands leave what they leave in an empty folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder
