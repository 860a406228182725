"""Turned, resized, halved and single-modality copies are found by the variants made for them, and by no others."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from synthtrust.metrics.functional.copy_search import copy_search, most_suspicious
from synthtrust.metrics.functional.interiors import texture_bank
from synthtrust.metrics.functional.similarity import most_similar, pairwise_similarity
from synthtrust.metrics.functional.variants import Part, Pose, parts, poses

GRID = 32


def textures(n, shape, seed=0, sigma=1.5):
    rng = np.random.default_rng(seed)
    return [ndimage.gaussian_filter(rng.normal(size=shape), sigma) for _ in range(n)]


def ready(images, grid=GRID):
    return texture_bank([torch.from_numpy(np.ascontiguousarray(image))[None] for image in images], grid, margin=1)


def turned(image, angle, axes=(0, 1)):
    return ndimage.rotate(image, angle, axes=axes, reshape=False, order=3, mode="nearest")


@pytest.mark.parametrize("angle", [-10, -5, 5, 10])
@pytest.mark.parametrize("shape", [(32, 32), (32, 48)])
def test_a_turned_plane_image_lies_on_its_original_in_the_pose_that_turns_it_back(angle, shape):
    images = textures(8, shape)
    copies, originals = ready([turned(image, angle) for image in images]), ready(images)
    plain = pairwise_similarity(copies, originals)
    back = max(
        (pairwise_similarity(copies, originals, variants=[Pose(a, (-2, -1), 1.0, shape)]) for a in (-angle, angle)),
        key=lambda values: values.mean().item(),
    )
    assert (back > plain + 0.1).all()
    assert back.median() > 0.85
    if shape[0] != shape[1]:  # the grid is stretched: with equal sides taken for granted it lies worse
        square = max(pairwise_similarity(copies, originals, variants=[Pose(a)]).mean().item() for a in (-angle, angle))
        assert square < back.mean()


@pytest.mark.parametrize("axes", [(0, 1), (0, 2), (1, 2)])
def test_a_turned_volume_of_unequal_sides_is_found_in_every_plane(axes):
    images = textures(8, (24, 32, 28))
    copies, originals = ready([turned(image, 8, axes) for image in images[:4]], 24), ready(images, 24)
    plain, _ = most_similar(copies, originals, 1)
    similarity, index = most_similar(copies, originals, 1, variants=poses((24, 32, 28), [8], []))
    assert index[:, 0].tolist() == list(range(4))
    assert (similarity > plain + 0.1).all()


@pytest.mark.parametrize("factor", [0.9, 1.1])
@pytest.mark.parametrize("n_axes", [2, 3])
def test_another_size_is_undone_along_all_axes(factor, n_axes):
    images = textures(6, (28,) * n_axes)
    middle = np.full(n_axes, 13.5)
    copies = ready([ndimage.affine_transform(i, np.full(n_axes, 1 / factor), middle - middle / factor) for i in images])
    originals = ready(images)
    undone = pairwise_similarity(copies, originals, variants=[Pose(scale=1 / factor)])
    assert (undone > pairwise_similarity(copies, originals) + 0.1).all()
    assert undone.median() > 0.8


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("second", [False, True])
def test_half_a_copy_is_found_by_its_half_alone(axis, second):
    images, strangers = textures(6, (32, 32)), textures(6, (32, 32), seed=1)
    kept = (np.arange(32) >= 16) == second
    keep = np.expand_dims(kept, 1 - axis)
    copies, originals = (
        ready([np.where(keep, image, other) for image, other in zip(images, strangers)]),
        ready(images),
    )
    similarity, index = most_similar(copies, originals, 1, variants=parts(2, 1))
    assert index[:, 0].tolist() == list(range(6))
    assert similarity.min() > 0.8
    assert (most_similar(copies, originals, 1)[0] < similarity).all()
    (half,) = [part for part in parts(2, 1) if (part.axis, part.second) == (axis - 2, second)]
    torch.testing.assert_close(pairwise_similarity(copies, originals, variants=[half]), similarity[:, 0])


def test_one_copied_modality_of_two_is_found_by_itself():
    images, strangers = textures(6, (2, 32, 32), sigma=(0, 1.5, 1.5)), textures(6, (32, 32), seed=1)
    copies = texture_bank([torch.from_numpy(np.stack([i[0], s])) for i, s in zip(images, strangers)], GRID, 1)
    originals = texture_bank([torch.from_numpy(image) for image in images], GRID, 1)
    similarity, index = most_similar(copies, originals, 1, variants=parts(2, 2))
    assert index[:, 0].tolist() == list(range(6))
    torch.testing.assert_close(similarity, torch.ones(6, 1))
    first = Part(modality=0, n_modalities=2)
    torch.testing.assert_close(pairwise_similarity(copies, originals, variants=[first]), torch.ones(6))


def test_what_a_variant_leaves_has_norm_1():
    bank = ready(textures(3, (20, 20)))
    for variant in (*poses((20, 20), [5], [1.1]), *parts(2, 1)):
        fine, body = variant.fine(bank)
        torch.testing.assert_close(fine.flatten(1).norm(dim=1), torch.ones(3))
        torch.testing.assert_close(variant.coarse(bank).flatten(1).norm(dim=1), torch.ones(3))
        assert (fine[~body] == 0).all()


def test_an_exact_search_tries_every_variant_on_the_full_grid():
    images, queries = ready(textures(7, (20, 20)), 20), ready(textures(3, (20, 20), seed=1), 20)
    variants = poses((20, 20), [6], [0.95])
    expected = torch.stack(
        [
            torch.stack(
                [pairwise_similarity(queries.take([q]), images.take([i]), variants=variants)[0] for i in range(7)]
            )
            for q in range(3)
        ]
    )
    similarity, index = most_similar(queries, images, 1, candidates=7, variants=variants)
    torch.testing.assert_close(similarity[:, 0], expected.amax(dim=1))
    assert index[:, 0].tolist() == expected.argmax(dim=1).tolist()
    quick, _ = most_similar(queries, images, 1, candidates=1, variants=variants)
    assert (quick <= similarity + 1e-6).all()


def test_an_item_counts_by_the_search_in_which_it_is_most_suspicious():
    rng = np.random.default_rng(0)
    unseen = np.sort(rng.normal(0.5, 0.05, (40, 6)))[:, ::-1]
    copied, suspect = unseen.copy(), unseen.copy()
    copied[3, 0] = 0.99
    suspect[3, 0], suspect[5, 0] = 0.75, 0.99
    searches = [copy_search(items, unseen) for items in (unseen, copied, suspect)]
    joined = most_suspicious(searches)
    assert joined.copy.nonzero()[0].tolist() == [3, 5]
    assert joined.view[[3, 5]].tolist() == [1, 2]
    assert joined.strength[3] == searches[1].strength[3]
    assert not (joined.copy & joined.suspect).any()
    np.testing.assert_array_equal(most_suspicious(searches[:1]).strength, searches[0].strength)
