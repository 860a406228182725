"""One classifier's run on tiny images: the engine that trains segmenters, from classes to probabilities."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.configs import compose_quickly
from helpers.fake_runs import sentences
from synthtrust.audits import Utility
from synthtrust.cases import CaseError
from synthtrust.runs import Run, find_runs, headline, score_cohort, train_run
from synthtrust.testing import tiny_classes, tiny_cohort

TINY = (
    "cases=table", "generator=replay", "data=images", "model=resnet_small", "model.net.block_inplanes=[4,8,8,8]",
    "data.batch_size=8", "steps=4", "val_every=2", "split.test=9", "split.val=6", "duplicates=allow",
    "trainer.accelerator=cpu", "trainer.enable_progress_bar=false", "trainer.log_every_n_steps=1",
)  # fmt: skip
COLUMNS = ["alpha", "seed", "mode", "case", "patient", "source", "target", "class", "probability"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Return a folder of tiny images, beside which their twins and preprocessed cases come to lie."""
    folder = tmp_path_factory.mktemp("shared")
    cohort = tiny_classes(folder / "real", count=40)
    rows = [(case.id, f"{case.id}.png", ("healthy", "sick")[case.class_index]) for case in cohort.cases]
    pd.DataFrame(rows, columns=["case_id", "image", "label"]).to_csv(folder / "real" / "cases.csv", index=False)
    return folder


def tiny_config(folder, runs, *overrides, name="run"):
    paths = [
        f"paths.synthetic={folder / 'synthetic'}",
        f"paths.cache={folder / 'cache'}",
        f"paths.output={runs / name}",
    ]
    return compose_quickly("train", *TINY, f"cases.file={folder / 'real' / 'cases.csv'}", *paths, *overrides)


@pytest.fixture
def configure(shared, tmp_path):
    def _configure(*overrides, name="run"):
        return tiny_config(shared, tmp_path / "runs", *overrides, name=name)

    return _configure


@pytest.fixture(scope="module")
def finished(shared):
    """Return the config of a run of half real, half synthetic cases that is finished, and its score."""
    cfg = tiny_config(shared, shared / "runs")
    return cfg, train_run(cfg)


def trained(cfg):
    train_run(cfg)
    (run,) = find_runs(cfg.paths.output)
    return run


def weights(run):
    return torch.load(run.last, weights_only=True)["state_dict"]


def test_a_run_describes_itself(finished):
    cfg, value = finished
    (run,) = find_runs(cfg.paths.output)
    scores, facts = run.scores(), run.facts()
    assert list(scores.columns) == COLUMNS
    assert len(scores) == 9 * 2 * 2  # cases, sources, classes
    np.testing.assert_allclose(scores.groupby(["case", "source"])["probability"].sum(), 1)
    assert sorted(scores["case"].unique()) == run.data()["splits"]["test"]
    assert all(run.real_case(row.case).class_index == (row.target == "sick") for row in scores.itertuples())
    assert ("Macro AUC", value) == headline(scores)
    assert (facts["task"], facts["classes"], facts["network"]) == ("classification", ["healthy", "sick"], "ResNet")
    assert (facts["image_size"], facts["missing_classes"], facts["val"]) == ([16, 16], {}, "mix")
    drawn = run.data()["drawn"]["train"]
    assert (len(drawn["real"]), len(drawn["synthetic"])) == (12, 13)
    assert len(run.classes()) == 40
    assert run.twin(scores["case"][0]).class_index == run.real_case(scores["case"][0]).class_index
    curves = pd.read_csv(run.folder / "logs" / "version_0" / "metrics.csv")
    assert curves[["val/score", "val/auc_sick"]].notna().sum().tolist() == [2, 2]


