"""BrainDiffusion keeps the contract, and paints and learns from brains alone."""

import numpy as np
import pytest
from hydra.errors import MissingConfigException
from torch.utils.data import default_collate

from synthtrust.cases import Case
from synthtrust.door.refusals import in_one_line
from synthtrust.generators import BrainDiffusion
from synthtrust.generators.brain.volumes import prepared
from synthtrust.generators.brain_diffusion.training import VelocityLearner
from synthtrust.testing import GeneratorContract, tiny_cases
from synthtrust.testing.tiny import save_nifti

TINY = dict(
    width=8, dilations=(1, 2), patch_fold=1, patch_size=None, flip=False, timesteps=10, sampling_steps=3, max_steps=3,
    batch_size=1, ema_decay=0.9995, anneal=False, grad_clip=None, precision="32-true",
)  # fmt: skip


class TestBrainDiffusion(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return BrainDiffusion(**TINY | dict(patch_fold=2, patch_size=(8, 8, 12), flip=True, max_steps=2))


@pytest.fixture
def cases(tmp_path):
    return tiny_cases(tmp_path / "real", count=3)


def planted(folder, name, axis, *, turned):
    """Return a case whose halves along one axis are labelled 1 and 2; 1 shows as 300, 2 as 900, the rest as 100."""
    label = np.zeros((12, 14, 16), np.uint8)
    label[2:10, 2:12, 2:14] = 1
    upper = [slice(2, 10), slice(2, 12), slice(2, 14)]
    upper[axis] = slice(label.shape[axis] // 2, upper[axis].stop)
    label[tuple(upper)] = 2
    label = np.flip(label, axis) if turned else label
    image = np.float32([100, 300, 900])[label]
    image[0] = 0
    return Case(
        name,
        {"flair": save_nifti(folder / f"{name}_flair.nii.gz", image)},
        save_nifti(folder / f"{name}_seg.nii.gz", label),
    )


def test_after_a_short_training_labels_are_ordered_by_brightness_as_in_the_training_cases(tmp_path):
    seen = [planted(tmp_path, f"{axis}{turned}", axis, turned=turned) for axis in (0, 1) for turned in (False, True)]
    unseen = planted(tmp_path, "unseen", 2, turned=True)
    settings = TINY | dict(timesteps=4, sampling_steps=4, lr=1e-2, ema_decay=0.9)
    generator = BrainDiffusion(**settings | dict(max_steps=100, intensity_percentile=100)).fit(seen)
    label, image = unseen.load_label(), generator.sample(unseen.load_label(), np.random.default_rng(0))["flair"]
    brain, first, second = (image[(label == value) & (image > 0)].mean() for value in range(3))
    assert brain + 50 < first < second - 200


def test_with_brains_alone_what_lies_around_them_changes_no_loss(cases, tmp_path):
    generator = BrainDiffusion(**TINY)
    generator.statistics_ = generator._measure(cases)
    with prepared(cases, generator.statistics_, tmp_path / "volumes", intensity_percentile=99.8, brain_label=None):
        generator._learn_from(tmp_path / "volumes")
        learner = VelocityLearner(generator._new_network(), generator, tmp_path, {})
        batch = default_collate([learner.examples()[0]])
    learner.log = lambda *args, **kwargs: None
    around = batch["condition"][:, :4].sum(1, keepdim=True) == 0
    assert 0.2 < around.float().mean() < 0.9
    assert (batch["image"][around.expand_as(batch["image"])] == 0).all()
    loss = learner.training_step(batch, 0)
    assert learner.training_step(batch | {"noise": batch["noise"] + 3 * around}, 0) == loss
    assert learner.training_step(batch | {"noise": batch["noise"] + 0.1 * ~around}, 0) != loss


def test_sides_are_multiples_of_what_is_packed():
    with pytest.raises(ValueError, match="patch_size to be three multiples of 2"):
        BrainDiffusion(**TINY | dict(patch_fold=2, patch_size=(8, 8, 7)))


def test_a_resumed_training_keeps_its_components(cases, tmp_path):
    first = BrainDiffusion(**TINY).work_in(tmp_path).fit(cases)
    again = BrainDiffusion(**TINY).work_in(tmp_path).fit(cases)
    for name, value in vars(first.pca_).items():
        np.testing.assert_array_equal(vars(again.pca_)[name], value)


def test_the_small_preset_of_before_is_refused_by_its_new_name(composed):
    with pytest.raises(MissingConfigException) as error:
        composed("train", "generator=med_ddpm_small")
    assert in_one_line(error.value) == (
        "Error: Expected generator=brain_diffusion, but got generator=med_ddpm_small, its name before 0.1. Write the "
        "new name."
    )
