"""The examples of BrainDiffusion hold brain, and where in the brain they are."""

import numpy as np
import pytest

from synthtrust.generators.brain_diffusion.pca import fit_pca
from synthtrust.generators.brain_diffusion.volumes import BrainVolumes


@pytest.fixture
def volumes(tmp_path):
    """Two cases of four voxels, prepared; the brain is channel 3, a label channel 1."""
    images = np.full((2, 1, 4, 1, 1), -1, np.float16)
    images[0, 0, :3, 0, 0], images[1, 0, 1, 0, 0] = (0.5, 0.5, 1.0), 0
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "channel.npy", np.uint8([[3, 3, 1, 0], [0, 3, 0, 0]]).reshape(2, 4, 1, 1))
    return tmp_path


def test_a_part_of_a_brain_holds_brain_and_where_it_is(volumes):
    pca = fit_pca(volumes, 3, 1, flip=False)
    examples = BrainVolumes(
        volumes, n_channels=3, timesteps=5, patch_size=(2, 1, 1), flip=False, seed=0, pca=pca
    )  # fmt: skip
    for draw in range(20):
        example = examples[draw]
        brain, average = example["condition"][:3].sum(0), example["condition"][3:]
        assert brain.sum() > 0
        assert (example["image"][:, brain == 0] == 0).all()
        assert (average[:, brain == 0] == 0).all()
    shown = {round(float(value), 4) for draw in range(20) for value in examples[draw]["condition"][3].flatten()}
    assert shown == {0, *(round(float(value), 4) for value in pca.average.flatten())}
