"""Every option of every group composes, and what it describes can be built."""

from inspect import signature
from pathlib import Path

import pytest
from hydra.utils import get_object, instantiate
from omegaconf import OmegaConf

from helpers.configs import compose_by_hydra
from synthtrust.door import check_evaluation, check_training
from synthtrust.plugins import conf_dir

CONF = Path(conf_dir())

QUICKLY = [
    (
        "train",
        "generator=spade_gan",
        "cases=table",
        "cases.columns={label: diagnosis}",
        "cases.file='a b.csv'",
        "seed=3",
    ),
    ("train", "experiment=tstr", "model.class_weights=balanced", "trainer.accelerator=cpu", "paths.output=somewhere"),
    ("train", "experiment=demo", "regions=[ET,TC]", "regions=null", "alpha=1", "trainer.log_every_n_steps=1"),
    ("train", "+extra.key=1", "~callbacks.learning_rate", "generator.jitter=2"),
    ("evaluate", "experiment=twin_controls", "generator@calibration.generator=replay", "cases=msd", "audit=[utility]"),
]
"""What the tests compose without Hydra's whole ceremony is what Hydra composes."""


@pytest.mark.parametrize("words", QUICKLY, ids=str)
def test_a_quick_composition_is_that_of_hydra(composed, words):
    expected, got = compose_by_hydra(*words), composed(*words)
    assert OmegaConf.to_container(got) == OmegaConf.to_container(expected)
    assert OmegaConf.is_struct(got) == OmegaConf.is_struct(expected)
    got.paths.output = "elsewhere"
    assert OmegaConf.to_container(composed(*words)) == OmegaConf.to_container(expected)


MADE_OF = {  # what an option leaves open for the user to say
    "cases/brats": ["cases.root=somewhere"],
    "cases/msd": ["cases.root=somewhere"],
    "cases/nnunet": ["cases.root=somewhere"],
    "cases/medmnist": ["cases.root=somewhere"],
    "cases/table": ["cases.file=somewhere"],
    "cases/class_folders": ["cases.root=somewhere"],
    "cases/volume_table": ["cases.file=somewhere", "cases.modalities=[mri]", "cases.label_values={1:tumour}"],
    "generator/folder": ["generator.root=somewhere"],
    "generator/labelled_set": ["generator.root=somewhere"],
    "generator/bundle": ["generator.root=bundle"],
    "generator/command": ['generator.command="paint {label} {out}"'],
    "generator/neglect_group": ["generator.attribute=scanner", "generator.group=B"],
    "generator/drop_group": ["generator.attribute=scanner", "generator.group=B"],
    "generator/class_folder": ["generator.root=somewhere"],
    "generator/image_set": ["generator.root=somewhere"],
    "generator/class_table": ["generator.file=somewhere"],
    "data/images": ["model=resnet_small"],
    "experiment/onset": ["cases.root=somewhere"],
    "experiment/pneumonia": ["cases.root=somewhere"],
    "experiment/brain_mri": ["cases.file=somewhere"],
    "experiment/brats_2mm": ["cases.root=somewhere"],
    "experiment/hippocampus": ["cases.root=somewhere"],
}


def options(group):
    return sorted(path.stem for path in (CONF / group).glob("[!_]*.yaml"))


GROUPS = ("cases", "generator", "data", "model", "trainer", "callbacks", "logger", "export", "experiment")
OF_EVALUATION = ("controls", "twin_controls")
"""Experiments of evaluate.py; the others are those of train.py."""
BESIDE = {"alpha_controls": "alpha_sweep"}
"""Experiment of train.py -> the one whose runs its own lie beside."""
OPTIONS = [(group, option) for group in GROUPS for option in options(group) if option not in OF_EVALUATION]


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_composes_without_gaps(composed, group, option):
    cfg = composed("train", f"{group}={option}", "paths.output=somewhere", *MADE_OF.get(f"{group}/{option}", []))
    OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    if group == "experiment":
        assert cfg.name == BESIDE.get(option, option)
        assert cfg.steps % cfg.val_every == 0


@pytest.mark.parametrize("group", ["hydra/launcher", "hydra/sweeper"])
def test_every_engine_composes_without_its_package(group):
    for option in options(group):
        cfg = compose_by_hydra("train", f"{group}={option}", with_hydra=True)
        node = cfg.hydra[group.partition("/")[2]]
        assert str(node._target_).startswith("hydra_plugins.")


@pytest.mark.parametrize("experiment", OF_EVALUATION)
def test_every_experiment_of_an_evaluation_composes(composed, experiment):
    cfg = composed("evaluate", f"experiment={experiment}", "cases=phantom", "paths.output=somewhere")
    OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    assert cfg.name == experiment
    check_evaluation(cfg)


@pytest.mark.parametrize("experiment", OF_EVALUATION)
def test_an_experiment_that_trains_nothing_is_refused_by_train(composed, experiment):
    with pytest.raises(ValueError, match=rf"^Expected an experiment of train.py, but got {experiment}"):
        check_training(composed("train", f"experiment={experiment}"))
    check_training(composed("train", "experiment=alpha_sweep"))


def test_an_experiment_that_trains_is_refused_by_evaluate(composed):
    with pytest.raises(ValueError, match=r"^Expected an experiment of evaluate.py, .*runs=runs/alpha_sweep"):
        check_evaluation(composed("evaluate", "experiment=alpha_sweep"))
    check_evaluation(composed("evaluate", "runs=somewhere"))


