"""Launchers and sweepers that are not installed are refused with the package that brings them; ours have their keys."""

import dataclasses
from importlib import import_module
from pathlib import Path

import pytest
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

from helpers.commands import refusal
from synthtrust.door.engines import PACKAGES, is_installed
from synthtrust.plugins import conf_dir

OPTIONS = sorted(Path(conf_dir()).glob("hydra/*er/*.yaml"))
SCHEMES = {
    "processes": ("hydra_joblib_launcher.config", "JobLibLauncherConf"),
    "slurm_local": ("hydra_submitit_launcher.config", "LocalQueueConf"),
    "slurm": ("hydra_submitit_launcher.config", "SlurmQueueConf"),
    "ray_cluster": ("hydra_ray_launcher._config", "RayLauncherConf"),
    "optuna_tpe": ("hydra_optuna_sweeper.config", "OptunaSweeperConf"),
}


def ids(path):
    return path.stem


@pytest.mark.parametrize("path", OPTIONS, ids=ids)
def test_an_engine_that_is_not_installed_is_refused_with_its_package(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("synthtrust.door.engines.is_installed", lambda module: False)
    option = f"hydra/{path.parent.name}={path.stem}"
    refused = refusal("train.py", option, "alpha=1", "stage=validate", "-m")
    package = PACKAGES[SCHEMES[path.stem][0].partition(".")[0]]
    assert refused.endswith(f"Expected {package} for {option}, but it is not installed. Run pip install {package}.")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("path", OPTIONS, ids=ids)
def test_an_engine_is_described_by_the_keys_that_its_package_has(path):
    module, scheme = SCHEMES[path.stem]
    if not is_installed(module.partition(".")[0]):
        pytest.skip(f"{PACKAGES[module.partition('.')[0]]} is not installed")
    Plugins.instance()
    known = {field.name for field in dataclasses.fields(getattr(import_module(f"hydra_plugins.{module}"), scheme))}
    ours = OmegaConf.load(path)
    assert {*ours} <= known
    if "submitit" in module:
        assert {*ours} == known - {"defaults"}


def test_no_engine_has_the_name_of_one_of_its_package():
    """Hydra would check it against the other one, and warn of it as a deprecated use."""
    taken = {"joblib", "submitit_local", "submitit_slurm", "ray", "ray_aws", "optuna"}
    assert not {path.stem for path in OPTIONS} & taken
