"""Hyper-parameters are chosen on validation cases, the same in every trial, and never on test cases."""

import pytest
import yaml

from helpers.commands import knock, refusal
from synthtrust.door.choosing import swept_keys, what_was_chosen

OPTUNA = ("hydra/sweeper=optuna_tpe", "alpha=1", "seed=0")
RATE = "model.optimizer.lr=tag(log,interval(0.0001,0.01))"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Stand in an empty folder on a machine that has Optuna."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("synthtrust.door.engines.is_installed", lambda module: True)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "Expected stage=validate for hydra/sweeper=optuna_tpe, which chooses by what its runs return"),
        (["stage=prepare"], "but got stage=prepare"),
        (["stage=validate", "hydra.sweeper.direction=minimize"], "Expected hydra.sweeper.direction=maximize"),
        (["stage=validate", "alpha=choice(0.0,1.0)"], "Expected one value of alpha in all trials"),
        (["stage=validate", "generator.jitter=interval(0.5,2)"], "Expected one value of generator.jitter"),
        (["stage=validate", "split.seed=range(0,3)"], "Expected one value of split.seed"),
        (["stage=validate", "hydra.sweeper.params={data.val: 'choice(mix,real)'}"], "Expected one value of data.val"),
        (["stage=validate", "val_every=3"], "Expected steps to be a multiple of val_every=3"),
    ],
    ids=str,
)
def test_a_choice_that_would_not_be_fair_is_refused(words, line):
    assert line in refusal("train.py", *OPTUNA, RATE, *words, "-m")


def test_hyper_parameters_of_the_training_may_be_chosen_also_in_an_experiment_whose_own_sweep_is_settled():
    words = (*OPTUNA, RATE, "experiment=alpha_sweep", "model=choice(unet,segresnet)", "data.batch_size=choice(1,2)")
    assert refusal("train.py", *words, "stage=validate", "-m") == ""


def test_the_best_trial_is_named_with_the_command_that_tests_it(elsewhere, monkeypatch):
    seen = []
    monkeypatch.setattr("synthtrust.door.callback.check_choosing", seen.append)
    knock("train.py", *OPTUNA, RATE, "stage=validate", "model=unet", "-m")
    (config,) = seen
    assert swept_keys(config) == ["model.optimizer.lr"]
    assert what_was_chosen(config) == ""
    results = elsewhere / "runs" / "train" / "optimization_results.yaml"
    results.parent.mkdir(parents=True)
    results.write_text(yaml.safe_dump({"best_params": {"model.optimizer.lr": 0.002}, "best_value": 0.71}))
    monkeypatch.setattr("sys.argv", ["train.py", "-m"])
    assert what_was_chosen(config) == (
        "Best on validation cases, 0.7100: model.optimizer.lr=0.002. To test it, once: python train.py alpha=1 seed=0 "
        "model=unet model.optimizer.lr=0.002"
    )
