"""What the tests of runs share: a config of a run on tiny cases, a finished run, and one mix that was exported."""

import shutil
from types import SimpleNamespace

import pytest

from helpers.tiny_runs import tiny_config
from synthtrust.runs import export_run, train_run
from synthtrust.testing import tiny_cohort


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """Return a folder of tiny cases, beside which their twins and preprocessed cases come to lie."""
    folder = tmp_path_factory.mktemp("shared")
    tiny_cohort(folder / "real", count=6)
    return folder


@pytest.fixture
def folder(shared):
    """Return the folder of the cases of a test; tests that change them have one of their own."""
    return shared


@pytest.fixture
def configure(folder, tmp_path):
    def _configure(*overrides, name="run"):
        return tiny_config(folder, *overrides, name=name, runs=tmp_path / "runs")

    return _configure


@pytest.fixture(scope="session")
def finished(shared):
    """Return the config of a run of half real, half synthetic cases that is finished, and its score."""
    cfg = tiny_config(shared, name="finished")
    return cfg, train_run(cfg)


@pytest.fixture
def copied(shared, finished, tmp_path):
    """Return the config of a copy of that run, which a test may change."""
    cfg, _ = finished
    shutil.copytree(cfg.paths.output, tmp_path / "runs" / "run")
    return tiny_config(shared, runs=tmp_path / "runs")


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Export half real, half synthetic cases: how its configs are made, its config, the folders of set and run."""
    folder = tmp_path_factory.mktemp("exported")
    tiny_cohort(folder / "real", count=6, shape=(12, 14, 16))

    def config(*overrides, name="alpha_0.5_seed_0"):
        words = ("export=nnunet", f"export.root={folder / 'raw'}", "generator=replay", "regions=[ET,WT]")
        return tiny_config(folder, *words, *overrides, name=name)

    cfg = config("alpha=0.5")
    made = export_run(cfg)
    return SimpleNamespace(config=config, cfg=cfg, folder=made, run=folder / "runs" / "alpha_0.5_seed_0")
