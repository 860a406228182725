"""What the tests of runs share: a config of a run on tiny cases, and one mix of them that was exported."""

from types import SimpleNamespace

import pytest

from helpers.configs import compose_quickly
from synthtrust.runs import export_run
from synthtrust.testing import tiny_cohort

TINY = (
    "cases=brats", "cases.modalities=[flair,t1ce]", "model=unet", "model.net.channels=[4,8]", "model.net.strides=[2]",
    "data.patch_size=[8,8,8]", "steps=4", "val_every=2", "split.test=2", "split.val=1", "trainer.accelerator=cpu",
    "trainer.enable_progress_bar=false", "trainer.log_every_n_steps=1",
)  # fmt: skip


def tiny_config(folder, *overrides, name="run"):
    """Compose a config of a run on the tiny cases in a folder."""
    folders = {"synthetic": "synthetic", "cache": "cache", "output": f"runs/{name}"}
    paths = [f"paths.{key}={folder / value}" for key, value in folders.items()]
    return compose_quickly("train", *TINY, f"cases.root={folder / 'real'}", *paths, *overrides)


@pytest.fixture
def configure(tmp_path):
    tiny_cohort(tmp_path / "real", count=6)

    def _configure(*overrides, name="run"):
        return tiny_config(tmp_path, *overrides, name=name)

    return _configure


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