def test_a_class_that_nobody_painted_stays_in_the_score_and_is_named(composed, tmp_path):
    names = ("healthy", "mild", "sick")
    for folder, count, classes in (("real", 60, names), ("painted", 40, names[::2])):
        for case in tiny_classes(tmp_path / "drawn" / folder, count, classes, seed=count).cases:
            path = tmp_path / folder / classes[case.class_index] / f"{case.id}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            case.images["grey"].rename(path)
    folders = {"synthetic": "synthetic", "cache": "cache"}
    paths = [f"paths.{key}={tmp_path / folder}" for key, folder in folders.items()]
    generator = ["generator=class_folder", f"generator.root={tmp_path / 'painted'}", "generator.train_ids=[nobody]"]
    for alpha in (0.0, 1.0):
        overrides = [f"alpha={alpha}", f"paths.output={tmp_path / 'runs' / str(alpha)}", "split.test=12"]
        folder = ["cases=class_folders", f"cases.root={tmp_path / 'real'}"]
        train_run(composed("train", *TINY, *folder, *generator, *paths, *overrides))
    tstr, trtr = find_runs(tmp_path / "runs")
    assert tstr.facts()["missing_classes"] == {"train": ["mild"], "val": ["mild"], "synthetic": ["mild"]}
    assert trtr.facts()["missing_classes"] == {"synthetic": ["mild"]}
    assert (tstr.facts()["paired"], tstr.facts()["drawn"]) == (False, {"real": 0, "synthetic": 28})
    scores = tstr.scores()
    assert set(scores.loc[scores["source"] == "real", "target"]) == set(names)
    assert set(scores.loc[scores["source"] == "synthetic", "target"]) == {"healthy", "sick"}
    tables = Utility(n_boot=100)([tstr, trtr])
    balance = [sentences(row) for row in tables["verdict"].query("axis == 'utility'").to_dict("records")]
    assert balance
    assert all("No synthetic training case is of class mild" in s for s in balance)
    assert all(
        re.search(r"cases by class: healthy \d+, mild 0, sick \d+; real ones: healthy \d+, mild [1-9]", s)
        for s in balance
    )
    classes = tables["per_class"].query("measure == 'auc' and source == 'real' and alpha == 0")
    assert set(classes["class"]) == set(names)
    assert classes["value"].notna().all()


def test_the_number_of_a_run_is_that_of_its_best_checkpoint_and_grows_with_training(configure):
    longer = ("alpha=1.0", "steps=30", "val_every=15", "model.optimizer.lr=1e-2", "model.scheduler.warmup_steps=1")
    run = trained(configure(*longer, name="long"))
    curves = pd.read_csv(run.folder / "logs" / "version_0" / "metrics.csv")["val/score"]
    assert run.facts()["best_val_score"] == pytest.approx(curves.max(), abs=1e-5)
    assert headline(run.scores())[1] > 0.95  # the spot can be seen; an untrained network says about a half


def test_synthetic_and_real_training_take_as_many_steps_and_are_tested_on_the_same_cases(configure):
    runs = [trained(configure(f"alpha={alpha}", name=f"alpha_{alpha}")) for alpha in (0.0, 1.0)]
    assert runs[0].facts()["steps"] == runs[1].facts()["steps"] == 4
    who = ["case", "source", "target", "class"]
    pd.testing.assert_frame_equal(runs[0].scores()[who], runs[1].scores()[who])
    assert not runs[0].data()["drawn"]["val"]["real"]


def test_a_finished_run_is_found_and_not_trained_again(shared, finished, monkeypatch):
    cfg, value = finished
    monkeypatch.setattr("synthtrust.runs.training.build_data", lambda *_: pytest.fail("trained again"))
    assert train_run(cfg) == pytest.approx(value)
    with pytest.raises(ValueError, match="holds a run with another duplicates"):
        train_run(tiny_config(shared, shared / "runs", "duplicates=drop"))


def test_a_finished_run_is_not_the_answer_for_another_imported_set(configure, tmp_path):
    def painted(seed):
        for case in tiny_classes(tmp_path / "drawn", 40, seed=seed).cases:
            path = tmp_path / "set" / ("healthy", "sick")[case.class_index] / f"{case.id}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            case.images["grey"].rename(path)

    painted(5)
    bring = ("generator=class_folder", f"generator.root={tmp_path / 'set'}", "alpha=0.0")
    value = train_run(configure(*bring))
    assert train_run(configure(*bring)) == pytest.approx(value)
    painted(6)  # other images under the same names
    with pytest.raises(ValueError, match=r"twins that .*run was begun with, ClassFolder-.* but the config now gives"):
        train_run(configure(*bring))
    with pytest.raises(ValueError, match="holds a run with another generator"):
        train_run(configure(*bring, "generator.train_ids=[scan_001]"))
    with pytest.raises(ValueError, match="holds a run with another allow_overlap"):
        train_run(configure(*bring, "allow_overlap=true"))


