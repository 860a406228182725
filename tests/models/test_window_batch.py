"""A processor computes few large windows at once, and a case scores the same."""

import pytest
import torch
from monai.inferers import SimpleInferer, SlidingWindowInferer

from synthtrust.models.window_batch import fitting


@pytest.mark.parametrize(
    ("side", "device", "windows"), [(160, "cpu", 1), (96, "cpu", 1), (64, "cpu", 2), (48, "cpu", 4), (96, "cuda", 4)]
)
def test_fewer_large_windows_are_computed_at_once_on_a_processor_alone(side, device, windows):
    inferer = SlidingWindowInferer([side] * 3, sw_batch_size=4)
    assert fitting(inferer, torch.device(device)).sw_batch_size == windows
    assert inferer.sw_batch_size == 4


def test_a_user_may_ask_for_single_windows():
    inferer = SlidingWindowInferer([48] * 3, sw_batch_size=1)
    assert fitting(inferer, torch.device("cpu")).sw_batch_size == 1


def test_the_number_of_windows_changes_nothing(monkeypatch):
    inferer, net = SlidingWindowInferer([8, 8, 8], sw_batch_size=8, overlap=0.5), torch.nn.Conv3d(1, 2, 3, padding=1)
    image, seen = torch.randn(1, 1, 24, 16, 16), []
    net.register_forward_hook(lambda net, batch, result: seen.append(len(batch[0])))
    with torch.inference_mode():
        expected = inferer(image, net)
        monkeypatch.setattr("synthtrust.models.window_batch.MOST_VOXELS", 8**3)
        result = fitting(inferer, image.device)(image, net)
    torch.testing.assert_close(result, expected)
    assert (seen[0], seen[-2]) == (8, 1)
    assert sum(seen) == 2 * 45


def test_an_inferer_without_windows_is_left_alone():
    inferer = SimpleInferer()
    assert fitting(inferer, torch.device("cpu")) is inferer
