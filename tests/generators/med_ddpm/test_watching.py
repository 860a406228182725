"""A training of Med-DDPM can be watched without changing it, stops when it diverges, and takes several devices."""

from types import SimpleNamespace

import matplotlib.image as mpimg
import numpy as np
import pytest
import torch
from lightning import Callback
from lightning.pytorch.loggers import WandbLogger

from synthtrust.generators.brain.diffusion_painter import PAINTING_FIELDS
from synthtrust.generators.brain.noised_volumes import NoisedVolumes
from synthtrust.generators.brain.picture import draw_beside
from synthtrust.generators.med_ddpm import MedDDPM
from synthtrust.generators.med_ddpm import training as training_module
from synthtrust.generators.synthesis.recipe import recipe_of
from synthtrust.generators.training.device import own_device
from synthtrust.generators.training.fit_environment import training_key
from synthtrust.generators.training.loop import read_last
from synthtrust.testing import tiny_cases

TINY = dict(
    channels=(4, 8), num_res_blocks=1, size=None, timesteps=10, sampler="ddim", sampling_steps=3, max_steps=4,
    accumulate=1, lr=1e-3, intensity_percentile=99.8,
)  # fmt: skip


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return tiny_cases(tmp_path_factory.mktemp("real"), count=3)


@pytest.fixture(scope="module")
def unseen(cases, tmp_path_factory):
    """Return the folder of a training that nobody watched."""
    home = tmp_path_factory.mktemp("unseen")
    MedDDPM(**TINY).work_in(home).fit(cases)
    return home


@pytest.fixture(scope="module")
def watched(cases, tmp_path_factory):
    """Return the folder of the same training, drawn every two steps and told to wandb, and what wandb heard."""
    home, run = tmp_path_factory.mktemp("watched"), Tracked()
    logger = WandbLogger(experiment=run)
    MedDDPM(**TINY, sample_every=2).work_in(home).show_to([logger]).fit(cases)
    return home, run


def weights(home):
    return read_last(home)["state_dict"]


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name, weight in first.items():
        torch.testing.assert_close(weight, second[name], rtol=0, atol=0)


class Listener:
    """Stands for a logger of any kind."""

    def __init__(self):
        self.heard = []

    def log_metrics(self, metrics, step=None):
        self.heard.append((step, metrics))


class Tracked:
    """Stands for a wandb run."""

    def __init__(self):
        self.heard, self.axes = [], {}

    def log(self, metrics):
        self.heard.append(metrics)

    def define_metric(self, name, step_metric=None):
        self.axes[name] = step_metric


def test_samples_on_the_way_are_drawn_and_change_no_weight(unseen, watched):
    home, _ = watched
    assert_same(weights(unseen), weights(home))
    pictures = sorted((home / "samples").iterdir())
    assert [path.name for path in pictures] == [f"step_00000{step}.png" for step in (2, 4)]
    first, last = (mpimg.imread(path)[..., :3] for path in (pictures[0], pictures[-1]))
    half = first.shape[0] // 2
    assert np.abs(first[half:] - last[half:]).max() > 0.05, "what is painted changes with the training"


def test_how_often_samples_are_drawn_is_part_of_neither_recipe_nor_checkpoint(cases):
    plain, watched = MedDDPM(**TINY), MedDDPM(**TINY, sample_every=2)
    assert recipe_of(plain, cases, cases) == recipe_of(watched, cases, cases)
    assert training_key(plain, cases, PAINTING_FIELDS) == training_key(watched, cases, PAINTING_FIELDS)


def test_another_training_removes_the_pictures_of_the_first(cases, tmp_path):
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "step_000002.png").write_text("")
    torch.save({"global_step": 1, "synthtrust": {"key": "another"}}, tmp_path / "last.ckpt")
    MedDDPM(**TINY | dict(max_steps=1)).work_in(tmp_path).fit(cases)
    assert not (tmp_path / "samples").exists()


def test_any_logger_hears_the_losses_that_the_table_has(cases, tmp_path):
    listener = Listener()
    MedDDPM(**TINY | dict(accumulate=2, max_steps=3)).work_in(tmp_path).show_to([listener]).fit(cases)
    rows = [line.split(",") for line in (tmp_path / "loss.csv").read_text().splitlines()[1:]]
    assert [step for step, _ in listener.heard] == [int(step) for step, _ in rows] == [1, 2, 3]
    for (_, metrics), (_, loss) in zip(listener.heard, rows, strict=True):
        assert metrics["generator/loss"] == pytest.approx(float(loss), abs=1e-6)


