"""The network of a run is a feature space, if it learned from patients alone."""

import pytest
import torch

from synthtrust.audits.spaces.task_network import TaskNetwork
from synthtrust.runs import train_run
from synthtrust.testing import tiny_classes, tiny_cohort

SMALL = ("steps=4", "val_every=2", "split.test=2", "split.val=2", "trainer.accelerator=cpu",
         "trainer.enable_progress_bar=false", "trainer.log_every_n_steps=1", "generator=replay")  # fmt: skip
TASKS = {
    "segmentation": ("cases=brats", "cases.modalities=[flair,t1ce]", "model=unet", "model.net.channels=[4,8]",
                     "model.net.strides=[2]", "data.patch_size=[8,8,8]"),
    "classification": ("cases=class_folders", "data=images", "model=resnet_small", "duplicates=allow",
                       "model.net.block_inplanes=[4,4,8,8]", "data.batch_size=4"),
}  # fmt: skip


@pytest.fixture
def learned(composed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny_cohort(tmp_path / "segmentation", count=8)
    cohort = tiny_classes(tmp_path / "classification", count=12)
    for case in cohort.cases:
        folder = tmp_path / "classification" / ("healthy", "sick")[case.class_index]
        folder.mkdir(exist_ok=True)
        case.images["grey"].rename(folder / f"{case.id}.png")

    def _learned(task, alpha, mode="complement"):
        folder = f"runs/{task}/{mode}/{alpha}"
        paths = (f"cases.root={task}", f"paths.output={folder}", f"alpha={alpha}", f"data.mode={mode}")
        train_run(composed("train", *TASKS[task], *SMALL, *paths))
        return folder

    return _learned


@pytest.mark.parametrize(("task", "shape"), [("segmentation", (2, 16, 20, 24)), ("classification", (1, 40, 36))])
def test_features_see_the_image_and_not_its_units(learned, task, shape):
    space = TaskNetwork(learned(task, 1.0))
    image = 1 + torch.rand(shape, generator=torch.Generator().manual_seed(0))
    first, again, louder, other = (space(x, None, [], []) for x in (image, image, 7 * image, image.flip(-1) ** 3))
    assert first.ndim == 1
    assert first.isfinite().all()
    torch.testing.assert_close(first, again)
    torch.testing.assert_close(first, louder, rtol=1e-3, atol=1e-4)
    assert (first - other).abs().max() > 1e-3


def test_a_run_that_adds_no_twin_to_the_real_cases_is_one_of_real_cases_alone(learned):
    space = TaskNetwork(learned("classification", 1.0, "additive"))
    assert space(torch.rand(1, 24, 24), None, [], []).isfinite().all()


def test_a_network_that_saw_twins_is_no_judge_of_them(learned):
    with pytest.raises(ValueError, match=r"Expected one run that learned from patients alone .* alpha 0.5"):
        TaskNetwork(learned("classification", 0.5))(torch.rand(1, 24, 24), None, [], [])


def test_a_layer_is_found_by_its_name_or_refused(learned):
    folder = learned("classification", 1.0)
    assert len(TaskNetwork(folder, layer="layer1")(torch.rand(1, 24, 24), None, [], [])) == 2 * 4
    with pytest.raises(ValueError, match=r"Expected a layer of the network of .*, but got 'layer9'"):
        TaskNetwork(folder, layer="layer9")(torch.rand(1, 24, 24), None, [], [])
