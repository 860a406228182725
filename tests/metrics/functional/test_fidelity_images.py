"""Diversity within a set, twins beside their sources, and the features that need no download."""

import math

import numpy as np
import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from synthtrust.metrics.embeddings import RandomConvFeatures, ReferencePca, region_features, voxel_features
from synthtrust.metrics.functional.diversity import ms_ssim_pairs, vendi
from synthtrust.metrics.functional.kernel_distance import kid
from synthtrust.metrics.functional.twin_likeness import region_distances, twin_ssim


@pytest.fixture
def images():
    return torch.rand(4, 1, 22, 24, 20, generator=torch.Generator().manual_seed(0))


def test_vendi_counts_the_kinds():
    kinds = 100 * torch.eye(5).repeat(4, 1)  # five kinds, four rows each
    assert vendi(kinds, bandwidth=1.0) == pytest.approx(5)
    assert vendi(kinds * 0, bandwidth=1.0) == pytest.approx(1)


def test_low_diversity_shows_in_pairs(images):
    alike = images[:1] + 0.05 * images
    assert ms_ssim_pairs(alike, data_range=1.0).mean() > 0.9 > ms_ssim_pairs(images, data_range=1.0).mean()
    assert len(ms_ssim_pairs(images, 1.0)) == 6
    assert torch.equal(ms_ssim_pairs(images, 1.0, n_pairs=3), ms_ssim_pairs(images, 1.0, n_pairs=3))


def test_pairs_that_cannot_be_compared_are_refused(images):
    with pytest.raises(ValueError, match="at least 20 voxels"):
        ms_ssim_pairs(images[..., :19], 1.0)
    with pytest.raises(ValueError, match="positive data_range"):
        ms_ssim_pairs(images, 0.0)
    with pytest.raises(ValueError, match="at least two images, but got 1"):
        ms_ssim_pairs(images[:1], 1.0)


def test_ssim_of_a_twin(images):
    real = images[0]
    assert twin_ssim(real, real, data_range=1.0) == pytest.approx(1)
    assert twin_ssim(real, images[1], data_range=1.0) < 0.2
    near = twin_ssim(real, real + 0.1, 1.0)
    assert near == pytest.approx(twin_ssim(10 * real, 10 * real + 1, 10.0))  # the unit does not matter
    with pytest.raises(ValueError, match="at least 11 voxels"):
        twin_ssim(real[..., :10], real[..., :10], 1.0)
    with pytest.raises(ValueError, match="positive data_range"):
        twin_ssim(real, real, 0.0)


def test_regions_of_a_twin_are_compared_in_intensity_units():
    rng = np.random.default_rng(0)
    label = torch.from_numpy(rng.integers(0, 3, (12, 11, 10)))
    real = torch.from_numpy(rng.normal(100, 10, (2, 12, 11, 10)))
    distances = region_distances(real, 2 * real + 5, label, [1, 2, 7])
    for c in range(2):
        x = real[c][label == 2].numpy()
        assert distances.mean_difference[c, 1] == pytest.approx(x.mean() + 5)
        assert distances.sd_difference[c, 1] == pytest.approx(x.std())
        assert distances.wasserstein[c, 1] == pytest.approx(x.mean() + 5)  # every voxel becomes larger
    assert distances.ks[:, :2].min() > 0.99
    assert np.isnan(distances.ks[:, 2]).all()
    assert distances.n_voxels.tolist() == [int((label == v).sum()) for v in (1, 2, 7)]
    with pytest.raises(ValueError, match="region 1"):
        region_distances(real, real * math.nan, label, [1])


def test_random_features_depend_on_the_seed_and_not_on_unit_or_global_generator(images):
    torch.manual_seed(0)
    state = torch.get_rng_state()
    net = RandomConvFeatures(channels=4)
    assert torch.equal(torch.get_rng_state(), state)
    features = net(images)
    assert features.shape == (4, net.num_features)
    torch.testing.assert_close(features, RandomConvFeatures(channels=4)(1e6 * images + 5e6), rtol=1e-3, atol=1e-4)
    assert not torch.allclose(features, RandomConvFeatures(channels=4, seed=1)(images))
    assert not any(p.requires_grad for p in net.parameters())
    with pytest.raises(ValueError, match="3 spatial dimensions"):
        net(images[0])


def test_voxels_are_the_plainest_features(images):
    features = voxel_features(images, grid=4)
    assert features.shape == (4, 64)
    torch.testing.assert_close(features, voxel_features(7 * images + 3, grid=4))
    with pytest.raises(ValueError, match="finite images"):
        voxel_features(images * math.nan)


def test_region_features_see_texture_and_volume(images):
    label = torch.zeros(22, 24, 20, dtype=torch.int64)
    label[5:15, 5:15, 5:15] = 1
    row = region_features(images[0], label, [1], spacing=(1.0, 2.0, 3.0))
    assert row.shape == (46,)
    inside = images[0][0][label == 1].double()
    assert row[0].item() == pytest.approx(inside.mean().item())
    assert row[1].item() == pytest.approx(inside.std(correction=0).item())
    assert row[39].item() == pytest.approx(math.log(6000))  # 1000 voxels of 6 mm^3
    assert row[41].item() == pytest.approx(1)  # a box fills its bounding box
    flat = region_features(torch.ones(1, 22, 24, 20), label, [1])
    assert flat.isfinite().all()
    assert region_features(images[0][:, 0], label[6], [1]).shape == (46,)  # a slice
    with pytest.raises(ValueError, match="on its label map"):
        region_features(images[0], label[1:], [1])


def test_one_odd_image_does_not_decide():
    reference, other = torch.randn(2, 60, 8, generator=torch.Generator().manual_seed(0))
    pca = ReferencePca().fit(reference)
    before = kid(pca.transform(reference), pca.transform(other))
    other[0] = 1e4
    assert abs(kid(pca.transform(reference), pca.transform(other)) - before) < 0.5


def test_the_directions_are_those_of_the_reference_alone():
    rng = torch.Generator().manual_seed(0)
    reference, other = torch.randn(60, 40, generator=rng), 5 + torch.randn(30, 40, generator=rng)
    reference[:, 3], reference[4, 7] = 2.0, torch.nan  # one that does not vary, one that is missing
    pca = ReferencePca().fit(reference)
    before = pca.transform(reference)
    assert before.shape == (60, 12)  # 60 patients carry 12 features
    torch.testing.assert_close(before.mean(dim=0), torch.zeros(12, dtype=torch.float64), atol=1e-9, rtol=0)
    torch.testing.assert_close(before.T @ before / 60, torch.eye(12, dtype=torch.float64), atol=1e-9, rtol=0)
    pca.transform(other)
    assert torch.equal(pca.transform(reference), before)
    with pytest.raises(ValueError, match=r"rows \(n, 40\)"):
        pca.transform(other[:, :39])
    with pytest.raises(ValueError, match="at least 5 reference rows"):
        ReferencePca().fit(reference[:4])
    with pytest.raises(ValueError, match="got none"):
        ReferencePca().fit(torch.ones(10, 3))


def test_ssim_is_that_of_torchmetrics_away_from_mirrored_borders():
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(1, 1, 20, 24, 22, generator=rng, dtype=torch.float64)
    y = x + 0.3 * torch.rand(x.shape, generator=rng, dtype=torch.float64)
    _, full = structural_similarity_index_measure(
        y, x, sigma=1.5, kernel_size=11, data_range=1.3, return_full_image=True
    )
    assert twin_ssim(x[0], y[0], 1.3) == pytest.approx(float(full[..., 5:-5, 5:-5, 5:-5].mean()), abs=1e-6)
