"""The device of the tests on a GPU: skipped with a word where there is none, or a processor that stands in for it."""

import pytest

from helpers.gpu import device_or_why_not, number_of_devices


@pytest.fixture
def device():
    """Return the device to test on."""
    found, why = device_or_why_not()
    if found is None:
        pytest.skip(why)
    return found


@pytest.fixture
def two_devices(device):
    """Return how a Trainer is told to take two devices."""
    if number_of_devices() < 2:
        pytest.skip(f"two devices are needed, and there is {number_of_devices()}")
    return ["trainer.devices=2", "trainer.strategy=ddp", f"trainer.accelerator={'gpu' if device == 'cuda' else 'cpu'}"]