def test_an_interrupted_run_resumes_to_the_very_same_weights(configure, finished, monkeypatch):
    (whole,) = find_runs(finished[0].paths.output)
    cfg = configure(name="cut")

    def fail(model, *batch):
        if model.trainer.global_step == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("synthtrust.models.Classifier.on_train_batch_end", fail)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train_run(cfg)
    monkeypatch.undo()
    assert Run(Path(cfg.paths.output)).last.exists()
    torch.testing.assert_close(weights(trained(cfg)), weights(whole), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["model._target_=synthtrust.models.Segmenter"],
            r"for one task, but got a model for segmentation and data for c",
        ),
        (["data=mixed"], r"a model for classification and data for segmentation. .*model=resnet_small data=images"),
        (["alpha=0.0", "data.val=real"], r"data.val=mix or synthetic at alpha=0.0.*data.allow_real_val=true"),
    ],
)
def test_what_cannot_go_together_is_refused_before_anything_is_painted(configure, tmp_path, overrides, message):
    with pytest.raises(ValueError, match=message):
        train_run(configure(*overrides, f"paths.synthetic={tmp_path / 'synthetic'}"))
    assert not (tmp_path / "synthetic").exists()


def test_a_classifier_for_label_maps_and_a_segmenter_for_classes_are_refused(composed, configure, tmp_path):
    tiny_cohort(tmp_path / "volumes", count=4)
    brats = (
        "cases=brats",
        f"cases.root={tmp_path / 'volumes'}",
        "cases.modalities=[flair]",
        f"paths.output={tmp_path}",
    )
    with pytest.raises(
        ValueError, match=r"Expected a model for segmentation, since .* label maps.*model=unet data=mixed"
    ):
        train_run(composed("train", *brats, "data=images", "model=resnet_small"))
    file = configure().cases.file
    with pytest.raises(
        ValueError, match=r"Expected a model for classification, since .*model=resnet_small data=images"
    ):
        train_run(composed("train", "cases=table", f"cases.file={file}", f"paths.output={tmp_path}"))


def test_a_checkpoint_chosen_on_real_cases_is_recorded(configure):
    run = trained(configure("alpha=0.0", "data.val=real", "data.allow_real_val=true"))
    assert run.facts()["val"] == "real"
    assert not run.data()["drawn"]["val"]["synthetic"]


def test_copies_across_the_split_are_refused_or_left_out_and_named(configure, monkeypatch):
    with pytest.raises(CaseError, match="Expected no image in two parts of the split"):  # all healthy discs are alike
        train_run(configure("duplicates=refuse"))
    monkeypatch.setattr(
        "synthtrust.runs.build.check_duplicates",
        lambda splits, policy, _: replace(splits, train=splits.train[1:]) if policy == "drop" else pytest.fail(policy),
    )
    run = trained(configure("duplicates=drop"))
    (gone,) = run.data()["left_out"]["train"]
    assert gone not in run.data()["splits"]["train"]
    assert gone not in {case.id for case in run.twins.cases}
    assert run.facts()["left_out"] == {"train": 1}


def test_other_cases_are_scored_with_a_finished_run(finished, tmp_path):
    (run,) = find_runs(finished[0].paths.output)
    with pytest.raises(CaseError, match="nor the generator of its twins learned from, but they learned"):
        score_cohort(run, run.cohort, tmp_path / "cache")
    again = score_cohort(run, run.cohort, tmp_path / "cache", allow_overlap=True)
    assert list(again.columns) == [*COLUMNS, "seconds", "overlap"]
    (word,) = set(again["overlap"])
    count, sentence = word.split(maxsplit=1)
    assert 31 < int(count) < 40  # 31 were learned from; of the others most healthy discs are like one of them
    assert sentence == "of 40 scored cases are of patients that were learned from"
    kept = run.scores().query("source == 'real'").set_index(["case", "class"])["probability"]
    pd.testing.assert_series_equal(kept, again.set_index(["case", "class"])["probability"].loc[kept.index])
    larger = tiny_classes(tmp_path / "larger", count=6, size=(24, 24), seed=5)
    larger = replace(larger, cases=tuple(replace(case, id=f"new_{case.id}", patient="") for case in larger.cases))
    assert len(score_cohort(run, larger, tmp_path / "cache")) == 12  # brought to the size of the run's images
    with pytest.raises(CaseError, match=r"Expected classes \['healthy', 'sick'\].* has \['healthy', 'ill'\]"):
        score_cohort(run, replace(larger, labels={"healthy": 0, "ill": 1}), tmp_path / "cache")
    with pytest.raises(CaseError, match="Expected cases for classification"):
        score_cohort(run, tiny_cohort(tmp_path / "volumes", count=1), tmp_path / "cache")


@pytest.mark.parametrize("generator", ["class_mixture", "label_shuffle"])
def test_generators_for_classes_paint_what_a_classifier_trains_on(configure, generator):
    small = ["generator.min_members=5"] if generator == "class_mixture" else []
    run = trained(configure(f"generator={generator}", *small, "alpha=0.0", "steps=2"))
    assert run.twins.task == "classification"
    assert len(run.twins.cases) == 40
