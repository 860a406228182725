"""The class mixture keeps the contract, paints its classes and their texture, and repeats nobody."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.linalg import eigh

from synthtrust.cases import Case
from synthtrust.generators import ClassMixture
from synthtrust.generators.class_mixture import Texture, principal_axes
from synthtrust.testing import ClassGeneratorContract, tiny_cases, tiny_classes

TINY = dict(min_members=3, n_mixture=2)


class TestClassMixture(ClassGeneratorContract):
    @pytest.fixture
    def generator(self):
        return ClassMixture(**TINY)


class TestClassMixtureInColours(ClassGeneratorContract):
    @pytest.fixture
    def generator(self):
        return ClassMixture(**TINY)

    @pytest.fixture
    def cohort(self, tmp_path):
        return tiny_classes(tmp_path / "real", count=13, classes=("a", "b", "c"), size=(10, 13), colours=True)


def planted(folder, count=60, centres=(60, 160)):
    """Plane images whose left half is as bright as their class says, and whose right half is the negative of it."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, cases = np.random.default_rng(0), []
    for n in range(count):
        level = rng.normal(centres[n % 2], 10)
        image = np.full((12, 14), level) + rng.normal(0, 5, (12, 14))
        image[:, 7:] = 255 - image[:, 7:]
        path = folder / f"{n:03d}.png"
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(path)
        cases.append(Case(path.stem, {"grey": path}, class_index=n % 2))
    return cases


def painted(generator, label, n=100):
    return np.stack([generator.sample(label, np.random.default_rng(seed))["grey"] for seed in range(n)])


def test_classes_are_as_bright_and_vary_as_much_as_their_training_images(tmp_path):
    cases = planted(tmp_path)
    generator = ClassMixture(min_members=10).fit(cases)
    for label, centre in enumerate((60, 160)):
        left = painted(generator, label)[:, :, :7].mean((1, 2))
        real = np.array([case.load_image("grey")[:, :7].mean() for case in cases if case.class_index == label])
        assert left.mean() == pytest.approx(centre, abs=6)
        assert left.std() == pytest.approx(real.std(), rel=0.4)


def test_halves_that_vary_together_do_so_when_painted(tmp_path):
    images = painted(ClassMixture(min_members=10).fit(planted(tmp_path)), 0)
    assert np.corrcoef(images[:, :, :7].mean((1, 2)), images[:, :, 7:].mean((1, 2)))[0, 1] < -0.9


def nearest(images, real):
    """Distance from each image to the nearest of the real ones, in root mean squares."""
    return np.array([min(np.sqrt(((image - other) ** 2).mean()) for other in real) for image in images])


def test_painted_images_keep_away_from_training_images(tmp_path):
    """Ten faces of pure noise, six times over: a Gaussian on one of them would paint it again.

    The closest twentieth of the painted images lies at 0.60 of the distance between training images; at 0.48 where
    Gaussians may stand on one image, and lean little on the others.
    """
    closeness = []
    for seed in range(6):
        rng, cases = np.random.default_rng(seed), []
        for n in range(20):
            path = tmp_path / f"{seed}_{n:02d}.png"
            Image.fromarray(rng.integers(0, 256, (12, 12), np.uint8)).save(path)
            cases.append(Case(path.stem, {"grey": path}, class_index=n % 2))
        real = [case.load_image("grey") for case in cases if case.class_index == 0]
        among_themselves = min(nearest([image], [other for other in real if other is not image])[0] for image in real)
        generator = ClassMixture(min_members=3, n_mixture=3).fit(cases)
        closeness.append(nearest(painted(generator, 0), real) / among_themselves)
    assert np.quantile(closeness, 0.05) > 0.55


@pytest.mark.parametrize(("count", "side"), [(12, 12), (60, 3)])  # fewer images than pixels, and more
def test_images_are_the_same_whichever_way_round_the_library_gives_the_axes(tmp_path, monkeypatch, count, side):
    rng, cases = np.random.default_rng(0), []
    for n in range(count):
        Image.fromarray(rng.integers(0, 256, (side, side), np.uint8)).save(tmp_path / f"{n:02d}.png")
        cases.append(Case(f"{n:02d}", {"grey": tmp_path / f"{n:02d}.png"}, class_index=0))
    expected = painted(ClassMixture(**TINY).fit(cases), 0, n=10)

    def otherwise(matrix):
        values, vectors = eigh(matrix)
        return values, vectors * rng.choice([-1, 1], size=len(values))

    monkeypatch.setattr("synthtrust.generators.class_mixture.eigh", otherwise)
    np.testing.assert_allclose(painted(ClassMixture(**TINY).fit(cases), 0, n=10), expected, atol=1e-3)


