"""What can be refused is refused at the door: in one line, before anything heavy is imported, and nothing is left."""

import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from helpers.commands import ROOT, knock, refusal, run_here
from synthtrust.door import gpu, kinds
from synthtrust.door.names import groups, leaves, options_of
from synthtrust.door.rules import RULES

pytestmark = pytest.mark.usefixtures("elsewhere")

SLICES = ("cases=phantom_slices",)
CLASSES = ("cases=phantom_slices", "generator=class_mixture", "data=images", "model=resnet_small")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["alpha=1.5"], "Expected `alpha`, the share of real cases, in [0, 1], but got 1.5."),
        (["alpha=half"], "Expected a number for `alpha`, but got 'half'."),
        (["steps=5"], "Expected steps to be a multiple of val_every=100, but got 5."),
        (["steps=0"], "Expected steps to be a whole number of at least 1, but got 0."),
        (["seed=-1"], "Expected seed to be a whole number from 0 to"),
        (["data.mode=complment"], "but got 'complment'. Did you mean complement?"),
        (["data.val=reel"], "Expected data.val among mix, real, synthetic, but got 'reel'. Did you mean real?"),
        (["data.val=real"], "Expected data.val=mix or synthetic at alpha=0.5"),
        (["data.mode=confounded"], "Expected data.confounder=LABEL for data.mode=confounded of cases with label maps"),
        (["data.confounder=ET"], "Expected data.mode=confounded for data.confounder=ET, but got data.mode=complement"),
        (["data.confounder=7"], "Expected data.confounder to be a label, such as ET, or null, but got 7."),
        ([*CLASSES, "data.mode=confounded", "data.n_synthetic=9"], "Expected data.n_synthetic=null for data.mode=conf"),
        (["duplicates=dorp"], "Did you mean drop?"),
        (["allow_overlap=exclud"], "Did you mean exclude?"),
        (["regions=ET"], "Expected regions to be a list of regions, such as [ET, TC, WT], or null, but got 'ET'."),
        (["surfaces.tolerance=0"], "Expected surfaces.tolerance to be a distance above 0 mm, or one for each region"),
        (["surfaces.tolerance={ET:0}"], "Expected surfaces.tolerance to be a distance above 0 mm"),
        (["split.test=1.5"], "Expected split.test to be a share (below 1) or a whole number of patients"),
        (["track.pictures_every=30"], "Expected track.pictures_every to be a multiple of val_every=100"),
        (["wait=soon"], "Expected wait among true, false, but got 'soon'."),
        (["threads=0"], "Expected threads to be a whole number of at least 1, or null, but got 0."),
        (["cases=brats"], "Expected a value for cases.root, but got none."),
        (["cases=brats", "cases.root=nowhere"], "Expected a file or folder at cases.root, but 'nowhere'"),
        (["cases=brats", f"cases.root={ROOT / 'sorc'}"], f"Did you mean {ROOT / 'src'}?"),
        (["cases=brats", f"cases.root={ROOT / 'dosc' / 'images'}"], f"Did you mean {ROOT / 'docs' / 'images'}?"),
        (["generator=med_ddpm", "generator.weights=gone.pt"], "at generator.weights, but 'gone.pt' does not exist"),
        (["generator=med_ddpm", "generator.lr=0"], "Expected generator.lr to be a number above 0, or null, but got 0."),
        (["generator=spade_gan", "generator.channels=[0]"], "Expected generator.channels to be whole numbers, each"),
        ([*CLASSES, "generator.size=48"], "Expected generator.size to be a list of side lengths, such as [48, 48]"),
        (["cases=brats", "cases.root=s3://bucket/brats"], "the address 's3://bucket/brats'. Mount it"),
        (["paths.runs=gs://bucket/runs"], "Expected the path of a file or folder at paths.runs, but got the address"),
        (["cases.verify=always"], "Expected cases.verify among true, false, but got 'always'."),
        (["cases.exclude=nobody.csv"], "Expected a file or folder at cases.exclude, but 'nobody.csv' does not exist."),
        (["cases.exclude=7"], "Expected cases.exclude to be ids in brackets, or a text or CSV file with them, or null"),
        (
            ["cases.save_refused=true"],
            "Expected cases.save_refused to be the name of a CSV file, or null, but got True.",
        ),
        (["cases.shape=48"], "Expected cases.shape to be a list, such as [48, 56, 44], but got 48."),
        (["generator.jitter=much"], "Expected generator.jitter to be a number, such as 1.0, but got much."),
        (["model=resnet_small"], "Expected model and data for one task, but got a model for classification"),
        ([*CLASSES, "cases=phantom"], "Expected cases for classification, as model and data are"),
        ([*CLASSES, "generator=tissue"], "Expected a generator for classification, as model and data are"),
        (["trainer.accelerator=gpuu"], "Did you mean gpu?"),
        (
            ["trainer=ddp", "trainer.strategy=ddp_spawn"],
            "Use trainer.strategy=ddp, by a command and not in a notebook.",
        ),
        (["trainer.strategy=ddp_fork_find_unused_parameters_false"], "Expected trainer.strategy=auto or ddp, whose"),
        (["trainer.strategy={_target_: lightning.pytorch.strategies.DDPStrategy, start_method: fork}"], "whose ranks"),
        (["trainer.strategy=fsdp"], "which give each rank the whole network, but got fsdp"),
        (["trainer.strategy={_target_: lightning.pytorch.strategies.ModelParallelStrategy}"], "the whole network"),
        (["trainer.strategy=dpp"], "but got dpp. Did you mean ddp?"),
        (["trainer.precision=bf16-mixd"], "Did you mean bf16-mixed?"),
        (["generator=med_ddpm", "generator.precision=32-tru"], "Did you mean 32-true?"),
        (["cases.exclude=gone.csv"], "Expected a file or folder at cases.exclude, but 'gone.csv' does not exist."),
        (["experiment=controls"], "Expected an experiment of train.py, but got controls"),
        (
            [*CLASSES, "export=nnunet"],
            "Expected cases with label maps for export=nnunet, but got data for classification",
        ),
        (["export=nnunet", "data.mode=duplicate_real"], "since nnU-Net draws all cases equally often, but got"),
        (["export=nnunet", "export.first_id=1000"], "Expected export.first_id to be a whole number from 1 to 999"),
        (["export=nnunett"], "Expected an option of export, but got nnunett. Did you mean nnunet?"),
        (["aplha=0.5"], "Expected a key of the config, but got aplha. Did you mean alpha?"),
        (["data.pach_size=[8,8,8]"], "but got data.pach_size. Did you mean data.patch_size?"),
        (["expriment=demo"], "Did you mean experiment?"),
        (["generator.size=[48,48]"], "It is one of generator=brain_diffusion,"),
        (["model=unett"], "Expected an option of model, but got unett. Did you mean unet?"),
        (["alpha=0,1"], "To sweep over it, add --multirun"),
        (["alpha=[0"], "Error in the configuration"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_config_that_cannot_work_is_refused_in_one_line(elsewhere, words, line):
    refused = refusal("train.py", *words)
    assert line in refused
    assert len(refused.splitlines()) == 1
    assert "+aplha" not in refused
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["fail_on=leek"], "Expected fail_on among ['leak', 'unassessed', 'utility', 'fidelity'], but got ['leek']."),
        (["runs=nowhere"], "Expected finished runs in nowhere, but found none."),
        (["runs=['s3://bucket/runs']"], "at runs, but got the address 's3://bucket/runs'. Mount it"),
        (["runs=[nowhere,elsewhere]"], "Expected finished runs in nowhere"),
        (["audit=[utilty]"], "Expected an option of audit, but got utilty. Did you mean utility?"),
        (["cases=brats", "cases.root=nowhere"], "Expected a file or folder at cases.root"),
        (["experiment=controls"], "Expected real cases to plant copies in, but got none."),
        (["pictures=-1"], "Expected pictures to be a whole number of at least 0, but got -1."),
        (["pictures_predicted=maybe"], "Expected pictures_predicted to be true or false, such as true, but"),
        (["audit.privacy.exact=maybe"], "Expected audit.privacy.exact to be true or false, such as false"),
        (["trustd=true"], "Did you mean trusted?"),
        (["predictions=nowhere"], "Expected a file or folder at predictions, but 'nowhere' does not exist."),
        (
            ["predictions=runs"],
            "Expected exported mixes in runs, but found none. Write some with train.py export=nnunet",
        ),
        (["predictions=runs", "cases=phantom"], "Expected predictions for exported mixes alone"),
        (["predictions=runs", "experiment=plan"], "Expected predictions for exported mixes alone"),
    ],
    ids=str,
)
def test_an_evaluation_that_cannot_work_is_refused_in_one_line(elsewhere, words, line):
    if not line.startswith("Expected finished"):
        leave_a_run(elsewhere / "runs" / "one")
    refused = refusal("evaluate.py", *words)
    assert line in refused
    assert len(refused.splitlines()) == 1


