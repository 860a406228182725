"""One run on tiny cases: found when finished, resumed exactly when cut short, refused when it cannot work."""

import json
import shutil
from itertools import chain
from pathlib import Path

import pandas as pd
import pytest
import torch
from lightning import Trainer
from lightning.pytorch.callbacks import Timer
from omegaconf import OmegaConf

from helpers.wandb_offline import offline_records
from synthtrust.cases import CaseError
from synthtrust.metrics import functional as F  # noqa: N812
from synthtrust.metrics.functional import dice_from_counts
from synthtrust.refusals import Refusal
from synthtrust.runs import Run, build_data, build_model, find_runs, score_cohort, train_run
from synthtrust.runs.config_identity import DECISIVE, identity


def weights(run):
    return torch.load(run.last, weights_only=True)["state_dict"]


def test_a_run_describes_itself(finished):
    cfg, value = finished
    (run,) = find_runs(cfg.paths.output)
    scores = run.scores()
    assert list(scores.columns) == [
        "alpha", "seed", "mode", "case", "patient", "source", "region", "dice", "n_reference", "n_prediction", "hd95",
        "surface_dice", "lesion_dice", "lesion_hd95", "n_lesions", "n_found", "n_false_positives",
    ]  # fmt: skip
    assert len(scores) == 2 * 2 * 3  # cases, sources, regions
    assert scores["dice"].between(0, 1).all()
    assert value == pytest.approx(scores.loc[scores["source"] == "real", "dice"].mean())
    assert sorted(scores["case"].unique()) == run.data()["splits"]["test"]
    drawn = run.data()["drawn"]["train"]
    assert (len(drawn["real"]), len(drawn["synthetic"])) == (2, 1)  # round(0.5 * 3) is 2
    assert OmegaConf.to_yaml(run.config) == OmegaConf.to_yaml(cfg, resolve=True)
    facts = run.facts()
    assert (facts["task"], facts["val"], facts["patch_size"]) == ("segmentation", "mix", [8, 8, 8])
    assert (facts["steps"], facts["network"], facts["labels"]) == (4, "UNet", {"NCR": 1, "ED": 2, "ET": 3})
    assert (facts["overlap"]["status"], facts["overlap"]["clean"]) == ("none", run.data()["splits"]["test"])
    assert run.twin(scores["case"][0]).load_image("flair").shape == run.real_case(scores["case"][0]).load_label().shape
    assert set(run.volumes()["part"]) == {"train", "val", "test"}
    curves = pd.read_csv(run.folder / "logs" / "version_0" / "metrics.csv")
    assert curves[["val/score", "val/dice_ET"]].notna().sum().tolist() == [2, 2]


def test_the_trust_factors_of_validation_pairs_are_logged_and_decide_nothing(configure):
    plain, paired = (configure("split.val=2", f"data.val_pairs={word}", name=word) for word in ("false", "true"))
    assert train_run(plain) == train_run(paired)
    first, second = identity(plain), identity(paired)
    assert all(first[part] == second[part] for part in DECISIVE)
    runs = [find_runs(cfg.paths.output)[0] for cfg in (plain, paired)]
    torch.testing.assert_close(weights(runs[1]), weights(runs[0]), rtol=0, atol=0)
    logged, factors = (pd.read_csv(run.folder / "logs" / "version_0" / "metrics.csv") for run in runs)
    assert not [name for name in logged if name.startswith("val/T")]
    assert factors.filter(like="val/T").notna().any(axis=1).sum() == 2  # once an epoch

    data = build_data(paired)
    data.trainer = None
    model = build_model(paired, data.cohort, data.input_size)
    model.load_state_dict(torch.load(runs[1].last, weights_only=True)["state_dict"])
    dice = {"real": torch.empty(2, 3).double(), "synthetic": torch.empty(2, 3).double()}
    with torch.inference_mode():
        for batch in chain(*data.val_dataloader()):
            intersection, prediction, reference = model.eval().count(batch)[0].unbind(-1)
            source = "synthetic" if batch["synthetic"] else "real"
            dice[source][int(batch["case"])] = dice_from_counts(intersection, prediction, reference)
    real, synthetic = dice["real"], dice["synthetic"]
    expected = dict(zip(["T3_NCR", "T3_ED", "T3_ET"], F.alignment(real, synthetic), strict=True))
    expected |= zip(["T4_NCR", "T4_ED", "T4_ET"], F.performance_gap(real, synthetic), strict=True)
    for source, scores in dice.items():
        expected |= {f"T1_{source}": F.overall_performance(scores), f"T2_{source}": F.case_consistency(scores)}
        expected[f"T2_regions_{source}"] = F.region_consistency(scores)
        expected |= zip([f"T5_{source}_{name}" for name in ("NCR", "ED", "ET")], F.variability(scores), strict=True)
    last = factors.filter(like="val/T").dropna(how="all").iloc[-1]
    assert set(last.index) == {f"val/{name}" for name in expected}
    for name, value in expected.items():
        assert last[f"val/{name}"] == pytest.approx(float(value), abs=1e-6, nan_ok=True)


