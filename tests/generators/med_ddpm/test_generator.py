"""Med-DDPM keeps the contract, learns what a label looks like, and goes on where it was killed."""

from dataclasses import replace

import numpy as np
import pytest
from nibabel.loadsave import load
from torch.utils.data import default_collate

from synthtrust.cases import Case
from synthtrust.generators import synthesize
from synthtrust.generators.brain.mean_brain import typical_of
from synthtrust.generators.brain.volumes import prepared
from synthtrust.generators.med_ddpm import MedDDPM
from synthtrust.generators.med_ddpm import training as training_module
from synthtrust.generators.med_ddpm.volumes import Volumes
from synthtrust.testing import GeneratorContract, tiny_cases, tiny_cohort
from synthtrust.testing.tiny import save_nifti

TINY = dict(
    channels=(4, 8), num_res_blocks=1, size=None, timesteps=10, sampler="ddim", sampling_steps=3, max_steps=3,
    accumulate=1, lr=1e-3, white=99.8,
)  # fmt: skip

BRAIN_ONLY = dict(brain_only=True, channels=(8,), dilations=(1, 2))


class TestMedDDPM(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return MedDDPM(**TINY)


class TestPackedMedDDPM(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return MedDDPM(**TINY | dict(pack=2, patch_size=(8, 8, 12), flip=True, precision="bf16-mixed"))


class TestBrainOnlyMedDDPM(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return MedDDPM(**TINY | BRAIN_ONLY | dict(pack=2, patch_size=(8, 8, 12), flip=True))


@pytest.fixture
def cases(tmp_path):
    return tiny_cases(tmp_path / "real", count=3)


def equal(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


def sample(generator, case, seed=0):
    return generator.sample(case.load_label(), np.random.default_rng(seed))


def planted(folder, name, axis, *, turned):
    """A case whose halves along one axis are labelled 1 and 2; 1 shows as 300, 2 as 900, the rest as 100."""
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
    settings = TINY | BRAIN_ONLY | dict(timesteps=4, sampling_steps=4, lr=1e-2, ema_decay=0.9)
    generator = MedDDPM(**settings | dict(max_steps=100, white=100)).fit(seen)
    label, image = unseen.load_label(), sample(generator, unseen)["flair"]
    brain, first, second = (image[(label == value) & (image > 0)].mean() for value in range(3))
    assert brain + 50 < first < second - 200


def test_with_brains_alone_what_lies_around_them_changes_no_loss(cases, tmp_path):
    generator = MedDDPM(**TINY | BRAIN_ONLY)
    known = generator._survey(cases)
    with prepared(cases, known, tmp_path / "volumes", white=99.8, brain_label=None):
        typical = typical_of(tmp_path / "volumes", 4, 1, flip=False)
        examples = Volumes(
            tmp_path / "volumes", n_channels=4, timesteps=10, patch_size=None, flip=False, seed=0, typical=typical
        )  # fmt: skip
        batch = default_collate([examples[0]])
    known = replace(known, typical=typical)
    plan = generator._plan(training_module.Schedule)
    network = generator._new_network(known)
    learner = training_module.NoiseLearner(network, generator.diffusion, known, plan, tmp_path, {})
    learner.log = lambda *args, **kwargs: None
    around = batch["condition"][:, :4].sum(1, keepdim=True) == 0
    assert 0.2 < around.float().mean() < 0.9
    assert (batch["image"][around.expand_as(batch["image"])] == 0).all()
    loss = learner.training_step(batch, 0)
    assert learner.training_step(batch | {"noise": batch["noise"] + 3 * around}, 0) == loss
    assert learner.training_step(batch | {"noise": batch["noise"] + 0.1 * ~around}, 0) != loss


class KilledError(Exception):
    """Stands for a process that was killed."""


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_killed_training_goes_on_and_ends_with_the_same_weights(cases, tmp_path, monkeypatch, accumulate):
    settings = TINY | dict(max_steps=6, accumulate=accumulate)
    whole = MedDDPM(**settings).work_in(tmp_path / "whole").fit(cases)

    step, seen = training_module.NoiseLearner.training_step, []

    def deadly(self, batch, batch_idx):
        if len(seen) == 4 * accumulate:
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

    assert equal(sample(whole, cases[0]), sample(resumed, cases[0]))
    assert (home / "loss.csv").read_text() == (tmp_path / "whole" / "loss.csv").read_text()
    assert len((home / "loss.csv").read_text().splitlines()) == 1 + 6


def test_a_finished_training_is_found_and_another_one_begun_anew(cases, tmp_path, monkeypatch):
    first = sample(MedDDPM(**TINY).work_in(tmp_path).fit(cases), cases[0])
    trained = []
    train = training_module.train
    monkeypatch.setattr("synthtrust.generators.med_ddpm.generator.train", lambda *a: trained.append(1) or train(*a))
    assert equal(first, sample(MedDDPM(**TINY).work_in(tmp_path).fit(cases), cases[0]))
    MedDDPM(**TINY | dict(sampling_steps=5)).work_in(tmp_path).fit(cases)  # painted otherwise, trained the same
    assert not trained
    assert not equal(first, sample(MedDDPM(**TINY).work_in(tmp_path).fit(cases[:2]), cases[0]))
    assert trained


def test_a_set_keeps_the_training_and_none_of_its_images(tmp_path):
    cohort = tiny_cohort(tmp_path / "real", count=3)
    twins = synthesize(MedDDPM(**TINY), cohort, cohort.cases[:2], cohort.cases, tmp_path / "synthetic")
    home = twins.cases[0].label_map.parents[1] / ".fit"
    assert sorted(path.name for path in home.iterdir()) == ["last.ckpt", "loss.csv"]


def test_painting_several_labels_at_once_paints_the_same(cases):
    generator = MedDDPM(**TINY).fit(cases)
    labels = [case.load_label() for case in cases]
    together = generator.sample_many(labels, [np.random.default_rng(i) for i in range(3)])
    for i, images in enumerate(together):
        for name, image in sample(generator, cases[i], i).items():
            np.testing.assert_allclose(image, images[name], rtol=1e-3, atol=0.5)  # a batch is summed in another order


def test_fitting_and_painting_use_the_seed(cases):
    one, other = (sample(MedDDPM(seed=seed, **TINY).fit(cases), cases[0]) for seed in (0, 1))
    assert not equal(one, other)


def test_without_a_brain_in_the_label_the_atlas_says_where_it_is(cases):
    generator = MedDDPM(**TINY).fit(cases)
    painted = sample(generator, cases[0])["flair"] > 0
    real = cases[0].load_image("flair") > 0
    assert generator.remarks == {"brain in the condition": "atlas of training cases"}
    assert 2 * (painted & real).sum() / (painted.sum() + real.sum()) > 0.95


def test_the_labels_own_brain_is_used_where_it_has_one(cases, tmp_path):
    marked = []
    for case in cases:
        label = case.load_label()
        label[(case.load_image("flair") > 0) & (label == 0)] = 4
        path = save_nifti(tmp_path / "marked" / f"{case.id}.nii.gz", label, load(case.label_map).affine)
        marked.append(Case(case.id, case.images, path))
    generator = MedDDPM(brain_label=4, **TINY).fit(marked)
    smaller = marked[0].load_label()
    smaller[:5] = 0
    images = generator.sample(smaller, np.random.default_rng(0))
    assert generator.remarks == {
        "brain in the condition": "own label class, or the atlas of training cases for a label map without class 4"
    }
    assert generator.survey_.labels == (1, 2, 3)
    np.testing.assert_array_equal(images["flair"] > 0, smaller > 0)


def test_a_label_on_another_grid_is_painted_there(cases):
    label = np.pad(cases[0].load_label(), [(1, 2), (0, 3), (2, 0)])
    images = MedDDPM(**TINY).fit(cases).sample(label, np.random.default_rng(0))
    assert {image.shape for image in images.values()} == {label.shape}


def test_a_label_beyond_the_box_is_refused(cases):
    generator = MedDDPM(**TINY | dict(size=(12, 12, 12))).fit(cases)
    label = np.zeros((16, 20, 24), np.uint8)
    label[8, 10, 23] = 2
    with pytest.raises(ValueError, match="larger size"):
        generator.sample(label, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (dict(size=(16, 20, 23)), "size to be three multiples of 2"),
        (dict(pack=2, patch_size=(8, 8, 6)), "patch_size to be three multiples of 4"),
        (dict(sampler="ddpm", sampling_steps=3), "Use sampler='ddim'"),
        (dict(weights="model.pt", white=99.8), "trained so"),
        (dict(weights="model.pt", brain_only=True, channels=(8,)), "trained so"),
        (dict(brain_only=True, channels=(8, 8)), "one number of channels"),
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
