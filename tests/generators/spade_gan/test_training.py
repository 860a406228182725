"""The training of the SPADE GAN steps both networks, goes on where it was killed, and keeps no ruined state."""

import pytest
import torch

from helpers.spade_gan import TINY, losses, sample
from helpers.trainings import KilledError, equal_images
from synthtrust.generators import SpadeGAN
from synthtrust.generators.spade_gan.training import SpadeGANModule


@pytest.mark.parametrize("batch_size", [1, 2])
def test_a_killed_training_goes_on_and_ends_with_the_same_weights(cases, tmp_path, monkeypatch, batch_size):
    settings = TINY | dict(max_steps=4, batch_size=batch_size)
    whole = SpadeGAN(**settings).work_in(tmp_path / "whole").fit(cases)

    step, seen = SpadeGANModule.training_step, []

    def deadly(self, batch, batch_idx):
        if len(seen) == 2:
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
    assert losses(home)["step"].tolist() == [1, 2, 3, 4]


def test_a_step_is_one_of_the_generator_and_one_of_the_discriminator(trained):
    checkpoint = torch.load(trained.home / "last.ckpt", weights_only=True)
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


def test_pictures_on_the_way_leave_the_training_as_it_would_have_been(cases, trained, tmp_path):
    watched = SpadeGAN(**TINY, sample_every=2).work_in(tmp_path).fit(cases)
    assert [path.name for path in (tmp_path / "samples").iterdir()] == ["step_000002.png"]
    assert equal_images(sample(trained, cases[0]), sample(watched, cases[0]))
