"""Tissue keeps the contract, and paints the contrasts it saw."""

from dataclasses import replace

import numpy as np
import pytest

from synthtrust.cases import Case
from synthtrust.generators import Tissue
from synthtrust.generators.tissue.texture import vary_together
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
    first, second = (generator.sample(label, np.random.default_rng(n))["flair"] for n in (0, 1))
    assert np.corrcoef(first[label == 0], second[label == 0])[0, 1] < 0.99
    assert not np.array_equal(first, second)


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
    odd = Case("odd", {"t2": cases[0].images["flair"]}, cases[0].label_map, relabel=cases[0].relabel)
    with pytest.raises(ValueError, match="Expected modalities"):
        Tissue().fit([*cases, odd])


@pytest.fixture
def crops(tmp_path):
    """Crops of one modality without background, each with a grid and a scale of its own, as in MSD hippocampus."""
    corners = []
    for n, scale in enumerate([1, 100, 10_000]):
        rng, shape = np.random.default_rng(n), (14 + n, 20 - n, 12 + 2 * n)
        label = np.zeros(shape, np.uint8)
        label[4:10, 3:8, 3:9], label[4:10, 8:13, 3:9] = 1, 2
        image = scale * np.array([90, 40, 45])[label] * rng.normal(1, 0.05, shape)
        image[:3] *= 0.3  # another tissue
        files = [save_nifti(tmp_path / f"{n}_{role}.nii.gz", v.astype(np.float32)) for role, v in
                 (("mri", image), ("label", label))]  # fmt: skip
        corners.append(Case(f"crop_{n}", {"mri": files[0]}, files[1]))
    return corners


def test_two_fits_on_the_same_cases_paint_the_same_twin(cases):
    label = cases[5].load_label()
    first, second = (Tissue().fit(cases[:4]).sample(label, np.random.default_rng(5)) for _ in range(2))
    for modality in first:
        np.testing.assert_array_equal(first[modality], second[modality])


@pytest.mark.parametrize(
    ("modality", "value"),
    [
        ("flair", 1),
        ("flair", 2),
        ("flair", 3),
        ("t1ce", 1),
        ("t1ce", 2),
        ("t1ce", 3),
    ],
)
def test_labels_are_painted_in_the_intensities_they_had_in_training(cases, modality, value):
    generator = Tissue(n_tissues=3, blur=0).fit(cases)  # blur mixes nested labels of a few voxels
    labels = [case.load_label() for case in cases]
    images = [case.load_image(modality) for case in cases]
    twins = [generator.sample(label, np.random.default_rng(n))[modality] for n, label in enumerate(labels)]
    real, painted = (
        np.mean([image[label == value].mean() for image, label in zip(some, labels, strict=True)])
        for some in (images, twins)
    )
    # Contrasts vary from twin to twin, and six of them are averaged; tissues differ by 0.7 sd and more.
    tolerance = 0.35 * float(np.mean([image[image > 0].std() for image in images]))
    assert painted == pytest.approx(real, abs=tolerance)


@pytest.mark.parametrize(("modality", "value"), [("flair", 1), ("flair", 2), ("t1ce", 2)])
def test_without_variation_a_label_has_exactly_its_learned_mean(cases, modality, value):
    generator = Tissue(n_tissues=3, jitter=0, texture=0, bias=0, blur=0).fit(cases)
    label = cases[0].load_label()
    image = generator.sample(label, np.random.default_rng(0))[modality]
    m = generator.modalities_.index(modality)
    mean, sd = generator.scale_[:, m]
    expected = mean + sd * generator.centre_[0, generator.n_tissues + value - 1, m]
    np.testing.assert_allclose(image[label == value], expected, rtol=1e-5)  # painted in float32: seven digits