def leave_a_run(folder):
    folder.mkdir(parents=True)
    for name in ("run.json", "scores.csv"):
        (folder / name).touch()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["experiment=onset", *SLICES, "generator.step=125,300"],
            "keep_steps=[125, 250, 500, 1000, 2000], but got 300.",
        ),
        (["experiment=onset", *SLICES, "generator=late_copies", "generator.step=1,9"], "2000], but got 1. This is of"),
        (
            ["experiment=onset", *SLICES, "generator.keep_steps=[250,125]"],
            "to be whole numbers that rise, up to max_st",
        ),
        (["alpha=0,2"], "but got 2. This is of the sweep's job #1 (alpha=2); none was begun."),
        (["aplha=0,1"], "Did you mean alpha?"),
        (["alpha=0,1", "data.mode=real_only"], "Expected alpha above 0 for data.mode=real_only"),
        (["model=unet,unett"], "Did you mean unet?"),
        (["experiment=alpha_sweep", "data.val=real"], "job #0 (alpha=0.0 seed=0 experiment=alpha_sweep data.val=real)"),
        (["model=unet,segresnet"], "jobs #0 (model=unet) and #1 (model=segresnet) both go to runs/train/alpha_0.5_"),
        (["alpha=0,0.0"], "Expected a folder for each job of the sweep"),
    ],
    ids=str,
)
def test_a_sweep_is_refused_before_its_first_job(elsewhere, words, line):
    refused = refusal("train.py", *words, "-m")
    assert line in refused
    assert len(refused.splitlines()) == 1
    assert not list(elsewhere.iterdir())


