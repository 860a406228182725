"""The controls paint classes as well, and each shows what it is there to show."""

from collections import Counter

import numpy as np
import pytest

from synthtrust.generators.controls.blur import Blur
from synthtrust.generators.controls.label_shuffle import LabelShuffle
from synthtrust.generators.controls.mask_swap import MaskSwap
from synthtrust.generators.controls.mean import Mean
from synthtrust.generators.controls.noise import Noise
from synthtrust.generators.controls.noisy_replay import NoisyReplay
from synthtrust.generators.controls.replay import Replay
from synthtrust.testing import ClassGeneratorContract, tiny_cases, tiny_classes

PAINTERS = {
    "replay": Replay(),
    "noisy_replay": NoisyReplay(flip=True),
    "blur": Blur(sigma=1.0),
    "noise": Noise(),
    "mean": Mean(),
    "label_shuffle": LabelShuffle(),
}


@pytest.mark.parametrize("control", PAINTERS)
class TestClassControls(ClassGeneratorContract):
    @pytest.fixture
    def generator(self, control):
        return PAINTERS[control]


class TestReplayInThreeColours(ClassGeneratorContract):
    @pytest.fixture
    def generator(self):
        return Replay()

    @pytest.fixture
    def cohort(self, tmp_path):
        return tiny_classes(tmp_path / "real", count=10, classes=("a", "b", "c"), size=(12, 15), colours=True)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return tiny_classes(tmp_path_factory.mktemp("classes"), count=40)


def paint(generator, label, n=400):
    return [generator.sample(label, np.random.default_rng(seed))["grey"] for seed in range(n)]


def owners(images, cases):
    """Return the case that each image is a verbatim copy of."""
    known = {case.load_image("grey").tobytes(): case for case in cases}
    return [known[image.astype(np.float32).tobytes()] for image in images]


def auc(negatives, positives):
    """Chance that a positive scores above a negative, ties half; written out."""
    difference = np.subtract.outer(positives, negatives)
    return float((np.sign(difference) / 2 + 0.5).mean())


def brightness(images):
    return [float(image.mean()) for image in images]


def test_the_class_shows_in_real_images(cohort):
    """Else no control below could fail."""
    healthy, sick = ([case.load_image("grey") for case in cohort.cases if case.class_index == c] for c in (0, 1))
    assert auc(brightness(healthy), brightness(sick)) > 0.99


def test_replay_gives_each_training_image_of_the_class_about_equally_often(cohort):
    used = Counter(case.id for case in owners(paint(Replay().fit(cohort.cases), 1), cohort.cases))
    assert set(used) == {case.id for case in cohort.cases if case.class_index == 1}
    expected = 400 / 20
    assert max(abs(n - expected) for n in used.values()) < 4 * np.sqrt(expected)  # four standard deviations


def test_without_a_change_noisy_replay_is_replay(cohort):
    image = NoisyReplay(noise=0, shift=0, gamma=0).fit(cohort.cases).sample(0, np.random.default_rng(3))["grey"]
    other = Replay().fit(cohort.cases).sample(0, np.random.default_rng(3))["grey"]
    np.testing.assert_allclose(image, other, rtol=1e-5)


@pytest.mark.parametrize("control", [Replay(), NoisyReplay(), Blur(sigma=1), Mean()], ids=lambda c: type(c).__name__)
def test_controls_that_keep_the_class_show_it(cohort, control):
    control.fit(cohort.cases)
    assert auc(brightness(paint(control, 0, 40)), brightness(paint(control, 1, 40))) > 0.9


@pytest.mark.parametrize("control", [Noise(), LabelShuffle()], ids=lambda c: type(c).__name__)
def test_controls_without_a_class_are_at_chance(cohort, control):
    """Class 1 is painted with randomness of its own, as cases of different ids are."""
    control.fit(cohort.cases)
    negatives = brightness(paint(control, 0))
    positives = [
        float(control.sample(1, np.random.default_rng(1000 + seed))["grey"].mean()) for seed in range(len(negatives))
    ]
    spread = np.sqrt((2 * 400 + 1) / (12 * 400 * 400))  # of the AUC of two samples of 400 from one distribution
    assert abs(auc(negatives, positives) - 0.5) < 4 * spread


def test_a_blurred_image_has_lost_its_grain(cohort):
    sharp, dull = (paint(control.fit(cohort.cases), 0, 20) for control in (Replay(), Blur(sigma=1.5)))
    grain = [np.mean([np.abs(np.diff(image[6:10, 4:12])).mean() for image in some]) for some in (sharp, dull)]
    assert grain[1] < grain[0] / 2


def test_noise_has_no_structure(cohort):
    image = Noise().fit(cohort.cases).sample(1, np.random.default_rng(0))["grey"][4:12, 4:12]
    assert abs(np.corrcoef(image[1:].ravel(), image[:-1].ravel())[0, 1]) < 0.4  # 56 pairs: three standard errors


def test_all_twins_of_a_class_are_one_mean_and_classes_differ(cohort):
    healthy, sick = (paint(Mean().fit(cohort.cases), label, 3) for label in (0, 1))
    assert all(np.array_equal(image, healthy[0]) for image in healthy)
    assert sick[0].mean() > 1.1 * healthy[0].mean()


def test_label_shuffle_draws_from_every_class_whatever_was_asked(cohort):
    drawn = Counter(case.class_index for case in owners(paint(LabelShuffle().fit(cohort.cases), 0), cohort.cases))
    assert abs(drawn[1] - 200) < 4 * np.sqrt(400 / 4)


@pytest.mark.parametrize("control", [Replay(), Mean()], ids=lambda c: type(c).__name__)
def test_an_unknown_class_is_refused(cohort, control):
    with pytest.raises(ValueError, match=r"Expected a class among \[0, 1\], those of the training cases, but got 5"):
        control.fit(cohort.cases).sample(5, np.random.default_rng(0))


def test_each_of_the_two_pairing_controls_is_for_one_task(cohort, tmp_path):
    with pytest.raises(ValueError, match=r"has a class\. Use label_shuffle for classes"):
        MaskSwap().fit(cohort.cases)
    with pytest.raises(ValueError, match=r"has a label map\. Use mask_swap for label maps"):
        LabelShuffle().fit(tiny_cases(tmp_path, count=2))
    with pytest.raises(ValueError, match="Expected at least one training case, but got none"):
        LabelShuffle().fit([])
