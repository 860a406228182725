"""Distances between surfaces against brute force, MONAI and SimpleITK, on voxels of unequal sides."""

import warnings

import numpy as np
import pytest
import SimpleITK
import torch
from monai.metrics import compute_hausdorff_distance, compute_surface_dice
from scipy import ndimage

from synthtrust.metrics.functional import surfaces
from synthtrust.metrics.functional.surfaces import surface, surface_distances
from synthtrust.refusals import Refusal

SPACINGS = [(1.0, 1.0, 1.0), (0.7, 1.3, 3.0), (2.0, 2.0, 0.5)]


def blobs(seed, shape=(14, 12, 10), level=0.6):
    """Return two masks of smooth blobs that resemble each other."""
    rng = np.random.default_rng(seed)
    fields = [ndimage.gaussian_filter(rng.normal(size=shape), 1.5) for _ in range(2)]
    first, second = (field / field.std() for field in (fields[0], fields[0] + 0.7 * fields[1]))
    return first > level, second > level


def brute_force(points, others, spacing):
    """Return the distance of each surface voxel of one mask to the nearest one of the other, by all pairs."""
    places = [np.argwhere(surface(mask)) * spacing for mask in (points, others)]
    return np.linalg.norm(places[0][:, None] - places[1][None], axis=-1).min(axis=1)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("many", [0, 50_000])  # by a map of distances, and by looking for the nearest of each
def test_distances_are_those_of_all_pairs(spacing, many, monkeypatch):
    monkeypatch.setattr(surfaces, "MANY", many)
    for seed in range(3):
        prediction, reference = blobs(seed)
        apart = surface_distances(prediction, reference, spacing)
        np.testing.assert_allclose(apart.of_prediction, brute_force(prediction, reference, spacing), atol=1e-9)
        np.testing.assert_allclose(apart.of_reference, brute_force(reference, prediction, spacing), atol=1e-9)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_scores_are_those_of_monai(spacing):
    for seed in range(3):
        prediction, reference = blobs(seed)
        pair = [torch.from_numpy(np.pad(mask, 1))[None, None].float() for mask in (prediction, reference)]
        apart = surface_distances(prediction, reference, spacing)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            hd95 = compute_hausdorff_distance(*pair, include_background=True, percentile=95, spacing=spacing)
            dice = compute_surface_dice(*pair, class_thresholds=[1.5], include_background=True, spacing=spacing)
        assert apart.hausdorff_95 == pytest.approx(hd95.item(), abs=1e-4)
        assert apart.surface_dice(1.5) == pytest.approx(dice.item(), abs=1e-6)


def test_the_largest_distance_is_that_of_itk():
    spacing = (0.7, 1.3, 3.0)
    for seed in range(3):
        prediction, reference = blobs(seed)
        images = []
        for mask in (prediction, reference):
            images.append(SimpleITK.GetImageFromArray(surface(mask).astype(np.uint8)))  # axes come in the other order
            images[-1].SetSpacing(spacing[::-1])
        measured = SimpleITK.HausdorffDistanceImageFilter()
        measured.Execute(*images)
        apart = surface_distances(prediction, reference, spacing)
        largest = max(apart.of_prediction.max(), apart.of_reference.max())
        assert largest == pytest.approx(measured.GetHausdorffDistance(), abs=1e-4)


def test_laws_of_the_distances():
    prediction, reference = blobs(3)
    apart, back = (surface_distances(*pair, (1, 2, 3)) for pair in ((prediction, reference), (reference, prediction)))
    assert apart.hausdorff_95 == back.hausdorff_95
    shares = [apart.surface_dice(tolerance) for tolerance in (0.5, 1.0, 2.0, 100.0)]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    doubled = surface_distances(prediction, reference, (2, 4, 6))
    assert doubled.hausdorff_95 == pytest.approx(2 * apart.hausdorff_95)
    same = surface_distances(reference, reference, (1, 2, 3))
    assert (same.hausdorff_95, same.surface_dice(0.1)) == (0, 1)


def test_what_has_no_surface_or_no_voxel_size_is_refused():
    prediction, reference = blobs(0)
    with pytest.raises(Refusal, match="voxels in both"):
        surface_distances(prediction, np.zeros_like(reference), (1, 1, 1))
    with pytest.raises(Refusal, match="above 0 mm"):
        surface_distances(prediction, reference, (1, 0, 1))
