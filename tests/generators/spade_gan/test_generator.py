"""The SPADE GAN obeys the laws of generators, learns what a label looks like, and finds its own training."""

import numpy as np
import pytest

from helpers.spade_gan import TINY, losses, sample
from helpers.trainings import equal_images
from synthtrust.generators import SpadeGAN, synthesize
from synthtrust.generators.spade_gan import training as training_module
from synthtrust.generators.spade_gan.training import PARTS
from synthtrust.testing import GeneratorContract, tiny_cases, tiny_cohort


class TestSpadeGAN(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return SpadeGAN(**TINY | dict(max_steps=2))


class TestPackedSpadeGAN(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return SpadeGAN(**TINY | dict(patch_fold=2, discriminators=2, precision="bf16-mixed", max_steps=2))


def test_a_short_training_brings_painted_images_nearer_to_real_ones(tmp_path):
    *cases, unseen = tiny_cases(tmp_path / "real", count=3, shape=(12, 14, 14))
    settings = TINY | dict(channels=(8, 8), lr=4e-3, max_steps=60, ema_decay=0.9)
    generator = SpadeGAN(**settings).work_in(tmp_path / "home").fit(cases)
    table = losses(tmp_path / "home")
    assert table.dtype.names == ("step", *PARTS)
    assert table["reconstruction"][-10:].mean() < 0.6 * table["reconstruction"][0]

    label, images = unseen.load_label(), sample(generator, unseen)
    means = {
        name: [image[(label == value) & (image > 0)].mean() for value in (0, 2, 3)] for name, image in images.items()
    }
    (brain, oedema, _), (other_brain, _, enhancing) = means["flair"], means["t1ce"]
    assert oedema > 1.2 * brain  # 200 and 380 in real cases
    assert enhancing > 1.3 * other_brain  # 450 and 900 in real cases


def test_the_style_changes_the_image_and_the_same_style_gives_the_same(cases, trained):
    image, same_style, other_style = (sample(trained, cases[0], seed) for seed in (0, 0, 1))
    assert equal_images(image, same_style)
    brain = image["flair"] > 0
    assert np.abs(image["flair"] - other_style["flair"])[brain].mean() > 1e-3 * image["flair"][brain].mean()
    np.testing.assert_array_equal(brain, other_style["flair"] > 0)


def test_a_finished_training_is_found_and_another_one_begun_anew(cases, trained, home, monkeypatch):
    first, begun, train = sample(trained, cases[0]), [], training_module.train
    monkeypatch.setattr("synthtrust.generators.spade_gan.generator.train", lambda *a: begun.append(1) or train(*a))
    assert equal_images(first, sample(SpadeGAN(**TINY).work_in(home).fit(cases), cases[0]))
    assert not begun
    assert not equal_images(first, sample(SpadeGAN(**TINY).work_in(home).fit(cases[:2]), cases[0]))
    assert begun


def test_a_set_keeps_the_training_and_none_of_its_images(tmp_path):
    cohort = tiny_cohort(tmp_path / "real", count=3)
    twins = synthesize(
        SpadeGAN(**TINY | dict(max_steps=1)), cohort, cohort.cases[:2], cohort.cases, tmp_path / "synthetic"
    )
    home = twins.folder / ".fit"
    assert sorted(path.name for path in home.iterdir()) == ["last.ckpt", "loss.csv"]


def test_a_label_that_training_never_saw_is_refused(cases, trained):
    label = cases[0].load_label()
    label[8, 10, 12] = 7
    with pytest.raises(ValueError, match=r"\[1, 2, 3\].*got \[7\]"):
        trained.sample(label, np.random.default_rng(0))


def test_a_size_that_cannot_be_halved_is_refused_before_anything_is_read():
    with pytest.raises(ValueError, match="size to be three multiples of 2"):
        SpadeGAN(**TINY | dict(size=(16, 20, 23)))


def test_no_cases_are_refused():
    with pytest.raises(ValueError, match="got none"):
        SpadeGAN(**TINY).fit([])
