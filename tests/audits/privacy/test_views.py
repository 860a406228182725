"""Images are compared in five views, each kind of copy in its own, and only in those that were asked for."""

import numpy as np
import pytest
import torch

from helpers.fake_runs import verdict_of
from helpers.textures import painted, texture
from synthtrust.audits.privacy.embedded import Grid, embed
from synthtrust.audits.privacy.settings import PrivacySettings
from synthtrust.audits.privacy.transforms import transform_copy
from synthtrust.audits.privacy.views import nearest_in, pairwise_in, views_of
from synthtrust.cases import Case

SIDE = 32


def embedded(images):
    grid = Grid.of(images[0])
    first, *others = [embed(image, grid, Case(f"c{i}", {}, class_index=0)) for i, image in enumerate(images)]
    return first.join(*others)


@pytest.fixture(scope="module")
def originals():
    rng = np.random.default_rng(0)
    return [torch.tensor(texture(rng, (SIDE, SIDE)), dtype=torch.float32)[None] for _ in range(24)]


def test_without_rotations_and_sizes_there_is_no_view_of_them():
    names = [view.name for view in views_of((SIDE, SIDE), 1, PrivacySettings(angles=(), scales=()))]
    assert names == ["whole image", "inverted", "half or one modality", "piece by piece"]


def test_volumes_are_not_compared_piece_by_piece():
    assert "piece by piece" not in [view.name for view in views_of((SIDE,) * 3, 1, PrivacySettings())]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("flip", "whole image"),
        ("inverted", "inverted"),
        ("rotation by 10 degrees", "turned or resized"),
        ("5 % smaller", "turned or resized"),
        ("half of the image", "half or one modality"),
        ("elastic warp", "piece by piece"),
    ],
)
def test_each_kind_of_copy_is_most_alike_in_its_view(originals, kind, name):
    others = originals[8:16]
    copies = [
        transform_copy(image, kind, np.random.default_rng(i), other)
        for i, (image, other) in enumerate(zip(originals[:8], others))
    ]
    reference, queries = embedded([*originals[:8], *originals[16:]]), embedded(copies)
    views = views_of((SIDE, SIDE), 1, PrivacySettings())
    similarity, index = nearest_in(views, queries, reference, candidates=6)
    v = [view.name for view in views].index(name)
    assert similarity.shape == index.shape == (len(views), 8, 6)
    assert index[v, :, 0].tolist() == list(range(8))
    of_views = similarity[..., 0].mean(axis=1)
    assert of_views[v] > of_views.max() - 1e-5
    pairs = pairwise_in(views, queries, embedded(originals[:8]))
    assert pairs.shape == (len(views), 8)
    assert (pairs[v] >= similarity[v, :, 0] - 1e-5).all()


KINDS = ("rotation by 10 degrees", "5 % larger", "inverted", "half of the image")


@pytest.fixture(scope="module")
def leaky_in_all_kinds(audit, tmp_path_factory, real, textures, fresh):
    """Return what the audit says of a set with six copies of each kind, each of another training case."""
    images = list(fresh)
    for k, kind in enumerate(KINDS):
        for n, place in enumerate(range(5 * k, 5 * k + 6 * 18, 18)):
            image, other = (torch.tensor(x, dtype=torch.float32)[None] for x in (textures[6 * k + n], images[place]))
            images[place] = transform_copy(image, kind, np.random.default_rng(place), other)[0].numpy()
    return audit([painted(tmp_path_factory.mktemp("set") / "leaky", real, images)])


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_copies_of_each_kind_are_found_and_the_table_says_in_which_view(leaky_in_all_kinds, kind):
    tables, k = leaky_in_all_kinds, KINDS.index(kind)
    assert verdict_of(tables)["verdict"] == "NOT SUPPORTED"
    copies = tables["copies"][tables["copies"]["reading"] == "COPY"]
    planted = {f"p{5 * k + 18 * n:03d}": f"p{6 * k + n:03d}" for n in range(6)}
    copies = copies[copies["synthetic"].isin(planted)]
    assert len(copies) >= 4
    assert all(planted[row.synthetic] == row.nearest_real for row in copies.itertuples())
    expected = {"inverted": "inverted", "half of the image": "half or one modality"}.get(kind, "turned or resized")
    assert (copies["view"] == expected).mean() > 0.5
