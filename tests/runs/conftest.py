"""What the tests of runs share: a config of a run on tiny cases."""

import pytest

from synthtrust.testing import tiny_cohort

TINY = (
    "cases=brats", "cases.modalities=[flair,t1ce]", "model=unet", "model.net.channels=[4,8]", "model.net.strides=[2]",
    "data.patch_size=[8,8,8]", "steps=4", "val_every=2", "split.test=2", "split.val=1", "trainer.accelerator=cpu",
    "trainer.enable_progress_bar=false", "trainer.log_every_n_steps=1",
)  # fmt: skip


@pytest.fixture
def configure(composed, tmp_path):
    tiny_cohort(tmp_path / "real", count=6)

    def _configure(*overrides, name="run"):
        folders = {"synthetic": "synthetic", "cache": "cache", "output": f"runs/{name}"}
        paths = [f"paths.{key}={tmp_path / folder}" for key, folder in folders.items()]
        return composed("train", *TINY, f"cases.root={tmp_path / 'real'}", *paths, *overrides)

    return _configure
