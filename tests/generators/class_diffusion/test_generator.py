"""Class diffusion keeps the contract, learns what its classes look like, and goes on where it was killed."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.trainings import TINY_CLASS_DIFFUSION as TINY
from helpers.trainings import KilledError
from synthtrust.cases import Case
from synthtrust.generators import ClassDiffusion
from synthtrust.generators.class_diffusion import training as training_module
from synthtrust.generators.class_diffusion.intensity_range import IntensityRange, pixel_shuffle, pixel_unshuffle
from synthtrust.generators.class_diffusion.training import Batches
from synthtrust.generators.class_images import ClassImages, gather
from synthtrust.testing import ClassGeneratorContract, save_nifti, tiny_cases, tiny_classes


class TestClassDiffusion(ClassGeneratorContract):
    @pytest.fixture
    def generator(self):
        return ClassDiffusion(**TINY | dict(max_steps=2))


class TestPackedGuidedClassDiffusionInColours(ClassGeneratorContract):
    """Sides of 10 and 13 are no multiples of 4: images are padded and cropped."""

    @pytest.fixture
    def generator(self):
        return ClassDiffusion(**TINY | dict(patch_fold=2, guidance=2.0, flip_axis=1, max_steps=2))

    @pytest.fixture
    def cohort(self, tmp_path):
        return tiny_classes(tmp_path / "real", count=9, classes=("a", "b", "c"), size=(10, 13), colours=True)


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return tiny_classes(tmp_path_factory.mktemp("real"), count=8).cases


@pytest.fixture(scope="module")
def trained(cases, tmp_path_factory):
    """Return a generator after three steps; its folder is ``home``."""
    home = tmp_path_factory.mktemp("trained")
    generator = ClassDiffusion(**TINY).work_in(home).fit(cases)
    generator.home = home
    return generator


def sample(generator, label=0, seed=0):
    return generator.sample(label, np.random.default_rng(seed))["grey"]


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Plane images of 8 x 8 pixels; class 0 is dark, class 1 bright."""
    folder, rng, cases = tmp_path_factory.mktemp("planted"), np.random.default_rng(0), []
    for n in range(32):
        image = rng.normal((60, 190)[n % 2], 15, (8, 8)).clip(0, 255).astype(np.uint8)
        Image.fromarray(image).save(folder / f"{n}.png")
        cases.append(Case(str(n), {"grey": folder / f"{n}.png"}, class_index=n % 2))
    return cases


@pytest.fixture(scope="module")
def learned(planted):
    settings = TINY | dict(channels=(16, 16), max_steps=80, batch_size=16, lr=1e-2, ema_decay=0.9, sampling_steps=8)
    return ClassDiffusion(**settings, class_dropout=0.2).fit(planted)


def means(generator, label, n=16):
    rngs = [np.random.default_rng(seed) for seed in range(n)]
    return np.array([images["grey"].mean() for images in generator.sample_many([label] * n, rngs)])


def test_after_a_short_training_a_dark_and_a_bright_class_are_told_apart(learned):
    dark, bright = means(learned, 0), means(learned, 1)
    assert dark.mean() == pytest.approx(60, abs=25)
    assert bright.mean() == pytest.approx(190, abs=25)
    assert dark.max() < bright.min()


def test_without_guidance_both_classes_are_painted_alike_and_with_more_of_it_otherwise(learned):
    by_strength = {}
    for guidance in (0.0, 1.0, 3.0):
        learned.guidance = guidance
        by_strength[guidance] = means(learned, 0), means(learned, 1)
    learned.guidance = 1.0
    np.testing.assert_allclose(*by_strength[0.0], atol=1e-3)
    for label in (0, 1):
        assert np.abs(by_strength[3.0][label] - by_strength[1.0][label]).mean() > 0.5


def test_bfloat16_paints_the_same_images_within_a_few_grey_levels(learned):
    exact = sample(learned, 1)
    learned.precision = "bf16-mixed"
    rough = sample(learned, 1)
    learned.precision = "32-true"
    assert 0 < np.abs(rough - exact).max() < 5  # [grey values] of about 130 that the classes differ by


def test_images_differ_by_their_randomness(learned):
    first, second = sample(learned, 0, 1), sample(learned, 0, 2)
    assert np.abs(first - second).mean() > 5  # [grey values] the planted noise has 15