def test_axes_of_one_length_are_never_parted():
    rng = np.random.default_rng(0)
    corners = np.concatenate([3 * np.eye(6), np.diag([2.0, 2, 2, 2, 1, 1])])
    points = np.concatenate([corners, -corners]) @ np.linalg.qr(rng.normal(size=(6, 6)))[0]  # four of a length, and two
    for share, at_most, expected in ((0.1, 6, 4), (0.99, 5, 4), (0.9, 6, 6)):
        assert len(principal_axes(points, share, at_most)) == expected


def test_a_class_with_fewer_images_than_a_gaussian_needs_is_refused(tmp_path):
    cases = tiny_classes(tmp_path, count=7).cases
    with pytest.raises(ValueError, match="at least min_members=4 images of every class, but got 3 of class 1"):
        ClassMixture(min_members=4).fit(cases)


@pytest.mark.parametrize(
    ("change", "why"), [(dict(min_members=1), "min_members of at least 2"), (dict(variance=1.0), "below 1")]
)
def test_settings_that_cannot_work_are_refused(change, why):
    with pytest.raises(ValueError, match=why):
        ClassMixture(**change)


def test_cases_with_label_maps_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Expected cases with a class"):
        ClassMixture().fit(tiny_cases(tmp_path, count=2))


def test_a_class_that_was_not_learned_is_refused(tmp_path):
    generator = ClassMixture(**TINY).fit(tiny_classes(tmp_path, count=8).cases)
    with pytest.raises(ValueError, match=r"Expected a class among \[0, 1\].* but got 2"):
        generator.sample(2, np.random.default_rng(0))


def test_images_of_several_sizes_are_painted_at_the_size_asked_for(tmp_path):
    small, large = (tiny_classes(tmp_path / str(side), count=8, size=(side, side)).cases for side in (16, 20))
    cases = [*small, *(replace(case, id=f"larger {case.id}") for case in large)]
    assert ClassMixture(size=[8, 10], **TINY).fit(cases).sample(1, np.random.default_rng(0))["grey"].shape == (8, 10)


def test_axes_are_those_of_the_singular_value_decomposition_whichever_way_round():
    rng = np.random.default_rng(0)
    for shape in ((40, 6), (6, 40)):
        points = rng.normal(size=shape)
        points -= points.mean(0)
        _, lengths, rows = np.linalg.svd(points, full_matrices=False)
        axes = principal_axes(points, 0.5, at_most=100)
        assert len(axes) == np.searchsorted(np.cumsum(lengths**2) / (lengths**2).sum(), 0.5) + 1
        expected = rows[: len(axes)] * lengths[: len(axes), None] / np.sqrt(len(points))
        np.testing.assert_allclose(np.abs(axes), np.abs(expected), atol=1e-9)


def test_texture_has_the_strength_the_correlation_and_the_colours_of_what_it_was_learned_from():
    rng = np.random.default_rng(0)
    white = rng.normal(size=(400, 2, 16, 18))
    left = white + np.roll(white, 1, axis=3)  # neighbours in a row correlate by 0.5
    left[:, 1] = 0.6 * left[:, 0] + 0.8 * left[:, 1]  # and colours by 0.6
    left *= np.where(np.arange(16) < 8, 1.0, 3.0)[:, None]
    texture = Texture.of(left - left.mean(0))
    drawn = np.stack([texture.sample(np.random.default_rng(seed)) for seed in range(400)])
    np.testing.assert_allclose(drawn.std(0).mean(-1), left.std(0).mean(-1), rtol=0.05)
    for images in (drawn, left):
        pairs = [
            (images[..., :-1], images[..., 1:]),
            (images[..., :-1, :], images[..., 1:, :]),
            (images[:, 0], images[:, 1]),
        ]
        correlations = [np.corrcoef(first.ravel(), second.ravel())[0, 1] for first, second in pairs]
        np.testing.assert_allclose(correlations, [0.5, 0, 0.6], atol=0.03)