def test_background_is_exactly_zero_where_no_training_case_has_anything(cases):
    images = Tissue().fit(cases).sample(cases[0].load_label(), np.random.default_rng(2))
    for image in images.values():
        corners = image[:: image.shape[0] - 1, :: image.shape[1] - 1, :: image.shape[2] - 1]
        assert not corners.any()
        assert image.min() == 0


def test_every_modality_has_the_same_foreground_and_labels_lie_in_it(cases):
    label = cases[0].load_label()
    label[0, 0, 0] = 2  # where the atlas knows only background
    images = Tissue().fit(cases).sample(label, np.random.default_rng(2))
    np.testing.assert_array_equal(images["flair"] > 0, images["t1ce"] > 0)
    assert (images["flair"][label > 0] > 0).all()


def test_crops_of_any_shape_and_scale_are_painted_without_background(crops):
    generator = Tissue(n_tissues=2).fit(crops)
    for case in crops:
        label = case.load_label()
        image = generator.sample(label, np.random.default_rng(0))["mri"]
        assert image.shape == label.shape
        assert (image > 0).all()
        assert image[label > 0].mean() < image[label == 0].mean()  # as in training
        assert 100 * 20 < np.median(image) < 100 * 200  # the median case's units, not those of an extreme one


def test_a_label_map_without_any_label_is_painted_too(cases):
    images = Tissue().fit(cases).sample(np.zeros((22, 24, 26), np.uint8), np.random.default_rng(0))
    assert all(np.isfinite(image).all() and image.any() for image in images.values())


def test_one_training_case_is_enough(cases):
    images = Tissue().fit(cases[:1]).sample(cases[1].load_label(), np.random.default_rng(0))
    assert all(np.isfinite(image).all() for image in images.values())


def test_no_twin_is_a_copy_of_the_image_that_came_with_its_label(cases):
    generator = Tissue().fit(cases)
    for n, case in enumerate(cases):
        label, real = case.load_label(), case.load_image("flair")
        twin = generator.sample(label, np.random.default_rng(n))["flair"]
        tissue = (label == 0) & (real > 0) & (twin > 0)
        # Independent noise on a thousand voxels and more correlates by 0.03; the dark rim of the atlas adds to it.
        assert abs(np.corrcoef(real[tissue], twin[tissue])[0, 1]) < 0.3


def test_a_case_without_unlabelled_tissue_is_refused_by_name(tmp_path):
    voxels = np.ones((12, 13, 14), np.uint8)
    path = save_nifti(tmp_path / "full.nii.gz", voxels)
    with pytest.raises(ValueError, match="full has none"):
        Tissue().fit([Case("full", {"mri": path}, path)])


def test_the_same_twin_is_painted_whichever_way_round_the_library_gives_the_axes(cases, monkeypatch):
    label, eigh, svd = cases[0].load_label(), np.linalg.eigh, np.linalg.svd
    expected = Tissue().fit(cases).sample(label, np.random.default_rng(0))

    def eigh_otherwise(matrix):
        values, vectors = eigh(matrix)
        return values, -vectors

    def svd_otherwise(matrix, **options):
        left, size, right = svd(matrix, **options)
        return -left, size, -right

    monkeypatch.setattr(np.linalg, "eigh", eigh_otherwise)
    monkeypatch.setattr(np.linalg, "svd", svd_otherwise)
    twin = Tissue().fit(cases).sample(label, np.random.default_rng(0))
    for modality, image in expected.items():
        np.testing.assert_array_equal(twin[modality], image)


def test_contrasts_vary_from_twin_to_twin_as_they_do_from_case_to_case():
    rng = np.random.default_rng(0)
    spreads = rng.normal(size=(30, 2, 3)) * [[1.0, 2, 3], [4, 5, 6]]
    centre, factor = vary_together(spreads)
    np.testing.assert_allclose(centre, spreads.mean(0))
    flat = factor.reshape(len(factor), -1)
    np.testing.assert_allclose(flat.T @ flat, np.cov(spreads.reshape(30, -1).T), atol=1e-9)
