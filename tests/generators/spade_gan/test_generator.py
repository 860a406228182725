"""The SPADE GAN keeps the contract, learns what a label looks like, and goes on where it was killed."""

import numpy as np
import pytest
import torch

from helpers.trainings import KilledError, equal_images
from synthtrust.generators import SpadeGAN, synthesize
from synthtrust.generators.brain.box import depth_to_space
from synthtrust.generators.spade_gan import GeneratorNetwork
from synthtrust.generators.spade_gan import training as training_module
from synthtrust.generators.spade_gan.network import Discriminator, Encoder
from synthtrust.generators.spade_gan.training import PARTS, SpadeGANModule
from synthtrust.testing import GeneratorContract, tiny_cases, tiny_cohort

TINY = dict(
    channels=(4, 8), spade_channels=4, style_size=3, discriminator_channels=4, discriminator_layers=1, patch_fold=1,
    max_steps=3, lr=1e-3, discriminator_lr=1e-3, precision="32-true",
)  # fmt: skip


class TestSpadeGAN(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return SpadeGAN(**TINY)


class TestPackedSpadeGAN(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return SpadeGAN(**TINY | dict(patch_fold=2, discriminators=2, precision="bf16-mixed"))


@pytest.fixture
def cases(tmp_path):
    return tiny_cases(tmp_path / "real", count=3)


def sample(generator, case, seed=0):
    return generator.sample(case.load_label(), np.random.default_rng(seed))


def seeded(network, *arguments):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return network(*arguments)


def losses(home):
    return np.genfromtxt(home / "loss.csv", delimiter=",", names=True)


def test_a_short_training_brings_painted_images_nearer_to_real_ones(cases, tmp_path):
    unseen = cases.pop()
    settings = TINY | dict(channels=(8, 8), lr=2e-3, max_steps=60, ema_decay=0.9)
    generator = SpadeGAN(**settings).work_in(tmp_path / "home").fit(cases)
    table = losses(tmp_path / "home")
    assert table.dtype.names == ("step", *PARTS)
    assert table["reconstruction"][-10:].mean() < 0.6 * table["reconstruction"][0]

    label, images = unseen.load_label(), sample(generator, unseen)
    means = {
        name: [image[(label == value) & (image > 0)].mean() for value in (0, 2, 3)] for name, image in images.items()
    }
    (brain, oedema, _), (other_brain, _, enhancing) = means["flair"], means["t1ce"]
    assert oedema > 1.2 * brain  # 200 and 380 in real cases
    assert enhancing > 1.3 * other_brain  # 450 and 900 in real cases


def test_the_style_changes_the_image_and_the_same_style_gives_the_same(cases):
    generator = SpadeGAN(**TINY).fit(cases)
    image, same_style, other_style = (sample(generator, cases[0], seed) for seed in (0, 0, 1))
    assert equal_images(image, same_style)
    brain = image["flair"] > 0
    assert np.abs(image["flair"] - other_style["flair"])[brain].mean() > 1e-3 * image["flair"][brain].mean()
    np.testing.assert_array_equal(brain, other_style["flair"] > 0)


@pytest.mark.parametrize("batch_size", [1, 2])
def test_a_killed_training_goes_on_and_ends_with_the_same_weights(cases, tmp_path, monkeypatch, batch_size):
    settings = TINY | dict(max_steps=6, batch_size=batch_size)
    whole = SpadeGAN(**settings).work_in(tmp_path / "whole").fit(cases)

    step, seen = SpadeGANModule.training_step, []

    def deadly(self, batch, batch_idx):
        if len(seen) == 4:
            raise KilledError
        seen.append(batch["noise"].tolist())
        return step(self, batch, batch_idx)

    home = tmp_path / "home"
    monkeypatch.setattr(SpadeGANModule, "training_step", deadly)
    with pytest.raises(KilledError):
        SpadeGAN(**settings).work_in(home).fit(cases)
    assert not (home / "volumes").exists(), "real patients were left behind"
    monkeypatch.setattr(SpadeGANModule, "training_step", step)
    resumed = SpadeGAN(**settings).work_in(home).fit(cases)

    for name, weights in whole.network_.state_dict().items():
        torch.testing.assert_close(weights, resumed.network_.state_dict()[name], rtol=0, atol=0)
    assert (home / "loss.csv").read_text() == (tmp_path / "whole" / "loss.csv").read_text()
    assert losses(home)["step"].tolist() == [1, 2, 3, 4, 5, 6]


def test_a_step_is_one_of_the_painter_and_one_of_the_critic(cases, tmp_path):
    SpadeGAN(**TINY).work_in(tmp_path).fit(cases)
    checkpoint = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 3
    steps = [
        {float(state["step"]) for state in optimizer["state"].values()} for optimizer in checkpoint["optimizer_states"]
    ]
    assert steps == [{3.0}, {3.0}]


def test_a_loss_that_is_not_finite_stops_the_training_and_names_part_and_step(cases, tmp_path, monkeypatch):
    step = SpadeGANModule.training_step

    def poisoned(self, batch, batch_idx):
        if self.trainer.global_step == 1:
            batch["image"] = batch["image"] * float("nan")
        return step(self, batch, batch_idx)

    monkeypatch.setattr(SpadeGANModule, "training_step", poisoned)
    why = r"but got reconstruction nan, .* at step 2 of the generator's training; last.ckpt of step 1 stays"
    with pytest.raises(ValueError, match=why):
        SpadeGAN(**TINY).work_in(tmp_path).fit(cases)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 1


def test_ruined_weights_take_no_checkpoints_place(cases, tmp_path, monkeypatch):
    step = SpadeGANModule.training_step

    def ruinous(self, batch, batch_idx):
        parts = step(self, batch, batch_idx)
        if self.trainer.global_step == 2:
            torch.nn.init.constant_(self.network.first.weight, float("inf"))
        return parts

    monkeypatch.setattr(SpadeGANModule, "training_step", ruinous)
    with pytest.raises(ValueError, match="weights that are not at step 2"):
        SpadeGAN(**TINY).work_in(tmp_path).fit(cases)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 1


def test_pictures_on_the_way_leave_the_training_as_it_would_have_been(cases, tmp_path):
    plain = SpadeGAN(**TINY).fit(cases)
    watched = SpadeGAN(**TINY, sample_every=2).work_in(tmp_path).fit(cases)
    assert [path.name for path in (tmp_path / "samples").iterdir()] == ["step_000002.png"]
    assert equal_images(sample(plain, cases[0]), sample(watched, cases[0]))


def test_a_finished_training_is_found_and_another_one_begun_anew(cases, tmp_path, monkeypatch):
    first = sample(SpadeGAN(**TINY).work_in(tmp_path).fit(cases), cases[0])
    trained = []
    train = training_module.train
    monkeypatch.setattr("synthtrust.generators.spade_gan.generator.train", lambda *a: trained.append(1) or train(*a))
    assert equal_images(first, sample(SpadeGAN(**TINY).work_in(tmp_path).fit(cases), cases[0]))
    assert not trained
    assert not equal_images(first, sample(SpadeGAN(**TINY).work_in(tmp_path).fit(cases[:2]), cases[0]))
    assert trained


def test_a_set_keeps_the_training_and_none_of_its_images(tmp_path):
    cohort = tiny_cohort(tmp_path / "real", count=3)
    twins = synthesize(SpadeGAN(**TINY), cohort, cohort.cases[:2], cohort.cases, tmp_path / "synthetic")
    home = twins.folder / ".fit"
    assert sorted(path.name for path in home.iterdir()) == ["last.ckpt", "loss.csv"]


def test_a_label_that_training_never_saw_is_refused(cases):
    generator = SpadeGAN(**TINY).fit(cases)
    label = cases[0].load_label()
    label[8, 10, 12] = 7
    with pytest.raises(ValueError, match=r"\[1, 2, 3\].*got \[7\]"):
        generator.sample(label, np.random.default_rng(0))


def test_a_size_that_cannot_be_halved_is_refused_before_anything_is_read():
    with pytest.raises(ValueError, match="size to be three multiples of 2"):
        SpadeGAN(**TINY | dict(size=(16, 20, 23)))


def test_no_cases_are_refused():
    with pytest.raises(ValueError, match="got none"):
        SpadeGAN(**TINY).fit([])


def test_the_label_map_steers_the_painting_at_the_finest_level():
    painter = seeded(GeneratorNetwork, (8, 12, 16), 2, 2, 1, (4, 8), 4, 3)
    condition = torch.zeros(1, 2, 8, 12, 16)
    condition[:, 0] = 1
    moved = condition.clone()
    moved[0, :, 3, 5, 6] = torch.tensor([0.0, 1.0])
    change = (painter(condition, torch.ones(1, 3)) - painter(moved, torch.ones(1, 3))).abs()[0, 0]
    assert change[3, 5, 6] > 3 * change.median(), "a single voxel of another label was not seen where it lies"


def test_unpacked_voxels_begin_as_equals_so_that_no_chequerboard_has_to_be_unlearned():
    painter = seeded(GeneratorNetwork, (8, 12, 16), 2, 2, 1, (4, 8), 4, 3)
    fine = depth_to_space(painter.unfold(torch.rand(1, 4, 8, 6, 4, generator=torch.Generator().manual_seed(1))), 2)
    blocks = fine.unfold(2, 2, 2).unfold(3, 2, 2).unfold(4, 2, 2).flatten(5)
    torch.testing.assert_close(blocks.amax(-1), blocks.amin(-1))
    assert fine.std() > 0.01


def test_the_critic_judges_the_brain_alone():
    discriminator = seeded(Discriminator, 1, 2, (16, 16, 32), 4, 1, 1)
    condition = torch.zeros(1, 2, 16, 16, 32)
    condition[:, 0, :, :, :8] = 1
    logits, features = discriminator(torch.rand(1, 1, 16, 16, 32), condition)
    (logits,), (layers,) = logits, features
    in_all = layers[-1][0, 0].numel()
    assert 0 < len(logits) <= 0.4 * in_all


@pytest.mark.parametrize("sides", [(8, 8, 8), (6, 10, 4)])
def test_the_encoder_sees_how_bright_an_image_is(sides):
    encoder = seeded(Encoder, 2, (4, 8), 3)
    image = torch.rand(1, 2, *sides, generator=torch.Generator().manual_seed(0))
    contrast = image * torch.tensor([1.0, 0.3])[:, None, None, None]
    assert (encoder(image)[0] - encoder(contrast)[0]).abs().max() > 1e-2
    assert encoder(image)[1].max() < -2  # a style that began as noise would be ignored
