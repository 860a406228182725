"""Configs of runs on tiny cases."""

from helpers.configs import compose_quickly

TINY = (
    "cases=brats", "cases.modalities=[flair,t1ce]", "model=unet", "model.net.channels=[4,8]", "model.net.strides=[2]",
    "data.patch_size=[8,8,8]", "steps=4", "val_every=2", "split.test=2", "split.val=1", "trainer.accelerator=cpu",
    "trainer.enable_progress_bar=false", "trainer.log_every_n_steps=1",
)  # fmt: skip


def tiny_config(folder, *overrides, name="run", runs=None):
    """Compose a config of a run on the tiny cases in a folder; the run may come to lie elsewhere."""
    folders = {"synthetic": folder / "synthetic", "cache": folder / "cache", "output": (runs or folder / "runs") / name}
    paths = [f"paths.{key}={path}" for key, path in folders.items()]
    return compose_quickly("train", *TINY, f"cases.root={folder / 'real'}", *paths, *overrides)
