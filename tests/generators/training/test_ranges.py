"""Numbers that no training could use are refused when a generator is made, by name."""

import pytest

from synthtrust.generators import BrainDiffusion, ClassDiffusion, MedDDPM, SpadeGAN

WHOLE = ["seed", "max_steps", "batch_size", "patch_fold"]
OF_ALL = [dict.fromkeys([name], value) for name in WHOLE for value in (-1, 2.5, "2", True)] + [
    {"max_steps": 0}, {"batch_size": 0}, {"patch_fold": 0}, {"channels": []}, {"channels": [0]}, {"channels": 8},
    {"lr": 0}, {"lr": -1.0}, {"lr": "fast"}, {"lr": float("nan")}, {"ema_decay": 2.0}, {"ema_decay": -0.1},
    {"precision": "16"}, {"grad_clip": -1}, {"grad_clip": 0},
]  # fmt: skip
OF_ONE = [
    (MedDDPM, {"accumulate": 0}), (MedDDPM, {"sampler": "ddim", "sampling_steps": 2.5}),
    (MedDDPM, {"sample_every": -3}),
    (MedDDPM, {"intensity_percentile": 200}), (MedDDPM, {"brain_label": 0}), (BrainDiffusion, {"dilations": []}),
    (BrainDiffusion, {"width": 0}),
    (MedDDPM, {"timesteps": 1}),
    (SpadeGAN, {"discriminators": 0}), (SpadeGAN, {"discriminator_lr": 0}), (SpadeGAN, {"style_weight": -1}),
    (SpadeGAN, {"grad_clip": None}), (ClassDiffusion, {"sampling_steps": None}),
    (ClassDiffusion, {"num_res_blocks": 0}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "change"), [(kind, change) for kind in (MedDDPM, SpadeGAN, ClassDiffusion) for change in OF_ALL] + OF_ONE
)
def test_a_number_out_of_its_range_is_refused_by_name(kind, change):
    *_, name = change
    with pytest.raises(ValueError, match=f"^Expected {name} (to be|among) .*, but got "):
        kind(**change)


@pytest.mark.parametrize("kind", [MedDDPM, SpadeGAN, ClassDiffusion])
def test_what_is_in_range_is_taken(kind):
    assert kind(channels=[8, 16], lr=1, ema_decay=0, seed=3).channels == (8, 16)
    assert MedDDPM(grad_clip=None, intensity_percentile=None, sampling_steps=None, brain_label=None).grad_clip is None
