"""Tissue keeps the contract, and paints the contrasts it saw."""

from dataclasses import replace

import numpy as np
import pytest

from synthtrust.cases import Case
from synthtrust.generators import Tissue
from synthtrust.testing import GeneratorContract, save_nifti, tiny_cases

N = 6


class TestTissue(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return Tissue()


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return tiny_cases(tmp_path_factory.mktemp("tissue"), count=N, shape=(22, 24, 26))


def z_scored_means(images, label):
    """Mean of each label and of the unlabelled brain, in z-scores of the foreground, per modality."""
    out = {}
    for modality, image in images.items():
        brain = image != 0
        z = (image - image[brain].mean()) / image[brain].std()
        out[modality] = np.array([z[brain & (label == value)].mean() for value in range(4)])
    return out


def test_each_label_gets_the_contrast_it_had(cases):
    generator = Tissue(blur=0, bias=0, jitter=0).fit(cases)  # partial volume would pull these tiny regions together
    for modality in cases[0].images:
        real, painted = [], []
        for n, case in enumerate(cases):
            label = case.load_label()
            real.append(z_scored_means({modality: case.load_image(modality)}, label)[modality])
            images = generator.sample(label, np.random.default_rng(n))
            painted.append(z_scored_means({modality: images[modality]}, label)[modality])
        # not equal: the z-scores are those of the twin's own foreground, whose share of each tissue differs
        assert np.corrcoef(np.mean(painted, 0), np.mean(real, 0))[0, 1] > 0.95
        assert list(np.argsort(np.mean(painted, 0))) == list(np.argsort(np.mean(real, 0)))


def test_twins_come_in_the_units_of_the_training_cases_whatever_the_scale(cases, tmp_path):
    scaled = []
    for n, case in enumerate(cases):
        images = {}
        for modality in case.images:
            images[modality] = tmp_path / case.id / f"{modality}.nii.gz"
            save_nifti(images[modality], case.load_image(modality) * 10.0 ** (n % 3))
        scaled.append(replace(case, images=images))
    twin = Tissue().fit(scaled).sample(cases[0].load_label(), np.random.default_rng(0))
    medians = {m: [np.median(im[im > 0]) for im in (c.load_image(m) for c in scaled)] for m in twin}
    for modality, image in twin.items():
        assert min(medians[modality]) < np.median(image[image > 0]) < max(medians[modality])


def test_twins_of_one_label_differ_by_their_randomness(cases):
    generator = Tissue().fit(cases)
    label = cases[0].load_label()
    one, other = (generator.sample(label, np.random.default_rng(n))["flair"] for n in (0, 1))
    assert np.corrcoef(one[label == 0], other[label == 0])[0, 1] < 0.99
    assert not np.array_equal(one, other)


def test_labelled_voxels_are_always_foreground(cases):
    generator = Tissue().fit(cases)
    corner = np.zeros((22, 24, 26), np.uint8)
    corner[:2, :2, :2] = 2
    image = generator.sample(corner, np.random.default_rng(0))["t1ce"]
    assert (image[corner > 0] > 0).all()


def test_a_label_that_was_never_seen_is_refused(cases):
    with pytest.raises(ValueError, match=r"Expected label values among \[0, 1, 2, 3\], but got \[7\]"):
        Tissue().fit(cases).sample(np.full((22, 24, 26), 7, np.uint8), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("generator", "count", "message"),
    [(Tissue(), 0, "at least one training case"), (Tissue(n_tissues=1), N, "n_tissues of at least 2")],
)
def test_what_cannot_be_fitted_is_refused(cases, generator, count, message):
    with pytest.raises(ValueError, match=message):
        generator.fit(cases[:count])


def test_cases_of_other_modalities_are_refused(cases):
    odd = Case("odd", {"t2": cases[0].images["flair"]}, cases[0].label, relabel=cases[0].relabel)
    with pytest.raises(ValueError, match="Expected modalities"):
        Tissue().fit([*cases, odd])
