"""The controls keep the contract, and each shows what it is there to show."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from synthtrust.generators.controls.average import average
from synthtrust.generators.controls.blur import Blur
from synthtrust.generators.controls.mask_swap import MaskSwap
from synthtrust.generators.controls.mean import Mean
from synthtrust.generators.controls.noise import Noise
from synthtrust.generators.controls.noisy_replay import NoisyReplay
from synthtrust.testing import GeneratorContract, save_nifti, tiny_cases


class TestNoisyReplay(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return NoisyReplay(flip=True)


class TestBlur(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return Blur(sigma=1.0)


class TestNoise(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return Noise()


class TestMaskSwap(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return MaskSwap()


class TestMean(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return Mean()


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return tiny_cases(tmp_path_factory.mktemp("controls"), count=5)


@pytest.fixture(scope="module")
def scaled(cases, tmp_path_factory):
    """Return the same cases as five scanners would store them: intensity units differ by up to 10,000 times."""
    folder = tmp_path_factory.mktemp("scaled")
    return [
        replace(case, images={m: save_nifti(folder / case.id / f"{m}.nii.gz", case.load_image(m) * 10.0**n)
                              for m in case.images})
        for n, case in enumerate(cases)
    ]  # fmt: skip


def correlation(first, second):
    inside = (first != 0) & (second != 0)
    return float(np.corrcoef(first[inside], second[inside])[0, 1])


def foreground_z(image):
    inside = image != 0
    return (image - image[inside].mean()) / image[inside].std()


@pytest.mark.parametrize(
    "change",
    [
        dict(noise=0.1, shift=0, gamma=0, flip=False),
        dict(noise=0, shift=1, gamma=0, flip=False),
        dict(noise=0, shift=0, gamma=0.3, flip=False),
        dict(noise=0, shift=0, gamma=0, flip=True),
    ],
    ids=["noise", "shift", "gamma", "flip"],
)
def test_each_change_alters_the_image_and_hides_nothing(cases, change):
    original = cases[1].load_image("flair")
    generator = NoisyReplay(**change).fit(cases)
    rngs = [np.random.default_rng(n) for n in range(8)]
    copies = [generator.sample(cases[1].load_label(), rng)["flair"] for rng in rngs]
    assert any(not np.array_equal(copy, original) for copy in copies)
    for copy in copies:
        views = [
            np.roll(view, step, (0, 1, 2)) for view in (copy, copy[::-1]) for step in product((-1, 0, 1), repeat=3)
        ]
        assert max(correlation(view, original) for view in views) > 0.97


def test_without_a_change_noisy_replay_is_replay(cases):
    images = NoisyReplay(noise=0, shift=0, gamma=0).fit(cases).sample(cases[2].load_label(), np.random.default_rng(0))
    np.testing.assert_allclose(images["t1ce"], cases[2].load_image("t1ce"), rtol=1e-6)  # gamma works in floats


def test_modalities_are_shifted_together(cases):
    generator = NoisyReplay(noise=0, gamma=0, shift=2).fit(cases)
    images = generator.sample(cases[0].load_label(), np.random.default_rng(1))
    np.testing.assert_array_equal(images["flair"] != 0, images["t1ce"] != 0)


def test_a_negative_change_is_refused():
    with pytest.raises(ValueError, match="Expected noise, shift and gamma of at least 0"):
        NoisyReplay(noise=-1)


def test_blur_keeps_the_outline_and_the_mean_and_loses_the_detail(cases):
    original = cases[0].load_image("t1ce")
    previous = original.std()
    for sigma in (1.0, 2.0, 4.0):
        image = Blur(sigma=sigma).fit(cases).sample(cases[0].load_label(), np.random.default_rng(0))["t1ce"]
        np.testing.assert_array_equal(image != 0, original != 0)
        assert image[image != 0].std() < previous
        # the rim counts more in an average over foreground alone: a few per cent
        assert image[image != 0].mean() == pytest.approx(original[original != 0].mean(), rel=0.1)
        previous = image[image != 0].std()


def test_a_negative_sigma_is_refused():
    with pytest.raises(ValueError, match="Expected sigma of at least 0 voxels, but got -1"):
        Blur(sigma=-1)


def test_noise_knows_nothing_of_the_label(cases):
    label = cases[0].load_label()
    generator = Noise().fit(cases)
    images = generator.sample(label, np.random.default_rng(5))
    other = generator.sample(np.zeros_like(label), np.random.default_rng(5))
    for modality, image in images.items():
        np.testing.assert_array_equal(image, other[modality])
        z = foreground_z(image)
        n = (label > 0).sum()
        assert abs(z[label > 0].mean()) < 4 / np.sqrt(n)  # four standard errors
        assert abs(correlation(image[1:], image[:-1])) < 0.1  # neighbours do not know each other


@pytest.mark.parametrize("control", [Noise, Mean])
def test_units_of_one_loud_scanner_do_not_decide(scaled, control):
    """Units 1, 10, ..., 10,000: the typical case is the one in the middle, a hundred times the first."""
    image = control().fit(scaled).sample(scaled[0].load_label(), np.random.default_rng(0))["flair"]
    middle = scaled[2].load_image("flair")
    assert image[image != 0].mean() == pytest.approx(middle[middle != 0].mean(), rel=0.2)


def test_the_mean_weighs_every_case_alike_whatever_its_units(cases, scaled):
    label = cases[0].load_label()
    plain, mixed = (Mean().fit(some).sample(label, np.random.default_rng(0))["t1ce"] for some in (cases, scaled))
    assert correlation(plain, mixed) > 0.999
    for case in scaled:
        assert correlation(mixed, case.load_image("t1ce")) > 0.3


def test_the_mean_is_the_same_for_everybody_and_fits_any_grid(cases):
    generator = Mean().fit(cases)
    first, second = (generator.sample(case.load_label(), np.random.default_rng(n)) for n, case in enumerate(cases[:2]))
    np.testing.assert_array_equal(first["flair"], second["flair"])
    larger = generator.sample(np.zeros((20, 25, 30), np.uint8), np.random.default_rng(0))["flair"]
    assert larger.shape == (20, 25, 30)
    assert (larger == 0).mean() == pytest.approx((first["flair"] == 0).mean(), abs=0.08)


def test_the_average_is_the_mean_of_z_scores(cases):
    """Where every case has foreground, against the definition written out."""
    learned = average(cases)
    z = []
    for case in cases:
        images = np.stack([case.load_image(m) for m in case.images]).astype(float)
        inside = (images != 0).any(0)
        z.append([(image - image[inside].mean()) / image[inside].std() for image in images])
    everywhere = learned.share == 1
    np.testing.assert_allclose(learned.z[:, everywhere], np.mean(z, axis=0)[:, everywhere], atol=1e-5)


def test_no_label_gets_its_own_image_from_mask_swap(cases):
    generator = MaskSwap().fit(cases)
    drawn = set()
    for seed in range(20):
        image = generator.sample(cases[0].load_label(), np.random.default_rng(seed))["flair"]
        (owner,) = [n for n, case in enumerate(cases) if np.array_equal(image, case.load_image("flair"))]
        drawn.add(owner)
    assert drawn == {1, 2, 3, 4}


def test_another_time_point_of_the_same_patient_is_no_swap(cases):
    pair = [replace(cases[0], patient="A"), replace(cases[1], patient="A"), replace(cases[2], patient="B")]
    image = MaskSwap().fit(pair).sample(cases[0].load_label(), np.random.default_rng(0))["flair"]
    np.testing.assert_array_equal(image, cases[2].load_image("flair"))


def test_one_patient_cannot_be_swapped(cases):
    with pytest.raises(ValueError, match="at least two patients to swap, but got 1"):
        MaskSwap().fit(cases[:1])


@pytest.mark.parametrize("control", [NoisyReplay, Blur, Noise, Mean])
def test_nothing_to_learn_from_is_said(control):
    with pytest.raises(ValueError, match="Expected at least one training case, but got none"):
        control().fit([])