def test_a_killed_training_goes_on_and_ends_with_the_same_weights(cases, tmp_path, monkeypatch):
    settings = TINY | dict(max_steps=4)
    whole = ClassDiffusion(**settings).work_in(tmp_path / "whole").fit(cases)

    step, seen = training_module.VelocityLearner.training_step, []

    def deadly(self, batch, batch_idx):
        if len(seen) == 2:
            raise KilledError
        seen.append(batch["t"].tolist())
        return step(self, batch, batch_idx)

    home = tmp_path / "home"
    monkeypatch.setattr(training_module.VelocityLearner, "training_step", deadly)
    with pytest.raises(KilledError):
        ClassDiffusion(**settings).work_in(home).fit(cases)
    monkeypatch.setattr(training_module.VelocityLearner, "training_step", step)
    resumed = ClassDiffusion(**settings).work_in(home).fit(cases)

    np.testing.assert_array_equal(sample(whole), sample(resumed))
    assert (home / "loss.csv").read_text() == (tmp_path / "whole" / "loss.csv").read_text()
    assert len((home / "loss.csv").read_text().splitlines()) == 1 + 4


def test_a_finished_training_is_found_and_another_one_begun_anew(cases, trained, tmp_path, monkeypatch):
    first, home = sample(trained), shutil.copytree(trained.home, tmp_path / "home")
    begun, train = [], training_module.train
    where = "synthtrust.generators.class_diffusion.generator.train"
    monkeypatch.setattr(where, lambda *a: begun.append(1) or train(*a))
    np.testing.assert_array_equal(first, sample(ClassDiffusion(**TINY).work_in(home).fit(cases)))
    ClassDiffusion(**TINY | dict(sampling_steps=5, guidance=2.0)).work_in(home).fit(cases)  # painted otherwise
    assert not begun
    swapped = [replace(case, class_index=1 - case.class_index) for case in cases]  # the same files, of the other class
    assert not np.array_equal(first, sample(ClassDiffusion(**TINY).work_in(home).fit(swapped)))
    assert begun
    assert sorted(path.name for path in home.glob("*.c*")) == ["last.ckpt", "loss.csv"]


def test_a_loss_that_is_not_finite_stops_the_training_and_names_the_step(cases, monkeypatch):
    take = Batches.__getitem__

    def spoiled(self, number):
        batch = take(self, number)
        return batch | {"noise": batch["noise"] * np.nan} if number == 1 else batch

    monkeypatch.setattr(Batches, "__getitem__", spoiled)
    with pytest.raises(ValueError, match="Expected finite losses and weights, but got a loss of nan at step 2 "):
        ClassDiffusion(**TINY).fit(cases)


def test_weights_that_are_not_finite_are_not_kept(cases, tmp_path):
    with pytest.raises(ValueError, match="but got weights that are not at step 1 "):
        ClassDiffusion(**TINY | dict(max_steps=1, lr=float("inf"))).work_in(tmp_path).fit(cases)
    assert not (tmp_path / "last.ckpt").exists()


class Told:
    """Stands for an experiment logger."""

    def __init__(self):
        self.losses = {}

    def log_metrics(self, metrics, step):
        self.losses[step] = metrics["generator/loss"]


def test_loggers_are_told_the_losses_that_stand_in_the_table(cases, tmp_path):
    logger = Told()
    ClassDiffusion(**TINY).work_in(tmp_path).show_to([logger]).fit(cases)
    rows = [line.split(",") for line in (tmp_path / "loss.csv").read_text().splitlines()[1:]]
    assert {int(step): float(loss) for step, loss in rows} == pytest.approx(logger.losses, abs=1e-6)
    assert len(rows) == 3


def test_fitting_uses_the_seed(cases, trained):
    first, second = sample(trained), sample(ClassDiffusion(seed=1, **TINY).fit(cases))
    assert not np.array_equal(first, second)


def test_small_volumes_of_several_modalities_are_painted_in_their_own_units(tmp_path):
    rng, cases = np.random.default_rng(0), []
    for n in range(4):
        scales = {"ct": 1000.0, "pet": 1.0}
        images = {m: save_nifti(tmp_path / f"{n}_{m}.nii.gz", s * rng.random((6, 7, 9))) for m, s in scales.items()}
        cases.append(Case(str(n), images, class_index=n % 2))
    images = ClassDiffusion(**TINY | dict(max_steps=1)).fit(cases).sample(1, np.random.default_rng(0))
    assert {image.shape for image in images.values()} == {(6, 7, 9)}
    assert 100 < images["ct"].max() <= 1000
    assert 0.1 < images["pet"].max() <= 1


def test_images_of_several_sizes_are_painted_at_the_size_asked_for(tmp_path):
    small, large = (tiny_classes(tmp_path / str(side), count=4, size=(side, side)).cases for side in (16, 20))
    cases = [*small, *(replace(case, id=f"larger {case.id}") for case in large)]
    assert sample(ClassDiffusion(size=[8, 10], **TINY | dict(max_steps=1)).fit(cases)).shape == (8, 10)


def test_a_class_that_was_not_learned_is_refused(trained):
    with pytest.raises(ValueError, match=r"Expected a class among \[0, 1\].* but got 2"):
        sample(trained, 2)


