"""Published weights paint what they were trained for, and whatever does not fit them is refused."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from nibabel import Nifti1Image
from nibabel.loadsave import load

from synthtrust.cases.formats.volumes import stored_orientation
from synthtrust.generators.diffusion.schedule import cosine_betas
from synthtrust.generators.med_ddpm import MedDDPM
from synthtrust.generators.med_ddpm.network import empty_network
from synthtrust.generators.med_ddpm.published import published_shapes, read_checkpoint
from synthtrust.generators.synthesis.overlap import training_ids_of
from synthtrust.testing import tiny_cases


@pytest.fixture
def cases(tmp_path):
    return tiny_cases(tmp_path / "real", count=3)


@pytest.fixture
def weights(tmp_path):
    shapes = published_shapes(empty_network(channels=(4, 8), num_res_blocks=1))
    generator = torch.Generator().manual_seed(0)
    ema = {key: 0.1 * torch.randn(shape, generator=generator) for key, shape in shapes.items()}
    path = tmp_path / "model_brats.pt"
    torch.save({"step": 1, "model": ema, "ema": ema | {"betas": torch.from_numpy(cosine_betas(10)).float()}}, path)
    return str(path)


PUBLISHED = dict(
    channels=(4, 8), num_res_blocks=1, size=(16, 20, 24), timesteps=10, sampler="ddim", sampling_steps=3
)  # fmt: skip


@pytest.fixture
def four(tmp_path):
    return with_voxels_of(1.0, tiny_cases(tmp_path / "four", count=2, modalities=("flair", "t1ce", "t1", "t2")))


def with_voxels_of(side, cases):
    """Rewrite the headers: voxels of one side [mm], axes left-posterior-superior."""
    for path in {path for case in cases for path in case.files.values()}:
        voxels = np.asanyarray(load(path).dataobj)
        Nifti1Image(voxels, np.diag([-side, -side, side, 1.0])).to_filename(path)
    return cases


def test_published_weights_paint_without_training(four, weights, tmp_path):
    home = tmp_path / "home"
    generator = MedDDPM(weights=weights, **PUBLISHED).work_in(home).fit(four)
    images = generator.sample(four[0].load_label(), np.random.default_rng(0))
    assert list(images) == ["t1", "t1ce", "t2", "flair"]
    assert not home.exists()
    assert generator.statistics_.labels == (1, 2, 3)
    highest = np.median([case.load_image("t2").max() for case in four])
    assert images["t2"].max() <= highest


def test_the_published_network_sees_axes_as_brats_files_have_them_however_the_label_is_stored(four, weights):
    """Left, posterior, superior; the last axis of the network is the first of the file."""
    label = four[0].load_label()
    generator = MedDDPM(weights=weights, **PUBLISHED).fit(four)
    seen = []
    generator.network_.network.register_forward_hook(lambda module, given, output: seen.append(given[0]))
    painted = generator.sample(label, np.random.default_rng(0))
    condition = seen[0][0, 4:7].numpy()  # behind the images: NCR, ED, ET
    in_file = np.asanyarray(load(four[0].label_map).dataobj)
    for channel, value in zip(condition, (1, 2, 4)):
        np.testing.assert_array_equal(channel.transpose(2, 1, 0) > 0, in_file == value)
    before = {path: path.read_bytes() for case in four for path in case.files.values()}
    for path in before:
        nib.save(nib.as_closest_canonical(load(path)), path)
        assert stored_orientation(path) == "RAS"
    again = MedDDPM(weights=weights, **PUBLISHED).fit(four).sample(four[0].load_label(), np.random.default_rng(0))
    for modality, image in painted.items():
        np.testing.assert_array_equal(again[modality], image)


def test_whom_published_weights_learned_from_is_told_or_unknown(cases):
    assert training_ids_of(MedDDPM(weights="model.pt"), cases) is None
    assert training_ids_of(MedDDPM(weights="model.pt", train_ids=["b", "a"]), cases) == ("a", "b")
    assert training_ids_of(MedDDPM(), cases) == tuple(case.id for case in cases)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (dict(timesteps=20), "Expected weights of 20 timesteps, but .* has 10"),
        (dict(channels=(8, 16), size=(16, 20, 24)), "of another shape"),
    ],
)
def test_weights_that_do_not_fit_are_refused(four, weights, change, why):
    with pytest.raises(ValueError, match=why):
        MedDDPM(weights=weights, **PUBLISHED | change).fit(four)


def test_a_damaged_file_is_refused_however_it_stumbles(four, weights, tmp_path):
    whole, rng = bytearray(Path(weights).read_bytes()), np.random.default_rng(0)
    for n in range(150):
        broken = whole.copy()
        for position in rng.integers(0, min(len(whole), 3000), 12):
            broken[position] ^= int(rng.integers(1, 256))
        path = tmp_path / f"broken_{n}.pt"
        path.write_bytes(broken)
        try:
            read_checkpoint(path)
        except ValueError as error:
            assert str(error).startswith("Expected ")  # noqa: PT017
        path.unlink()


def test_betas_of_another_form_are_refused(four, weights):
    checkpoint = torch.load(weights)
    checkpoint["ema"]["betas"] = torch.tensor(0.5)
    torch.save(checkpoint, weights)
    with pytest.raises(ValueError, match=r"Expected betas \(T,\) in"):
        MedDDPM(weights=weights, **PUBLISHED).fit(four)


def test_weights_of_another_noise_schedule_are_refused(four, weights):
    checkpoint = torch.load(weights, weights_only=True)
    checkpoint["ema"]["betas"] = torch.linspace(1e-4, 0.02, 10)
    torch.save(checkpoint, weights)
    with pytest.raises(ValueError, match="Expected weights that were trained with the cosine schedule"):
        MedDDPM(weights=weights, **PUBLISHED).fit(four)


def test_cases_of_other_voxels_than_the_weights_know_are_refused(weights, tmp_path):
    coarse = tiny_cases(tmp_path / "coarse", count=2, modalities=("flair", "t1ce", "t1", "t2"))
    with_voxels_of(2.0, coarse)
    with pytest.raises(ValueError, match=r"Expected voxels of 1 mm, .* but case .* has 2 x 2 x 2 mm"):
        MedDDPM(weights=weights, **PUBLISHED).fit(coarse)
    with pytest.raises(ValueError, match=r"nowhere\.pt"):
        MedDDPM(weights="nowhere.pt", **PUBLISHED).fit(coarse)


def test_published_weights_want_their_four_modalities(cases, weights):
    with pytest.raises(ValueError, match=r"\['flair', 't1', 't1ce', 't2'\] in every case, but"):
        MedDDPM(weights=weights, **PUBLISHED).fit(cases)