@pytest.mark.parametrize("asked", [["cases=phantom"], ["cases=phantom", "experiment=controls"]], ids=str)
def test_a_condition_is_refused_where_nobody_would_look_at_it(composed, asked):
    with pytest.raises(ValueError, match=r"^Expected no fail_on, .*but got leak"):
        check_evaluation(composed("evaluate", *asked, "fail_on=leak"))
    check_evaluation(composed("evaluate", "fail_on=leak"))


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONF)))
def test_every_file_says_first_what_it_is(path):
    lines = path.read_text().splitlines()
    first = lines[1] if lines[0].startswith("# @package") else lines[0]
    assert first.startswith("# ")


SEGMENTERS = ("segresnet", "swin_unetr", "swin_unetr_small", "unet")


@pytest.mark.parametrize("model", SEGMENTERS)
def test_every_segmenter_can_be_built_for_its_patch(composed, model):
    size = "[128,128,128]" if model == "swin_unetr" else "[32,64,32]"
    cfg = composed("train", f"model={model}", f"data.patch_size={size}")
    made = instantiate(cfg.model)(in_channels=4, n_labels=4, regions={"ET": (3,)})
    made.check_size(cfg.data.patch_size)
    assert "optimizer" in made.configure_optimizers()


@pytest.mark.parametrize("model", sorted(set(options("model")) - set(SEGMENTERS)))
@pytest.mark.parametrize("size", [(32, 48), (32, 32, 48)], ids=["plane", "volume"])
def test_every_classifier_can_be_built_for_planes_and_volumes(composed, model, size):
    cfg = composed("train", f"model={model}", "data=images")
    made = instantiate(cfg.model)(channels=3, classes=["a", "b", "c", "d"], size=size)
    made.check_size(size)
    assert "optimizer" in made.configure_optimizers()


@pytest.mark.parametrize("generator", options("generator"))
def test_every_generator_can_be_built(composed, generator):
    cfg = composed("train", f"generator={generator}", *MADE_OF.get(f"generator/{generator}", []))
    assert instantiate(cfg.generator).seed == 0


EXPERIMENTS = {
    "brain_mri": ["cases.file=somewhere"],
    "pneumonia": ["cases.root=somewhere"],
    "brats_2mm": ["cases.root=somewhere"],
    "hippocampus": ["cases.root=somewhere"],
    "tstr": [],
}


@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.parametrize("generator", ["replay", "noise", "class_mixture", "brain_diffusion", "folder"])
def test_an_experiment_takes_any_generator(composed, experiment, generator):
    """What an experiment sets of its own generator must not be unknown to another."""
    chosen = MADE_OF.get(f"generator/{generator}", [])
    cfg = composed("train", f"experiment={experiment}", f"generator={generator}", *EXPERIMENTS[experiment], *chosen)
    assert instantiate(cfg.generator).seed == 0


@pytest.mark.parametrize("audit", options("audit"))
def test_every_audit_can_be_built(composed, audit):
    made = instantiate(composed("evaluate", f"audit={audit}").audit, _convert_="all")
    assert all(callable(question) for question in made.values())


@pytest.mark.parametrize("space", options("space"))
def test_a_published_network_joins_the_spaces_of_fidelity(composed, space):
    chosen = [f"space={space}", f"audit.fidelity.spaces.{space}.weights=somewhere"]
    spaces = composed("evaluate", "audit=fidelity", *chosen).audit.fidelity.spaces
    assert list(spaces)[-1] == space
    assert len(spaces) == 4
    assert instantiate(spaces[space]).weights == "somewhere"
    with pytest.raises(ValueError, match=rf"^Expected the audit of fidelity for {space}, but it is not asked"):
        check_evaluation(composed("evaluate", "audit=utility", "runs=somewhere", *chosen))


def test_evaluation_composes_with_and_without_other_cases(composed):
    assert "_target_" not in composed("evaluate", "runs=somewhere").cases
    other = composed("evaluate", "runs=somewhere", "cases=brats", "cases.root=somewhere", "cases.skip_refused=true")
    assert (other.cases.root, other.cases.skip_refused) == ("somewhere", True)


def described(node, path=""):
    """Yield what a config node and those below it describe: its place, its own keys and its target."""
    if isinstance(node, dict):
        if str(node.get("_target_")).startswith("synthtrust."):
            yield path, node, get_object(node["_target_"])
        for key, value in node.items():
            yield from described(value, f"{path}.{key}")


GIVEN = {"twins", "unpaired", "class_counts", "findings", "n_cases"}
"""Arguments with a default that the program gives, not a user."""


@pytest.mark.parametrize(
    ("command", "node", "overrides"),
    [("train", group, [f"{group}={name}"]) for group in ("cases", "generator", "data", "model")
     for name in options(group)]
    + [("train", "split", []), ("evaluate", "audit", [])]
    + [("evaluate", "calibration", [f"experiment={name}"]) for name in OF_EVALUATION],
)  # fmt: skip
def test_whatever_a_user_may_set_stands_in_the_config(composed, command, node, overrides):
    """Struct mode refuses a key that is not there, whatever documents and messages say."""
    for path, own, target in described(OmegaConf.to_container(composed(command, *overrides)[node]), node):
        known = {
            parameter.name
            for parameter in signature(target).parameters.values()
            if parameter.default is not parameter.empty
        }
        assert known - GIVEN <= own.keys(), path
