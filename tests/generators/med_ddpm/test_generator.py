"""Med-DDPM keeps the contract, learns what a label looks like, and goes on where it was killed."""

import shutil

import numpy as np
import pytest
from nibabel.loadsave import load

from helpers.trainings import KilledError, equal_images
from synthtrust.cases import Case
from synthtrust.generators import synthesize
from synthtrust.generators.brain import diffusion_painter
from synthtrust.generators.med_ddpm import MedDDPM
from synthtrust.generators.med_ddpm import training as training_module
from synthtrust.testing import GeneratorContract, tiny_cases, tiny_cohort
from synthtrust.testing.tiny import save_nifti

TINY = dict(
    channels=(4, 8), num_res_blocks=1, size=None, timesteps=10, sampler="ddim", sampling_steps=3, max_steps=3,
    accumulate=1, lr=1e-3, intensity_percentile=99.8,
)  # fmt: skip


class TestMedDDPM(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return MedDDPM(**TINY | dict(max_steps=2))


class TestPackedMedDDPM(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return MedDDPM(
            **TINY | dict(patch_fold=2, patch_size=(8, 8, 12), flip=True, precision="bf16-mixed", max_steps=2)
        )


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return tuple(tiny_cases(tmp_path_factory.mktemp("real"), count=3))


@pytest.fixture(scope="module")
def trained(cases, tmp_path_factory):
    """Return a generator after three steps; its folder is ``home``."""
    home = tmp_path_factory.mktemp("trained")
    generator = MedDDPM(**TINY).work_in(home).fit(cases)
    generator.home = home
    return generator


def sample(generator, case, seed=0):
    return generator.sample(case.load_label(), np.random.default_rng(seed))


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_killed_training_goes_on_and_ends_with_the_same_weights(cases, tmp_path, monkeypatch, accumulate):
    settings = TINY | dict(max_steps=4, accumulate=accumulate)
    whole = MedDDPM(**settings).work_in(tmp_path / "whole").fit(cases)

    step, seen = training_module.NoiseLearner.training_step, []

    def deadly(self, batch, batch_idx):
        if len(seen) == 2 * accumulate:
            raise KilledError
        seen.append(batch["t"].tolist())
        return step(self, batch, batch_idx)

    home = tmp_path / "home"
    monkeypatch.setattr(training_module.NoiseLearner, "training_step", deadly)
    with pytest.raises(KilledError):
        MedDDPM(**settings).work_in(home).fit(cases)
    assert not (home / "volumes").exists(), "real patients were left behind"
    monkeypatch.setattr(training_module.NoiseLearner, "training_step", step)
    resumed = MedDDPM(**settings).work_in(home).fit(cases)

    assert equal_images(sample(whole, cases[0]), sample(resumed, cases[0]))
    assert (home / "loss.csv").read_text() == (tmp_path / "whole" / "loss.csv").read_text()
    assert len((home / "loss.csv").read_text().splitlines()) == 1 + 4


def test_a_finished_training_is_found_and_another_one_begun_anew(cases, trained, tmp_path, monkeypatch):
    first, home = sample(trained, cases[0]), shutil.copytree(trained.home, tmp_path / "home")
    begun, train = [], diffusion_painter.train_to_end
    monkeypatch.setattr(
        diffusion_painter, "train_to_end", lambda *args, **kwargs: begun.append(1) or train(*args, **kwargs)
    )
    assert equal_images(first, sample(MedDDPM(**TINY).work_in(home).fit(cases), cases[0]))
    MedDDPM(**TINY | dict(sampling_steps=5)).work_in(home).fit(cases)  # painted otherwise, trained the same
    assert not begun
    assert not equal_images(first, sample(MedDDPM(**TINY).work_in(home).fit(cases[:2]), cases[0]))
    assert begun


def test_a_set_keeps_the_training_and_none_of_its_images(tmp_path):
    cohort = tiny_cohort(tmp_path / "real", count=3)
    twins = synthesize(
        MedDDPM(**TINY | dict(max_steps=1)), cohort, cohort.cases[:2], cohort.cases, tmp_path / "synthetic"
    )
    home = twins.folder / ".fit"
    assert sorted(path.name for path in home.iterdir()) == ["last.ckpt", "loss.csv"]


def test_painting_several_labels_at_once_paints_the_same(cases, trained):
    labels = [case.load_label() for case in cases]
    together = trained.sample_many(labels, [np.random.default_rng(i) for i in range(3)])
    for i, images in enumerate(together):
        for name, image in sample(trained, cases[i], i).items():
            np.testing.assert_allclose(image, images[name], rtol=1e-3, atol=0.5)  # a batch is summed in another order


def test_fitting_and_painting_use_the_seed(cases, trained):
    first, second = sample(trained, cases[0]), sample(MedDDPM(seed=1, **TINY).fit(cases), cases[0])
    assert not equal_images(first, second)


def test_without_a_brain_in_the_label_the_atlas_says_where_it_is(cases, trained):
    painted = sample(trained, cases[0])["flair"] > 0
    real = cases[0].load_image("flair") > 0
    assert trained.remarks == {"brain in the condition": "atlas of training cases"}
    assert 2 * (painted & real).sum() / (painted.sum() + real.sum()) > 0.95


def test_the_labels_own_brain_is_used_where_it_has_one(cases, tmp_path):
    marked = []
    for case in cases:
        label = case.load_label()
        label[(case.load_image("flair") > 0) & (label == 0)] = 4
        path = save_nifti(tmp_path / "marked" / f"{case.id}.nii.gz", label, load(case.label_map).affine)
        marked.append(Case(case.id, case.images, path))
    generator = MedDDPM(brain_label=4, **TINY | dict(max_steps=1)).fit(marked)
    smaller = marked[0].load_label()
    smaller[:5] = 0
    images = generator.sample(smaller, np.random.default_rng(0))
    assert generator.remarks == {
        "brain in the condition": "own label class, or the atlas of training cases for a label map without class 4"
    }
    assert generator.statistics_.labels == (1, 2, 3)
    np.testing.assert_array_equal(images["flair"] > 0, smaller > 0)


def test_a_label_on_another_grid_is_painted_there(cases, trained):
    label = np.pad(cases[0].load_label(), [(1, 2), (0, 3), (2, 0)])
    images = trained.sample(label, np.random.default_rng(0))
    assert {image.shape for image in images.values()} == {label.shape}


def test_a_label_beyond_the_box_is_refused(cases):
    generator = MedDDPM(**TINY | dict(size=(12, 12, 12), max_steps=1)).fit(cases)
    label = np.zeros((16, 20, 24), np.uint8)
    label[8, 10, 23] = 2
    with pytest.raises(ValueError, match="larger size"):
        generator.sample(label, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (dict(size=(16, 20, 23)), "size to be three multiples of 2"),
        (dict(patch_fold=2, patch_size=(8, 8, 6)), "patch_size to be three multiples of 4"),
        (dict(sampler="ddpm", sampling_steps=3), "Use sampler='sde_dpm_solver'"),
        (dict(weights="model.pt", intensity_percentile=99.8), "trained so"),
        (dict(train_ids=["a"]), "train_ids beside published weights alone"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_read(change, why):
    with pytest.raises(ValueError, match=why):
        MedDDPM(**TINY | change)


def test_no_cases_are_refused():
    with pytest.raises(ValueError, match="got none"):
        MedDDPM(**TINY).fit([])


def test_patches_larger_than_the_box_are_refused(cases):
    with pytest.raises(ValueError, match="patches within the size"):
        MedDDPM(**TINY | dict(patch_size=(32, 32, 32))).fit(cases)
