"""`auto` is the precision that is quick on the machine, and stays that of a run and of its sweep on every other."""

import logging

import pytest
from omegaconf import OmegaConf

from synthtrust.runs import Run, train_run
from synthtrust.runs.precision import settled
from synthtrust.testing import tiny_cohort


@pytest.fixture
def configure(composed, tmp_path):
    """Compose the config of a run on the machine's processor."""
    return lambda *overrides: composed("train", "trainer=cpu", f"paths.runs={tmp_path / 'runs'}", *overrides)


def begin(cfg, folder):
    """Leave in its folder what of the config of a run that was begun is looked at."""
    folder.mkdir(parents=True)
    generator = OmegaConf.to_container(cfg.generator, resolve=True)
    config = {"trainer": {"precision": cfg.trainer.precision}, "generator": generator}
    OmegaConf.save(OmegaConf.create(config), folder / "config.yaml")


def test_what_is_quick_is_chosen_and_logged_and_the_config_left_as_it_was(configure, quick, tmp_path, caplog):
    cfg = configure()
    for precision in ("bf16-mixed", "32-true"):
        quick(precision)
        with caplog.at_level(logging.INFO):
            assert settled(cfg, tmp_path / "run").trainer.precision == precision
        assert caplog.messages.pop() == f"Precision: {precision}"
    assert cfg.trainer.precision == "auto"


def test_a_precision_that_is_asked_for_is_taken(configure, quick, tmp_path):
    quick("bf16-mixed")
    begin(settled(configure(), tmp_path / "run"), tmp_path / "run")
    asked = configure("trainer.precision=32-true")
    assert settled(asked, tmp_path / "run").trainer.precision == "32-true"
    assert settled(asked, tmp_path / "other").trainer.precision == "32-true"


@pytest.mark.parametrize("name", ["begun", "beside"])
def test_a_run_and_its_sweep_keep_their_precision_on_another_machine(configure, quick, tmp_path, caplog, name):
    quick("bf16-mixed")
    begin(settled(configure(), tmp_path / "sweep" / "begun"), tmp_path / "sweep" / "begun")
    quick("32-true")
    assert settled(configure(), tmp_path / "sweep" / name).trainer.precision == "bf16-mixed"
    assert caplog.messages[-1] == "On this machine 32-true would be quicker."
    assert settled(configure(), tmp_path / "another" / name).trainer.precision == "32-true"


def test_the_set_of_a_run_that_names_its_generators_precision_is_still_its_set(configure, tmp_path):
    older, newer = (configure("generator=brain_diffusion", *more) for more in (["generator.precision=bf16-mixed"], []))
    assert newer.generator.precision == "auto"
    begin(older, tmp_path / "sweep" / "begun")
    assert settled(newer, tmp_path / "sweep" / "begun").generator == older.generator
    assert settled(newer, tmp_path / "elsewhere" / "begun").generator.precision == "auto"
    other = configure("generator=spade_gan_small")
    assert settled(other, tmp_path / "sweep" / "begun").generator.precision == "auto"


def test_a_run_says_its_precision_goes_on_in_it_and_is_found_by_any_machine(composed, quick, tmp_path):
    tiny_cohort(tmp_path / "real", count=6)
    overrides = (
        "trainer=cpu", "cases=brats", "cases.modalities=[flair,t1ce]", f"cases.root={tmp_path / 'real'}", "model=unet",
        "model.net.channels=[4,8]", "model.net.strides=[2]", "data.patch_size=[8,8,8]", "steps=2", "val_every=1",
        "split.test=2", "split.val=1", "trainer.enable_progress_bar=false", f"paths.synthetic={tmp_path / 'synthetic'}",
        f"paths.cache={tmp_path / 'cache'}", f"paths.output={tmp_path / 'runs' / 'run'}",
    )  # fmt: skip
    run = Run(tmp_path / "runs" / "run")
    quick("32-true")
    value = train_run(composed("train", *overrides))
    facts = run.facts()
    assert facts["precision"] == facts["training"]["trainer"]["precision"] == run.config.trainer.precision == "32-true"
    quick("bf16-mixed")
    assert train_run(composed("train", *overrides)) == value  # found
    (run.folder / "run.json").unlink()
    train_run(composed("train", *overrides))  # resumed
    assert Run(run.folder).facts()["precision"] == "32-true"
    with pytest.raises(ValueError, match="holds a run with another trainer"):
        train_run(composed("train", *overrides, "trainer.precision=bf16-mixed"))
