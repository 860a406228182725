"""On a GPU networks learn, score and paint as on a processor, within tolerances that are stated here.

``make test-gpu`` runs them; without a GPU each says so. float32 is compared without TF32, whose products have 10 bits.
"""

import copy
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from lightning import seed_everything
from nibabel import Nifti1Image
from nibabel.loadsave import load

from helpers.commands import ROOT
from helpers.gpu import random_weights, synchronised
from helpers.tiny_runs import TINY, tiny_config
from synthtrust.generators.med_ddpm import MedDDPM
from synthtrust.machine import quick_precision
from synthtrust.metrics import functional as F  # noqa: N812
from synthtrust.models import Segmenter
from synthtrust.models.acceleration import accelerate
from synthtrust.runs import find_runs, score_cohort, train_run
from synthtrust.runs.build import build_data, make
from synthtrust.runs.trainer import build_trainer
from synthtrust.testing import tiny_cohort

pytestmark = pytest.mark.gpu

LOSS, WEIGHT = 1e-4, 1e-3
"""Largest difference of a loss, relative, and of a weight after a step, as a part of the largest change of a weight."""
DICE = 1e-3
"""Largest difference of the Dice of one network on two devices, by voxels whose best labels are nearly as likely."""
HALF = 5e-2
"""Largest relative difference of a loss in bfloat16 from that in float32."""


