"""A label map is the argmax of logits, in bytes."""

import pytest
import torch

from synthtrust.models.label_map import label_map


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("shape", [(2, 4, 37, 5, 3), (1, 1, 4, 4, 4), (1, 3, 20)])
def test_it_is_argmax_with_ties_going_to_the_first(dtype, shape):
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(0)).mul(3).round().to(dtype)  # many ties
    labels = label_map(logits)
    assert labels.dtype == torch.uint8
    assert torch.equal(labels.long(), logits.argmax(1))


def test_more_labels_than_a_byte_holds_are_not_cut():
    logits = torch.zeros(1, 300, 2)
    logits[0, 299, 0] = 1
    assert label_map(logits).tolist() == [[299, 0]]


def test_logits_of_a_diverged_network_are_background():
    assert label_map(torch.full((1, 3, 2), float("nan"))).tolist() == [[0, 0]]