def test_wandb_sees_losses_and_pictures_over_the_generators_own_steps(watched):
    """Its run's own steps begin anew when the segmenter is trained: what falls behind would be dropped."""
    _, run = watched
    assert run.axes == {"generator/step": None, "generator/*": "generator/step"}
    assert [heard["generator/step"] for heard in run.heard if "generator/loss" in heard] == [1, 2, 3, 4]
    assert len([heard for heard in run.heard if "generator/sample" in heard]) == 2
    assert not [heard for heard in run.heard if "trainer/global_step" in heard]


def test_a_loss_that_is_not_finite_stops_the_training_and_the_last_good_checkpoint_goes_on(
    cases, unseen, tmp_path, monkeypatch
):
    drawn = NoisedVolumes.drawn

    def ruined(self, rng, shape):
        example = drawn(self, rng, shape)
        ruined.draws += 1
        return example | ({"noise": example["noise"] * np.nan} if ruined.draws == 3 else {})

    ruined.draws = 0
    monkeypatch.setattr(NoisedVolumes, "drawn", ruined)
    with pytest.raises(ValueError, match=r"got a loss of nan at step 3 of .*; last\.ckpt of step 2 stays") as error:
        MedDDPM(**TINY).work_in(tmp_path).fit(cases)
    assert "\n" not in str(error.value)
    monkeypatch.setattr(NoisedVolumes, "drawn", drawn)
    assert read_last(tmp_path)["global_step"] == 2
    MedDDPM(**TINY).work_in(tmp_path).fit(cases)
    assert_same(weights(unseen), weights(tmp_path))


def test_ruined_weights_never_take_the_place_of_good_ones(cases, tmp_path, monkeypatch):
    """A finite loss may have a gradient that is not: it shows in the next loss, when it has been saved."""
    step = training_module.NoiseLearner.optimizer_step

    def exploding(self, *args, **kwargs):
        step(self, *args, **kwargs)
        if self.updates == 2:
            next(self.network.parameters()).data.fill_(torch.inf)

    monkeypatch.setattr(training_module.NoiseLearner, "optimizer_step", exploding)
    with pytest.raises(ValueError, match=r"got weights that are not at step 2 .*; last\.ckpt of step 1 stays"):
        MedDDPM(**TINY).work_in(tmp_path).fit(cases)
    assert all(torch.isfinite(weight).all() for weight in weights(tmp_path).values())


def test_a_picture_shows_the_real_case_above_and_the_painting_below(cases, tmp_path):
    real = {name: cases[0].load_image(name) for name in cases[0].images}
    dark = {name: np.where(cases[0].load_label() > 0, image, 0) for name, image in real.items()}
    for name, painted in (("same", real), ("dark", dark)):
        draw_beside(cases[0], painted, "step 1", tmp_path / f"{name}.png")
    same, other = (mpimg.imread(tmp_path / f"{name}.png")[..., :3] for name in ("same", "dark"))
    assert same.shape == other.shape
    half = same.shape[0] // 2
    np.testing.assert_array_equal(same[:half], other[:half])
    assert other[half:].mean() < 0.8 * same[half:].mean()
    coloured = np.ptp(same, axis=-1) > 0.2  # outlines are the only colour
    assert coloured[:half].sum() > 100
    assert coloured[half:].sum() > 100


def test_each_rank_paints_on_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert own_device() == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    monkeypatch.setenv("SLURM_LOCALID", "1")
    assert own_device() == torch.device("cuda", 1)
    monkeypatch.setenv("LOCAL_RANK", "2")  # more ranks than GPUs share them
    assert own_device() == torch.device("cuda", 0)


class Diary(Callback):
    """Leaves what each rank ends with; pickled into the processes of the training."""

    def __init__(self, folder):
        self.folder = folder

    def on_train_end(self, trainer, pl_module):
        torch.save(pl_module.state_dict(), self.folder / f"rank_{trainer.global_rank}.pt")


@pytest.mark.slow
def test_two_devices_train_together_and_end_with_the_same_weights(cases, tmp_path, monkeypatch):
    settings = MedDDPM(**TINY | dict(devices=2, max_steps=3), sample_every=2)
    diary = SimpleNamespace(watchers=settings._watchers)
    monkeypatch.setattr(
        MedDDPM, "_watchers", lambda _, *args, **kwargs: [*diary.watchers(*args, **kwargs), Diary(tmp_path)]
    )
    settings.work_in(tmp_path / "home").fit(cases)
    first, second = (torch.load(tmp_path / f"rank_{rank}.pt") for rank in (0, 1))
    assert_same(first, second)
    assert_same(first, weights(tmp_path / "home"))
    assert (tmp_path / "home" / "samples" / "step_000002.png").exists()
    assert settings.sample(cases[0].load_label(), np.random.default_rng(0))["flair"].max() > 0