@pytest.fixture(autouse=True)
def exact_products():
    """Multiply float32 in full, so that devices can be compared."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.fixture
def segmenter(composed) -> Segmenter:
    """Return a small SwinUNETR with weights of a fixed seed."""
    small = ("model=swin_unetr_small", "model.net.feature_size=12", "steps=10")
    torch.manual_seed(0)
    return make(composed("train", *small).model)(in_channels=2, n_labels=4, regions={"all": [1, 2, 3]})


def batch_on(device, side=64):
    draw = torch.Generator().manual_seed(0)
    image, label = torch.randn(1, 2, side, side, side, generator=draw), torch.randint(4, (1, 1, side, side, side))
    return {"image": image.to(device), "label": label.to(device)}


def step(model, device, batch, precision=torch.float32):
    """Do a step on a device, and return the loss before it and the weights behind it, on the processor."""
    model = copy.deepcopy(model).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with torch.autocast(device, dtype=precision, enabled=precision != torch.float32):
        loss = model.loss_of({name: value.to(device) for name, value in batch.items()})
    loss.backward()
    optimizer.step()
    return float(loss.detach()), {name: weight.detach().cpu() for name, weight in model.named_parameters()}


def test_a_training_step_is_that_of_a_processor(device, segmenter):
    batch = batch_on("cpu")
    before = {name: weight.detach().clone() for name, weight in segmenter.named_parameters()}
    (loss, weights), (expected, others) = step(segmenter, device, batch), step(segmenter, "cpu", batch)
    assert loss == pytest.approx(expected, rel=LOSS)
    most = max(float((others[name] - before[name]).abs().max()) for name in before)
    assert max(float((weights[name] - others[name]).abs().max()) for name in before) <= WEIGHT * most


def test_a_step_in_bfloat16_is_near_that_in_float32(device, segmenter):
    batch = batch_on("cpu")
    loss, weights = step(segmenter, device, batch, torch.bfloat16)
    assert loss == pytest.approx(step(segmenter, "cpu", batch)[0], rel=HALF)
    assert all(torch.isfinite(weight).all() for weight in weights.values())


@pytest.mark.parametrize("options", [{"compiles": True}, {"channels_last": True}], ids=["compiled", "channels last"])
def test_an_accelerated_network_predicts_the_same(device, segmenter, options):
    batch = batch_on(device)
    segmenter = segmenter.to(device).eval()
    accelerated = copy.deepcopy(segmenter)
    accelerate(accelerated.net, **options)
    with torch.no_grad():
        torch.testing.assert_close(accelerated(batch["image"]), segmenter(batch["image"]), rtol=1e-3, atol=1e-3)


def test_scores_of_a_network_are_those_of_a_processor(device, segmenter):
    batch = batch_on("cpu", 96)
    dice = {}
    for name in (device, "cpu"):
        predicted = copy.deepcopy(segmenter).to(name).eval().predict(batch["image"].to(name)).cpu()
        dice[name] = F.dice_from_counts(*F.overlap(predicted, batch["label"][:, 0], [1, 2, 3]))
    torch.testing.assert_close(dice[device], dice["cpu"], rtol=0, atol=DICE)


def test_counts_of_voxels_are_exactly_those_of_a_processor(device):
    draw = torch.Generator().manual_seed(0)
    first, second = (torch.randint(4, (2, 40, 40, 40), generator=draw, dtype=torch.uint8) for _ in range(2))
    regions = [1, (1, 3), (1, 2, 3)]
    counts, expected = F.overlap(first.to(device), second.to(device), regions), F.overlap(first, second, regions)
    assert all(torch.equal(count.cpu(), other) for count, other in zip(counts, expected))


@pytest.fixture
def run_config(device, tmp_path):
    """Return how the config of a tiny run on the device is made."""
    tiny_cohort(tmp_path / "real", count=6)
    accelerator = f"trainer.accelerator={'gpu' if device == 'cuda' else 'cpu'}"
    return lambda *words: tiny_config(tmp_path, accelerator, *words)


def test_a_run_trains_in_the_precision_that_is_quick_and_is_scored_anew_as_before(device, run_config, tmp_path):
    cfg = run_config("trainer.precision=auto")
    train_run(cfg)
    (run,) = find_runs(cfg.paths.output)
    assert run.facts()["precision"] == quick_precision("gpu" if device == "cuda" else "cpu")
    key = ["case", "region"]
    real = run.scores().query("source == 'real'").set_index(key)["dice"].sort_index()
    again = score_cohort(run, run.cohort, cfg.paths.cache, allow_overlap=True).set_index(key)["dice"]
    assert (real - again.loc[real.index]).abs().mean() < (DICE if run.facts()["precision"] == "32-true" else HALF)


def test_batches_wait_in_pinned_memory(device, run_config):
    cfg = run_config()
    data, trainer = build_data(cfg), build_trainer(cfg)
    data.trainer = trainer
    seed_everything(0, verbose=False)
    assert next(iter(data.train_dataloader()))["image"].is_pinned() is (device == "cuda")


def test_two_ranks_score_every_case_once_and_as_one_device_does(two_devices, run_config, tmp_path):
    """In a process of its own, since the ranks begin with its command."""
    cfg = run_config()
    words = (*TINY, *two_devices, "trainer.precision=32-true", f"cases.root={tmp_path / 'real'}")
    program = [sys.executable, str(ROOT / "train.py"), *words]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    (run,) = find_runs(tmp_path / "runs")
    key = ["case", "region"]
    real = run.scores().query("source == 'real'").set_index(key)["dice"].sort_index()
    assert not real.index.has_duplicates
    again = score_cohort(run, run.cohort, cfg.paths.cache, allow_overlap=True).set_index(key)["dice"]
    assert (real - again.loc[real.index]).abs().max() < DICE


@pytest.mark.slow
def test_the_published_architecture_paints_at_full_size(device, tmp_path, record_property):
    """57.6 million weights on 192 x 192 x 144 voxels; what it took is in the report of the tests."""
    full = device == "cuda"
    shape, network = ((192, 192, 144), {}) if full else ((16, 20, 24), dict(channels=(4, 8), num_res_blocks=1))
    weights = random_weights(tmp_path / "weights.pt", **network)
    cases = tiny_cohort(tmp_path / "real", 2, shape, ("flair", "t1ce", "t1", "t2")).cases
    for path in {path for case in cases for path in case.files.values()}:  # voxels of 1 mm, as published
        Nifti1Image(np.asanyarray(load(path).dataobj), np.diag([-1.0, -1, 1, 1])).to_filename(path)
    generator = MedDDPM(weights=weights, size=shape, sampler="ddim", sampling_steps=4, **network).fit(cases)
    started = time.monotonic()
    images = generator.sample(cases[0].load_label(), np.random.default_rng(0))
    synchronised(device)
    assert all(np.isfinite(image).all() and image.shape == shape for image in images.values())
    record_property("seconds", time.monotonic() - started)
    record_property("GiB", torch.cuda.max_memory_allocated() / 2**30 if full else 0)
