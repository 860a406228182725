"""The network is the published one: its weights' names and shapes, its numbers, and files that are not its weights."""

import hashlib
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from synthtrust.generators.diffusion.schedule import Diffusion
from synthtrust.generators.med_ddpm import DiffusionUNet, load_published, read_checkpoint
from synthtrust.generators.med_ddpm.network import empty_network
from synthtrust.generators.med_ddpm.published import PREFIX, published_shapes

REFERENCE = "SYNTHTRUST_MED_DDPM_REFERENCE"
"""Names the folder with numbers of the published architecture: state_dict_shapes.json, unet_forward.npz, ..."""

SMALL = dict(channels=(4, 8), num_res_blocks=1)


def weights_by_recipe(shapes):
    """Weights that the reference numbers were computed with: a matrix of unit rows, a norm near the identity."""
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for key in sorted(key.removeprefix(PREFIX) for key in shapes):
        shape = shapes[PREFIX + key]
        drawn = torch.randn(tuple(shape), generator=generator)
        if len(shape) > 1:
            weights[PREFIX + key] = drawn / np.sqrt(np.prod(shape[1:]))
        else:
            weights[PREFIX + key] = 1 + 0.1 * drawn if key.endswith("weight") else 0.1 * drawn
    return weights


@pytest.fixture(scope="module")
def published():
    return weights_by_recipe(published_shapes(empty_network()))


@pytest.fixture
def small():
    return weights_by_recipe(published_shapes(empty_network(**SMALL)))


def test_names_and_shapes_are_those_of_the_published_checkpoint():
    shapes = published_shapes(empty_network())
    assert len(shapes) == 338
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 57_562_564
    # of the names and shapes of the published BraTS network, sorted, as JSON
    digest = hashlib.sha256(json.dumps({key: list(shapes[key]) for key in sorted(shapes)}).encode()).hexdigest()
    assert digest == "d894cca876e569771f606d191297a0b118f784d2c4ece49b615de130a4a3e9a8"


