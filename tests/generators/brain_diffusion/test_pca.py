"""Components and units of brains are measured within brains alone, and lose nothing."""

import numpy as np
import pytest
import torch

from synthtrust.generators.brain_diffusion.pca import BrainPCA, fit_pca


@pytest.fixture
def volumes(tmp_path):
    """Two cases of four voxels, prepared; the brain is channel 3, a label channel 1."""
    images = np.full((2, 1, 4, 1, 1), -1, np.float16)
    images[0, 0, :3, 0, 0], images[1, 0, 1, 0, 0] = (0.5, 0.5, 1.0), 0
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "channel.npy", np.uint8([[3, 3, 1, 0], [0, 3, 0, 0]]).reshape(2, 4, 1, 1))
    return tmp_path


def test_components_lose_nothing_and_leave_noise_as_it_is():
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((8, 8)))[0].astype(np.float32)
    nothing = np.zeros(0, np.float32)
    pca = BrainPCA(nothing, nothing, nothing, basis, nothing, nothing)
    noise = torch.randn(1, 8, 20, 20, 20, generator=torch.Generator().manual_seed(0))
    turned = pca.in_components(noise)
    torch.testing.assert_close(pca.from_components(turned), noise, atol=1e-5, rtol=0)
    np.testing.assert_allclose(np.cov(turned[0].flatten(1).numpy()), np.eye(8), atol=0.05)


@pytest.mark.parametrize(("flip", "average"), [(False, [0.5, 0.25, None, None]), (True, [0.5, 0.25, 0.25, 0.5])])
def test_mean_and_deviation_are_measured_within_brains_alone(volumes, flip, average):
    inside = [0.5, 0.5, 1.0, 0]
    pca = fit_pca(volumes, 3, 1, flip=flip)
    assert pca.mean.tolist() == [0.5]
    assert pca.std == pytest.approx(np.std(inside))
    expected = [0 if value is None else (value - 0.5) / np.std(inside) for value in average]
    assert pca.average.flatten() == pytest.approx(expected)


def test_components_are_the_same_whichever_way_round_the_library_gives_them(tmp_path, monkeypatch):
    rng, eigh = np.random.default_rng(0), np.linalg.eigh
    np.save(tmp_path / "images.npy", rng.uniform(-1, 1, (2, 1, 8, 8, 8)).astype(np.float16))
    np.save(tmp_path / "channel.npy", np.full((2, 8, 8, 8), 3, np.uint8))
    expected = fit_pca(tmp_path, 3, 2, flip=False)

    def otherwise(matrix):
        values, vectors = eigh(matrix)
        return values, vectors * rng.choice([-1, 1], size=len(values))

    monkeypatch.setattr(np.linalg, "eigh", otherwise)
    np.testing.assert_array_equal(fit_pca(tmp_path, 3, 2, flip=False).components, expected.components)
