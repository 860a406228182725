"""A feature space sees what it is said to see, and a network of one's own can be one."""

import pytest
import torch

from synthtrust.audits.spaces import Network, RegionTexture, features_in, standardised, try_space
from synthtrust.cases.resizing import resize
from synthtrust.testing import tiny_classes


def test_a_network_of_ones_own_is_a_feature_space(tmp_path):
    module = torch.jit.script(torch.nn.Sequential(torch.nn.Conv3d(2, 4, 3), torch.nn.AdaptiveAvgPool3d(1)))
    module.save(str(tmp_path / "network.pt"))
    space = Network(torch.jit.load(tmp_path / "network.pt"), grid=8)
    image = torch.rand(2, 12, 9, 20)
    assert space(image, None, [], (1.0, 1.0, 1.0)).shape == (4,)
    assert torch.equal(space(image, None, [], (1, 1, 1)), module(resize(image, (8, 8, 8))[None])[0].flatten())


def test_the_texture_of_regions_does_not_depend_on_what_lies_far_away():
    rng = torch.Generator().manual_seed(0)
    image, label = torch.rand(1, 40, 30, 30, generator=rng), torch.zeros(40, 30, 30, dtype=torch.uint8)
    label[10:18, 10:18, 10:18] = 1
    whole = RegionTexture()(image, label, [1], (1.0, 1.0, 1.0))
    image[:, 30:] = 5
    torch.testing.assert_close(RegionTexture()(image, label, [1], (1.0, 1.0, 1.0)), whole)


def test_without_labels_to_look_at_a_labelled_case_is_seen_as_one_without():
    """Real cases have label maps where the synthetic ones beside them have none."""
    image = torch.randn((1, 8, 9, 10), generator=torch.Generator().manual_seed(0))
    label = torch.zeros((8, 9, 10), dtype=torch.uint8)
    label[2:5] = 1
    whole = features_in(RegionTexture(), image, None, [], (1.0, 1.0, 1.0))
    torch.testing.assert_close(features_in(RegionTexture(), image, label, [], (1.0, 1.0, 1.0)), whole, equal_nan=True)
    assert not torch.equal(features_in(RegionTexture(), image, label, [1], (1.0, 1.0, 1.0)), whole)


def test_standardising_leaves_zero_where_it_is():
    image = torch.tensor([[[0.0, 2.0], [4.0, 6.0]]])
    standard = standardised(image)
    assert standard[0, 0, 0] == 0
    assert standard[0][image[0] != 0].mean() == pytest.approx(0, abs=1e-6)
    assert standard[0][image[0] != 0].std(correction=0) == pytest.approx(1)


@pytest.mark.parametrize(
    ("space", "why"),
    [
        (lambda image, label, labels, spacing: image, r"a row of features \(d,\), but mine gives \(1, 16, 16\)"),
        (lambda image, label, labels, spacing: torch.full((3,), torch.nan), r"but mine gives \(3,\)"),
        (lambda image: image, r"for images \(1, 16, 16\), but mine fails with TypeError"),
    ],
    ids=["an image", "nothing finite", "another signature"],
)
def test_a_space_that_gives_no_row_is_refused_by_name(tmp_path, space, why):
    with pytest.raises(ValueError, match=why):
        try_space(space, "mine", tiny_classes(tmp_path, 2).cases[0], ["grey"], [])
