"""The average brain is that of the cases which have brain, and no label, at a voxel."""

import numpy as np
import pytest

from synthtrust.generators.brain.mean_brain import average_brain


@pytest.mark.parametrize("flip", [False, True])
def test_the_average_brain_is_of_those_that_have_a_brain_and_no_label_there(tmp_path, flip):
    images = np.full((2, 1, 4, 1, 1), -1, np.float16)
    images[0, 0, :3, 0, 0], images[1, 0, 1, 0, 0] = (0.5, 0.5, 0.9), 0
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "channel.npy", np.uint8([[3, 3, 1, 0], [0, 3, 0, 0]]).reshape(2, 4, 1, 1))
    expected = [0.5, 0.25, 0.25, 0.5] if flip else [0.5, 0.25, -1, -1]
    assert average_brain(tmp_path, 3, flip=flip).flatten().tolist() == expected