def test_reference_voxels_are_counted_on_the_cases_own_grid(finished):
    (run,) = find_runs(finished[0].paths.output)
    row = run.scores().query("region == 'ED' and source == 'real'").iloc[0]
    assert row["n_reference"] == (run.real_case(row["case"]).load_label() == 2).sum()


def test_a_finished_run_is_found_and_not_trained_again(finished, monkeypatch):
    cfg, value = finished
    monkeypatch.setattr("synthtrust.runs.training.build_data", lambda *_: pytest.fail("trained again"))
    assert train_run(cfg) == pytest.approx(value)


def test_a_run_of_an_older_version_is_found(copied, monkeypatch):
    (run,) = find_runs(copied.paths.output)
    older = OmegaConf.load(run.folder / "config.yaml")
    del older["duplicates"], older["data"]["allow_real_val"]
    del older["trainer"]["gradient_clip_val"], older["trainer"]["accumulate_grad_batches"]
    del older["generator"]["seed"], older["cases"]["licence"], older["split"]["published"]
    del older["cases"]["exclude"], older["cases"]["save_refused"]
    OmegaConf.save(older, run.folder / "config.yaml")
    monkeypatch.setattr("synthtrust.runs.training.build_data", lambda *_: pytest.fail("trained again"))
    train_run(copied)


def test_a_folder_of_another_config_is_refused(configure, copied, finished):
    _, value = finished
    for override in (
        "steps=6", "model.optimizer.lr=0.1", "alpha=0.25", "trainer.precision=bf16-mixed",
        "trainer.gradient_clip_val=1.0", "trainer.accumulate_grad_batches=2", "trainer.devices=2",
    ):  # fmt: skip
        with pytest.raises(ValueError, match="holds a run with another"):
            train_run(configure(override))
    # what only shows or places a run makes no other config
    assert train_run(configure("trainer.log_every_n_steps=7", "trainer.devices=[0]")) == pytest.approx(value)


def test_steps_are_those_of_the_optimizer_however_many_batches_each_takes(configure):
    cfg = configure("trainer.accumulate_grad_batches=3")
    train_run(cfg)
    (run,) = find_runs(cfg.paths.output)
    assert run.facts()["steps"] == 4
    assert run.facts()["training"]["trainer"]["accumulate_grad_batches"] == 3
    curves = pd.read_csv(run.folder / "logs" / "version_0" / "metrics.csv")
    assert curves.loc[curves["val/score"].notna(), "step"].tolist() == [1, 3]  # counted from 0