def test_a_class_without_training_images_is_refused(cases):
    with pytest.raises(ValueError, match="every class from 0 to 1"):
        ClassDiffusion(**TINY).fit([case for case in cases if case.class_index == 1])


def test_cases_with_label_maps_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Expected cases with a class"):
        ClassDiffusion(**TINY).fit(tiny_cases(tmp_path, count=2))


def test_no_cases_are_refused(tmp_path):
    with pytest.raises(ValueError, match="got none"):
        ClassDiffusion(**TINY).work_in(tmp_path).fit([])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (dict(sampling_steps=21), "2 to 20 sampling steps"),
        (dict(class_dropout=1.0), "class_dropout from 0 to below 1"),
        (dict(sampler="ddpm"), r"sampler among \['dpm_solver', 'ddim'\], but got 'ddpm'"),
        (dict(class_dropout=0.0, guidance=2.0), "class_dropout above 0 for guidance 2.0"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_read(change, why):
    with pytest.raises(ValueError, match=why):
        ClassDiffusion(**TINY | change)


def test_the_frame_scales_pads_and_gives_back_what_it_was_given(tmp_path):
    seen = gather(tiny_classes(tmp_path, count=4, size=(10, 13), colours=True).cases)
    frame = IntensityRange.around(seen)
    units = frame.to_unit(seen.images, 4)
    assert units.shape == (4, 3, 12, 16)
    assert (units.min(), units.max()) == (-1, 1)
    np.testing.assert_allclose(frame.from_unit(units.astype(np.float32)), seen.images, atol=0.1)  # float16: 3 digits
    again = IntensityRange.from_plain(frame.plain())
    np.testing.assert_array_equal(again.from_unit(units), frame.from_unit(units))


def test_pixels_that_never_vary_are_painted_as_they_are():
    images = np.random.default_rng(0).uniform(0, 255, (5, 1, 6, 6)).astype(np.float32)
    images[:, :, 0] = 7
    painted = IntensityRange.around(ClassImages(images, np.array([0, 1, 0, 1, 0]), ("grey",))).from_unit(
        np.ones((1, 1, 6, 6))
    )
    assert (painted[0, 0, 0] == 7).all()
    assert (painted[0, 0, 1:] == images.max()).all()


def test_a_modality_that_is_the_same_everywhere_is_refused():
    flat = ClassImages(np.ones((4, 1, 6, 6), np.float32), np.array([0, 1, 0, 1]), ("grey",))
    with pytest.raises(ValueError, match="every pixel of grey is 1"):
        IntensityRange.around(flat)


@pytest.mark.parametrize("shape", [(2, 3, 4, 6), (2, 3, 4, 6, 8)])
def test_folding_loses_nothing_and_keeps_neighbours_together(shape):
    images = torch.arange(np.prod(shape), dtype=torch.float32).reshape(shape)
    folded = pixel_unshuffle(images, 2)
    assert folded.shape == (2, 3 * 2 ** (len(shape) - 2), *(side // 2 for side in shape[2:]))
    torch.testing.assert_close(pixel_shuffle(folded, 2), images)
    corner = images[0, 0][tuple(slice(2) for _ in shape[2:])]
    torch.testing.assert_close(folded[0, : corner.numel()].flatten(1)[:, 0], corner.flatten())


def test_in_a_round_every_image_comes_once_and_its_class_with_it():
    generator = ClassDiffusion(**TINY | dict(batch_size=3, class_dropout=0.0))
    units = np.arange(10, dtype=np.float16).reshape(10, 1, 1, 1)
    batches = Batches(units, np.arange(10) % 3, np.array(3), 20, generator)
    drawn = [batches[number] for number in range(10)]
    values, kinds = (torch.cat([batch[key].flatten() for batch in drawn]).int() for key in ("image", "kind"))
    for start in (0, 10, 20):
        assert sorted(values[start : start + 10].tolist()) == list(range(10))
    assert (kinds == values % 3).all()
    assert all(torch.equal(value, drawn[4][key]) for key, value in batches[4].items())


def test_classes_are_kept_back_and_images_mirrored_as_often_as_asked():
    generator = ClassDiffusion(**TINY | dict(batch_size=500, class_dropout=0.25, flip_axis=1))
    units = np.tile(np.array([-1, 1], np.float16), (50, 1, 3, 1))
    batch = Batches(units, np.arange(50) % 2, np.array(2), 20, generator)[0]
    assert float((batch["kind"] == 2).float().mean()) == pytest.approx(0.25, abs=0.06)
    assert float((batch["image"][:, 0, 0, 0] == 1).float().mean()) == pytest.approx(0.5, abs=0.07)
    assert torch.bincount(batch["t"], minlength=20).tolist() == [25] * 20  # spread evenly
