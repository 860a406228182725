"""Weights that class diffusion keeps on the way paint as the training did then, and other steps are refused."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.trainings import TINY_CLASS_DIFFUSION as TINY
from synthtrust.cases import Cohort
from synthtrust.generators import ClassDiffusion, synthesize
from synthtrust.generators.synthesis.recipe import recipe_of
from synthtrust.generators.training.loop import WriteLoss
from synthtrust.refusals import Refusal
from synthtrust.testing import tiny_classes


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return tiny_classes(tmp_path_factory.mktemp("real"), count=8).cases


def sample(generator):
    return generator.sample(0, np.random.default_rng(0))["grey"]


@pytest.fixture(scope="module")
def of_steps(cases, tmp_path_factory):
    """Return the sets that one training of three steps paints at steps 1 and 2, and their root."""
    root = tmp_path_factory.mktemp("sets")
    cohort = Cohort("tiny", tuple(cases), ("grey",), {"a": 0, "b": 1}, "none")
    kept = ClassDiffusion(**TINY, keep_steps=[1, 2], step=1)
    sets = [synthesize(generator, cohort, cases, cases[:2], root) for generator in (kept, replace(kept, step=2))]
    return sets, root


def test_sets_of_several_steps_are_painted_by_one_training(of_steps):
    sets, root = of_steps
    (home,) = root.glob(".ClassDiffusion-*.fit")
    assert [path.name for path in sorted((home / "steps").iterdir())] == ["step_000001.ckpt", "step_000002.ckpt"]
    assert len((home / "loss.csv").read_text().splitlines()) == 1 + TINY["max_steps"]
    assert not any((one.folder / ".fit").exists() for one in sets)
    first, second = (one.cases[0].load_image("grey") for one in sets)
    assert (first != second).any()


def test_a_kept_step_paints_as_a_training_did_then(cases, tmp_path, monkeypatch):
    """The averaged weights of step 2, seen on the way, are those that are kept."""
    seen = {}

    def watch(self, trainer, module, *args):
        seen[trainer.global_step] = copy.deepcopy(module.average.state_dict())
        write(self, trainer, module, *args)

    write = WriteLoss.on_train_batch_end
    monkeypatch.setattr(WriteLoss, "on_train_batch_end", watch)
    generator = ClassDiffusion(**TINY, keep_steps=(2,), step=2).work_in(tmp_path).fit(cases)
    assert all(torch.equal(value, seen[2][name]) for name, value in generator.network_.state_dict().items())
    again = ClassDiffusion(**TINY, keep_steps=(2,)).work_in(tmp_path).fit(cases)
    assert all(torch.equal(value, seen[3][name]) for name, value in again.network_.state_dict().items())


def test_steps_that_are_not_asked_for_leave_older_sets_as_they_are(cases):
    recipe = recipe_of(ClassDiffusion(**TINY), cases, cases)
    assert not {"step", "keep_steps"} & recipe["parameters"].keys()
    assert recipe_of(ClassDiffusion(**TINY, keep_steps=[1], step=1), cases, cases)["parameters"]["step"] == 1


def test_a_step_that_was_removed_is_named(cases, tmp_path):
    generator = ClassDiffusion(**TINY, keep_steps=(1,), step=1)
    generator.work_in(tmp_path).fit(cases)
    (tmp_path / "steps" / "step_000001.ckpt").unlink()
    with pytest.raises(Refusal, match=r"^Expected weights of step 1, .*Remove .* and train again\.$"):
        ClassDiffusion(**TINY, keep_steps=(1,), step=1).work_in(tmp_path).fit(cases)


def test_a_step_that_was_kept_paints_though_the_training_never_ended(cases, tmp_path, monkeypatch):
    generator = ClassDiffusion(**TINY, keep_steps=(1,), step=1)
    expected = sample(copy.deepcopy(generator).work_in(tmp_path).fit(cases))
    (tmp_path / "last.ckpt").unlink()
    monkeypatch.setattr("synthtrust.generators.class_diffusion.generator.train", None)  # nothing is trained again
    np.testing.assert_array_equal(sample(copy.deepcopy(generator).work_in(tmp_path).fit(cases)), expected)
    with pytest.raises(TypeError):  # of another training
        replace(generator, lr=1.0).work_in(tmp_path).fit(cases)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (dict(step=2), r"generator.keep_steps=\[\], but got 2"),
        (dict(step=3, keep_steps=(1, 2)), r"generator.keep_steps=\[1, 2\], but got 3"),
        (dict(keep_steps=(2, 1)), r"that rise, up to max_steps=3, .*but got \[2, 1\]"),
        (dict(keep_steps=(1, 1)), "that rise"),
        (dict(keep_steps=(1, 4)), "up to max_steps=3"),
        (dict(keep_steps=()), r"but got \[\]"),
        (dict(keep_steps=(0, 1)), r"but got \[0, 1\]"),
    ],
)
def test_steps_that_a_training_does_not_have_are_refused(wrong, message):
    with pytest.raises(Refusal, match=message):
        ClassDiffusion(**TINY, **wrong)