def test_an_interrupted_run_resumes_to_the_very_same_weights(configure, finished, monkeypatch):
    (whole,) = find_runs(finished[0].paths.output)
    cfg = configure(name="cut")

    def fail(trainer, module, *batch):
        if trainer.global_step == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("synthtrust.models.Segmenter.on_train_batch_end", lambda self, *batch: fail(self.trainer, self))
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train_run(cfg)
    monkeypatch.undo()
    cut = Run(Path(cfg.paths.output))
    assert cut.last.exists()
    assert not cut.finished
    saved = torch.load(cut.last, weights_only=True)
    saved["callbacks"]["Timer"]["time_elapsed"]["train"] += 5000.0
    torch.save(saved, cut.last)
    score = Trainer.test

    def score_and_load(trainer, *args, **options):
        results = score(trainer, *args, **options)
        for callback in trainer.callbacks:
            if isinstance(callback, Timer):
                callback.load_state_dict({"time_elapsed": {"train": 7000.0}})  # as of a checkpoint late in a training
        return results

    monkeypatch.setattr(Trainer, "test", score_and_load)
    train_run(cfg)
    assert 0 < cut.facts()["training_seconds"] - 5000 < 1000  # nothing of the first stretch is lost or counted twice
    torch.testing.assert_close(weights(cut), weights(whole), rtol=0, atol=0)


def test_a_run_that_was_moved_keeps_its_best_checkpoint(configure, monkeypatch):
    """The first validation is made the best there can be: what is tested is its checkpoint, not a later one."""
    score = iter([2.0, 0.1, 0.1, 0.1])

    def planted(self):
        self.log("val/score", next(score))

    monkeypatch.setattr("synthtrust.models.Segmenter.on_validation_epoch_end", planted)
    cut = configure(name="cut")
    with monkeypatch.context() as patch:
        patch.setattr("synthtrust.models.Segmenter.on_train_batch_end", lambda self, *batch: stop(self.trainer, 3))
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            train_run(cut)
    moved = configure(name="moved")
    shutil.move(cut.paths.output, moved.paths.output)
    run = Run(Path(moved.paths.output))
    best = torch.load(run.best, weights_only=True)["state_dict"]
    train_run(moved)
    torch.testing.assert_close(torch.load(run.best, weights_only=True)["state_dict"], best, rtol=0, atol=0)
    assert run.facts()["best_val_score"] == 2.0


def stop(trainer, step):
    if trainer.global_step == step:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("overrides", "error", "message"),
    [
        (["steps=5"], ValueError, "Expected steps to be a multiple of val_every=2, but got 5"),
        (["alpha=1.5"], ValueError, r"Expected `alpha`.*in \[0, 1\], but got 1.5"),
        (
            ["data.patch_size=[7,7,7]", "model.net.channels=[4,8,8]", "model.net.strides=[2,2]"],
            ValueError,
            "patch size",
        ),
        (["regions=[ET,XY]"], ValueError, r"Expected regions among .*but got \['XY'\]"),
        (["split.test=5"], ValueError, "Expected at least one patient in train, val and test"),
        (["cases.modalities=[flair,t1ce,t2]"], CaseError, "t2"),
    ],
)
def test_what_cannot_work_is_refused_before_training(configure, overrides, error, message):
    cfg = configure(*overrides)
    with pytest.raises(error, match=message):
        train_run(cfg)
    folder = Run(Path(cfg.paths.output))
    assert not folder.finished
    assert not folder.last.exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [("regions=[ET,XY]", r"among .*'XY'"), ("+surfaces={tolerance:{ED:2.0,XY:2.0}}", "tolerance")],
)
def test_what_scores_cannot_be_made_of_is_refused_before_anything_is_painted(configure, tmp_path, override, message):
    cfg = configure(override, f"paths.synthetic={tmp_path}/none")
    with pytest.raises(Refusal, match=message):
        build_data(cfg)
    assert not (tmp_path / "none").exists()


def test_composite_regions_are_scored_when_asked_for(configure):
    cfg = configure("regions=[ET,TC,WT]", "steps=2")
    train_run(cfg)
    scores = find_runs(cfg.paths.output)[0].scores()
    assert list(scores["region"].unique()) == ["ET", "TC", "WT"]