def test_the_published_architecture_gives_the_numbers_it_gave_when_it_was_compared(published):
    # stored when this network agreed with the original to 2e-6 on the reference numbers (see the slow test)
    network = load_published(published)
    x = torch.randn(1, 8, 16, 16, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        noise = network(x, torch.tensor([137]))
    stored = torch.tensor([-0.917220, 0.488147, 0.771895, -0.214632])
    torch.testing.assert_close(noise[0, :, 3, 7, 11], stored, atol=1e-4, rtol=0)


@pytest.mark.slow
@pytest.mark.skipif(REFERENCE not in os.environ, reason=f"{REFERENCE} does not name the folder of reference numbers")
def test_the_published_architecture_agrees_with_the_original():
    folder = Path(os.environ[REFERENCE])
    shapes = json.loads((folder / "state_dict_shapes.json").read_text())
    assert {key: list(shape) for key, shape in published_shapes(empty_network()).items()} == shapes
    network = load_published(weights_by_recipe(shapes))

    forward = np.load(folder / "unet_forward.npz")
    with torch.no_grad():
        noise = network(torch.from_numpy(forward["x"]), torch.from_numpy(forward["t"]))
    np.testing.assert_allclose(noise, forward["y"], atol=1e-4)

    step, diffusion = np.load(folder / "reverse_step.npz"), Diffusion(250)
    np.testing.assert_allclose(diffusion.betas, step["betas"], atol=1e-5)
    x = torch.from_numpy(step["x"])
    condition = torch.from_numpy(np.concatenate([step["label"] == value for value in (1, 2, 3, 4)], 1)).float()
    for i, t in enumerate(step["t"].tolist()):
        with torch.no_grad():
            noise = network(torch.cat([x, condition], 1), torch.tensor([t]))
        mean, log_variance = diffusion.reverse_step(x, t, noise)
        np.testing.assert_allclose(mean, step["mean"][i], atol=1e-4)
        assert log_variance == pytest.approx(step["log_variance"][i], abs=1e-4)


def test_every_weight_finds_its_place(small):
    network = load_published(small, **SMALL)
    expected, loaded = (
        sum(float(tensor.detach().sum()) for tensor in part) for part in (small.values(), network.parameters())
    )
    assert loaded == pytest.approx(expected, abs=1e-3)
    torch.testing.assert_close(network.out[2].conv.weight, small[PREFIX + "out.2.weight"])
    query = network.middle_block.attention.attn.to_q.weight
    torch.testing.assert_close(query, small[PREFIX + "middle_block.1.qkv.weight"][:8, :, 0])


def test_loading_draws_no_random_number_and_copies(small):
    before = torch.get_rng_state()
    network = load_published(small, **SMALL)
    torch.testing.assert_close(before, torch.get_rng_state())
    with torch.no_grad():
        network.out[0].weight.zero_()
    assert small[PREFIX + "out.0.weight"].all()


def test_tables_of_the_diffusion_are_no_extra_keys(small):
    assert load_published(small | {"betas": torch.zeros(250), "posterior_mean_coef3": torch.zeros(250)}, **SMALL)


def test_missing_extra_and_misshapen_weights_are_all_listed(small):
    small[PREFIX + "spurious.weight"] = small.pop(PREFIX + "out.0.bias")
    small["module.out.0.bias"] = torch.zeros(4)
    small[PREFIX + "out.2.bias"] = torch.zeros(3)
    with pytest.raises(ValueError, match=r"1 missing: denoise_fn.out.0.bias") as error:
        load_published(small, **SMALL)
    assert "2 extra: denoise_fn.spurious.weight, module.out.0.bias" in str(error.value)
    assert "denoise_fn.out.2.bias (3,) instead of (4,)" in str(error.value)


def test_weights_that_are_no_finite_numbers_are_refused(small):
    small[PREFIX + "out.0.bias"] = torch.full((4,), torch.nan)
    small[PREFIX + "out.2.bias"] = [1.0, 2.0, 3.0, 4.0]
    with pytest.raises(ValueError, match=r"2 no tensor of finite numbers: .*out.0.bias, .*out.2.bias"):
        load_published(small, **SMALL)


def test_a_whole_checkpoint_or_keys_without_their_prefix_get_a_hint(small):
    for given in ({"step": 1, "ema": small}, {key.removeprefix(PREFIX): value for key, value in small.items()}):
        with pytest.raises(ValueError, match=r"whose keys begin with 'denoise_fn\.'.*Give the 'ema'") as error:
            load_published(given, **SMALL)
        assert len(str(error.value)) < 1000


def test_weights_of_another_architecture_are_refused(small):
    with pytest.raises(ValueError, match=r"missing.*of another shape"):
        load_published(small, channels=(8, 16), num_res_blocks=2)


def test_a_checkpoint_is_read_as_it_was_published(small, tmp_path):
    path = tmp_path / "model_brats.pt"
    torch.save({"step": 100_000, "model": {}, "ema": small}, path)
    assert read_checkpoint(path).keys() == small.keys()


class Bomb:
    """What a hostile file would hold: loading it as any pickle runs a program of its author's."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("dump", [torch.save, lambda bomb, path: path.write_bytes(pickle.dumps(bomb, protocol=2))])
def test_a_pickle_that_is_not_weights_is_refused_without_being_executed(dump, tmp_path):
    path, mark = tmp_path / "model_brats.pt", tmp_path / "executed"
    dump({"ema": Bomb(mark)}, path)
    with pytest.raises(ValueError, match=r"Expected a file of weights, but .*model_brats.pt.*not executed"):
        read_checkpoint(path)
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"not a checkpoint"])
def test_a_damaged_file_is_refused_by_name(content, tmp_path):
    path = tmp_path / "model_brats.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"model_brats.pt"):
        read_checkpoint(path)


@pytest.mark.parametrize("content", [{"model": {}, "step": 3}, [torch.zeros(2)], {"ema": torch.zeros(2)}])
def test_a_file_without_averaged_weights_is_refused(content, tmp_path):
    torch.save(content, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="under 'ema'"):
        read_checkpoint(tmp_path / "model.pt")


def test_no_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        read_checkpoint(tmp_path / "model.pt")


@pytest.mark.parametrize("shape", [(1, 7, 8, 8, 8), (1, 8, 8, 9, 8), (8, 8, 8, 8)])
def test_channels_and_sides_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match="multiples of 2"):
        DiffusionUNet(**SMALL)(torch.zeros(shape), torch.zeros(1))


def test_an_odd_number_of_channels_is_refused():
    with pytest.raises(ValueError, match="even numbers"):
        DiffusionUNet(channels=(5, 10))


def test_a_network_of_one_level_works():
    assert DiffusionUNet(2, 1, (4,), 1)(torch.zeros(1, 2, 3, 4, 5), torch.zeros(1)).shape == (1, 1, 3, 4, 5)