def test_the_jobs_at_the_door_are_those_that_hydra_would_compose(elsewhere):
    words = ("experiment=tstr", "+extra=1", "seed=0,1")
    for plus in (words, [word for word in words if not word.startswith("+")]):
        jobs = knock("train.py", *plus, "-m")
        assert [(job.alpha, job.seed) for job in jobs] == [(0.0, 0), (0.0, 1), (1.0, 0), (1.0, 1)]
        for job in jobs:
            (alone,) = knock("train.py", *job.hydra.overrides.task)
            swept, single = (OmegaConf.to_container(config) for config in (job, alone))
            del swept["hydra"], single["hydra"]
            assert swept == single


@pytest.mark.parametrize("script", ["train.py", "evaluate.py"])
def test_a_refused_command_imports_nothing_heavy_and_leaves_nothing(elsewhere, script):
    words = {"train.py": "data.mode=complment", "evaluate.py": "fail_on=leek"}[script]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", str(ROOT / script), words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "hydra" in imported
    assert not imported & {"torch", "lightning", "monai", "pandas", "numpy", "nibabel"}
    lines = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert [line.partition(":")[0] for line in lines] == ["Error"]
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize(
    "option", [f"{group}={name}" for group in ("cases", "generator") for name in options_of(group)]
)
def test_no_default_takes_a_value_of_another_kind(composed, option):
    cfg = composed("train", option)
    for key, default in leaves(OmegaConf.to_container(cfg)):
        wrong = {bool: "maybe", int: "many", float: [1.0], list: 48}.get(type(default))
        if key.partition(".")[0] in kinds.CHECKED and key not in RULES and wrong is not None:
            if any(part in kinds.OTHERS for part in key.split(".")):
                continue
            changed = cfg.copy()
            OmegaConf.update(changed, key, wrong)
            with pytest.raises(
                ValueError, match=rf"^Expected {key} to be .*, but got {wrong if wrong != [1.0] else ''}"
            ):
                kinds.check_kinds(changed, cfg)
    kinds.check_kinds(cfg, cfg)


@pytest.mark.parametrize(
    ("there", "words", "line"),
    [
        (0, ["trainer=gpu"], "Expected 1 GPU for trainer.accelerator=gpu, but PyTorch can use none here."),
        (1, ["trainer=gpu", "trainer.devices=2"], "Expected 2 GPUs"),
        (1, ["trainer=gpu"], ""),
        (None, ["trainer=gpu", "trainer.devices=8"], ""),  # only PyTorch can tell
        (0, ["trainer=cpu"], ""),
    ],
)
def test_a_gpu_that_is_not_there_is_refused(monkeypatch, there, words, line):
    monkeypatch.setattr("synthtrust.door.training.count_gpus", lambda: there)
    refused = refusal("train.py", *words)
    assert line in refused
    assert bool(refused) == bool(line)


def test_gpus_are_counted_as_far_as_they_may_be_seen(monkeypatch):
    monkeypatch.setattr(gpu, "version", lambda package: "2.8.0")
    monkeypatch.setattr(gpu, "OTHER_DRIVERS", ())
    monkeypatch.setattr(gpu.platform, "system", lambda: "Linux")
    monkeypatch.setattr(gpu, "_count_nvidia", lambda: 4)
    for visible, expected in ((None, 4), ("", 0), ("-1", 0), ("2,3", 2)):
        if visible is None:
            monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        else:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert gpu.count_gpus() == expected
    monkeypatch.setattr(gpu, "version", lambda package: "2.8.0+cpu")
    assert gpu.count_gpus() == 0


def test_what_the_cases_alone_can_tell_leaves_nothing_either(elsewhere, tmp_path):
    (tmp_path / "cases.csv").write_text("case_id,image,label\n")
    words = (*CLASSES, "cases=table", f"cases.file={tmp_path / 'cases.csv'}", "cases.columns={label: diagnosis}")
    refused = run_here("train.py", *words, "trainer.accelerator=cpu")
    assert refused.startswith("Error: Expected columns ['diagnosis']")
    assert not list(elsewhere.iterdir())


def test_every_group_has_options():
    assert {"model", "cases", "experiment"} <= set(groups())