def test_other_cases_are_scored_with_a_finished_run(finished):
    cfg, _ = finished
    (run,) = find_runs(cfg.paths.output)
    with pytest.raises(CaseError, match="nor the generator of its twins learned from, but they learned"):
        score_cohort(run, run.cohort, cfg.paths.cache)
    own = score_cohort(run, run.cohort, cfg.paths.cache, allow_overlap=True)
    kept = run.scores().query("source == 'real'").set_index(["case", "region"])[["dice", "hd95", "surface_dice"]]
    again = own.set_index(["case", "region"]).loc[kept.index, kept.columns]
    pd.testing.assert_frame_equal(kept, again)


def test_wandb_keeps_config_curves_and_scores_offline(configure, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("WANDB_SILENT", "true")
    asked = ("data.val_pairs=true", "track.pictures_every=4", "track.pictures=1", "track.files=true")
    cfg = configure("logger=wandb", "alpha=1", "name=mine: a/b", *asked, f"paths.synthetic={tmp_path / 'synthetic'}")
    train_run(cfg)
    folders = list((Path(cfg.paths.output) / "wandb").glob("offline-run-*-mine.3a..20.a.2f.b_alpha_1.0_seed_0"))
    assert len(folders) == 1
    (table,) = folders[0].rglob("scores*.table.json")
    assert len(json.loads(table.read_text())["data"]) == 12
    records = offline_records(folders[0])
    summary = {item.key or ".".join(item.nested_key): item.value_json for r in records for item in r.summary.update}
    real = find_runs(cfg.paths.output)[0].scores().query("source == 'real'")
    assert json.loads(summary["test/real/dice"]) == pytest.approx(real["dice"].mean())
    assert json.loads(summary["test/real/dice_ET"]) == pytest.approx(real.query("region == 'ET'")["dice"].mean())
    assert "test/synthetic/dice" in summary
    axes = {record.metric.glob_name or record.metric.name: record.metric.step_metric for record in records}
    assert axes["test/*"] == "alpha"
    assert {"alpha 1", "Tissue"} <= {tag for record in records for tag in record.run.tags}
    twins = Path(find_runs(cfg.paths.output)[0].data()["twins"])
    artifacts = {record.artifact.type: record.artifact for record in records if record.artifact.type}
    assert artifacts["synthetic-set"].name == twins.name
    assert artifacts["synthetic-set"].use_after_commit  # the run used it
    images = sum(1 for _ in twins.rglob("*.nii.gz"))
    assert len(artifacts["synthetic-set"].manifest.contents) == images + 3  # manifest, card and croissant.json
    kept = {entry.path for entry in artifacts["model"].manifest.contents}
    assert kept == {"checkpoints/best.ckpt", "config.yaml", "run.json"}
    curves = {item.key or ".".join(item.nested_key) for r in records for item in r.history.item}
    assert {"train/loss", "val/score", "val/dice_ET", "val/T4_ET"} <= curves
    assert len(list((folders[0] / "files" / "media" / "images" / "mask").glob("**/*.mask.png"))) == 2
    (painting,) = (Path(cfg.paths.output) / "wandb").glob(f"offline-run-*-{twins.name}")
    records = offline_records(painting)
    assert {r.run.job_type for r in records if r.run.job_type} == {"generate"}
    assert [r.artifact.name for r in records if r.artifact.type == "synthetic-set"] == [twins.name]
    import wandb

    assert wandb.run is None  # the next job of a sweep starts a run of its own


def test_a_loss_that_is_not_finite_stops_the_training(configure, monkeypatch):
    """Weights that are NaN predict background, whose Dice would be written down as a result."""
    cfg = configure()
    monkeypatch.setattr(
        "synthtrust.models.Segmenter.loss_of", lambda self, batch: self(batch["image"]).sum() * torch.nan
    )
    with pytest.raises(Refusal, match=r"Expected a finite loss, but got nan after 2 steps\. Try trainer\.precision"):
        train_run(cfg)
    assert not Run(Path(cfg.paths.output)).finished
