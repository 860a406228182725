"""The audit of the onset finds the step from which copies were planted, and none where there are none."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from helpers.fake_runs import PlantedClassifier
from helpers.synthetic_sets import CLASSES, PaintedRun, plane, plane_twins
from helpers.textures import N_HOLDOUT, N_TRAIN, texture
from synthtrust.audits import Onset
from synthtrust.audits.onset.audit import LEAKS, NEAREST, trainings_of
from synthtrust.audits.scores import NotApplicableError
from synthtrust.audits.steps import of_one_step
from synthtrust.cases import Cohort
from synthtrust.cases.manifest import write_manifest
from synthtrust.evaluation.runs import ask
from synthtrust.generators import LateCopies, Mean, synthesize
from synthtrust.refusals import Refusal
from synthtrust.report.onset import onset_chapter
from synthtrust.testing import tiny_classes

STEPS = (100, 200, 400)
N = N_TRAIN + N_HOLDOUT
AUDIT = Onset(max_copies=0.05, angles=(), scales=())


@dataclass(frozen=True)
class StepRun(PaintedRun):
    """A run on the set of one step, whose classifier the better tells the classes, the later the step."""

    step: int = 0

    def facts(self):
        generator = {"_target_": "synthtrust.generators.LateCopies", "step": self.step or None}
        return self.classifier.facts() | {"mode": "complement", "alpha": 0.0, "seed": 0, "generator": generator}

    @property
    def classifier(self):
        return PlantedClassifier(0.0, 0, skill=1 + self.step / 200, n=60)

    def scores(self):
        return self.classifier.scores()


@pytest.fixture(scope="module")
def textures():
    rng = np.random.default_rng(0)
    return [texture(rng) for _ in range(N * (1 + len(STEPS)))]


@pytest.fixture(scope="module")
def real(tmp_path_factory, textures):
    folder = tmp_path_factory.mktemp("real")
    return Cohort("real", tuple(plane(folder, f"p{i:03d}", textures[i], i % 2) for i in range(N)), ("grey",), CLASSES)


def painted(folder, real, images, step, seed=0):
    made_by = {"generator": "LateCopies", "parameters": {"step": step, "seed": seed}, "train": {}}
    ids = [case.id for case in real.cases[:N_TRAIN]]
    write_manifest(folder, plane_twins(folder, real, images), made_by, training_ids=ids)
    return StepRun(real, folder, N_TRAIN, step)


@pytest.fixture(scope="module")
def honest(tmp_path_factory, real, textures):
    """Return runs on the sets of two steps of a training that never copies."""
    root = tmp_path_factory.mktemp("honest")
    return [painted(root / f"{s}", real, textures[N * (1 + i) : N * (2 + i)], s) for i, s in enumerate(STEPS[:2])]


@pytest.fixture(scope="module")
def late(tmp_path_factory, real, textures, honest):
    """Return the same and a third, of which half of the images are training images with noise."""
    root, rng = tmp_path_factory.mktemp("late"), np.random.default_rng(1)
    images = list(textures[N * 3 : N * 4])
    images[::2] = [textures[i % N_TRAIN] + rng.normal(0, 3, textures[0].shape) for i in range(len(images[::2]))]
    return [*honest, painted(root / "400", real, images, 400)]


@pytest.fixture(scope="module")
def found(late):
    return AUDIT(late)


def test_the_planted_onset_is_found_at_its_step(found):
    (answer,) = found["answers"].to_dict("records")
    assert (answer["code"], answer["last_below"], answer["first_above"]) == ("begins", 200, 400)
    assert "copies_above" in [reason.code for reason in answer["reasons"]]
    looks = found["looks"].set_index(["measure", "step"])
    assert looks.loc[("copies", 400), "value"] == pytest.approx(0.5, abs=0.05)
    assert (looks.loc["copies", "value"][:2] == 0).all()
    assert looks.loc[("membership", 400), "lower"] > 0.65 > looks.loc[("membership", 200), "upper"]
    assert "nearest_share_above" in [reason.code for reason in answer["reasons"]]
    assert (looks.loc["nearest_share", "p"] < 0.01).tolist() == [False, False, True]
    assert looks.loc["nearest_share", "expected"].eq(N_TRAIN / N).all()
    assert looks.loc[list(LEAKS), "decides"].all()


def test_a_step_that_the_nearest_share_accuses_alone_ends_the_series(found):
    rows = found["looks"][found["looks"]["step"] < 400].to_dict("records")
    accused = [
        row | ({"value": 0.8, "ci_low": 0.7, "p": 0.007} if (row["measure"], row["step"]) == (NEAREST, 200) else {})
        for row in rows
    ]
    answer = AUDIT._answer(accused)
    assert (answer["code"], answer["last_below"]) == ("open", 100)
    (reason,) = answer["reasons"]
    assert reason.text == (
        "At step 200 a share of 0.800 of the images lies nearest to a training case, where 0.455 is expected (P3, "
        "p = 0.007, below 0.01, the significance of the privacy audit)."
    )
    shown = AUDIT._answer([row | ({"p": 0.001} if row["p"] == 0.007 else {}) for row in accused])
    assert (shown["code"], shown["first_above"]) == ("begins", 200)
    (reason,) = shown["reasons"]  # that it ended the series too goes without saying
    assert "p = 0.001, below 0.01 divided by 2 steps)." in reason.text


def test_the_worth_of_each_step_stands_beside_its_leak(found):
    looks = found["looks"].set_index(["measure", "step"])
    assert looks.loc["TSTR", "value"].is_monotonic_increasing
    assert looks.loc["TSTR", "score"].eq("auc").all()
    assert (looks.loc["KID", "ci_low"] < looks.loc["KID", "value"]).all()
    assert not looks.loc[["TSTR", "KID"], "decides"].any()


def test_a_generator_that_never_copies_has_no_onset_within_its_steps(honest, tmp_path):
    tables = ask({"onset": AUDIT}, honest)["onset"]
    (answer,) = tables["answers"].to_dict("records")
    assert (answer["code"], answer["last_below"], answer["reasons"]) == ("not_within", 200, ())
    (sentence,) = onset_chapter(tables).answers
    assert sentence == "LateCopies on 50 cases: no leak above the limits within these steps, 100 to 200."


def test_the_chapter_names_the_steps_and_draws_all_five_measures(found):
    chapter = onset_chapter(found)
    (sentence,), (section,) = chapter.answers, chapter.sections
    assert sentence.startswith("LateCopies on 50 cases: memorising begins after step 200 and by step 400; 200 is the")
    assert "At step 400 the share of copies is at least 0." in sentence
    assert [panel.count("<circle") for panel in section.figures[0].panels] == [3, 3, 3, 3, 3]
    (first, steps) = section.tables
    assert first.frame.loc[0, "Last step below the limits"] == "200"
    assert list(steps.frame["Step"]) == ["100", "200", "400"]
    assert list(steps.frame["P3, expected"]) == ["0.455"] * 3
    assert steps.frame.loc[2, "P3, p"] == "0.001"
    assert "share of an honest set (P3)" in section.figures[0].legend[-1].label


def test_sets_of_other_trainings_stand_apart(late, honest, tmp_path, real, textures):
    other = [painted(tmp_path / f"{s}", real, textures[N:], s, seed=1) for s in STEPS[:2]]
    assert [(one.seed, [*one.sets]) for one in trainings_of([*late, *other])] == [(0, [100, 200, 400]), (1, [100, 200])]
    with pytest.raises(Refusal, match=r"^Expected one set of each step of a training, .*are both of step 100"):
        list(trainings_of([*honest, painted(tmp_path / "again", real, textures[N:], 100)]))


def test_painted_sets_are_of_one_training_if_they_differ_in_their_step_alone(tmp_path):
    cohort = tiny_classes(tmp_path / "real", count=12)
    painter = LateCopies(painter=Mean(), onset=2)
    generators = [replace(painter, step=step) for step in (1, 2)] + [replace(painter, step=2, onset=3)]
    sets = [synthesize(one, cohort, cohort.cases[:6], cohort.cases, tmp_path / "sets") for one in generators]
    runs = [StepRun(cohort, one.folder, 6, step) for one, step in zip(sets, (1, 2, 2), strict=True)]
    (training,) = trainings_of(runs)  # the third set is the only one of its training
    assert (training.generator, training.n_train) == ("LateCopies", 6)
    assert {step: one.folder for step, one in training.sets.items()} == {1: sets[0].folder, 2: sets[1].folder}


def test_other_audits_are_given_the_runs_of_the_last_step(late):
    assert [run.step for run in of_one_step(late)] == [400]
    assert of_one_step(late[:1]) == late[:1]
    other = replace(late[0], step=0)
    assert of_one_step([other, *late]) == [other, late[-1]]


def test_what_cannot_be_judged_is_refused_before_anything_is_measured(late, real):
    with pytest.raises(NotApplicableError, match=r"at two steps at least, .*but got 1 of one step\. Train .*onset -m"):
        AUDIT(late[:1])
    with pytest.raises(
        Refusal, match=r"^Expected at least 299 synthetic images at each step, .*but got 110 at step 100"
    ):
        replace(AUDIT, max_copies=0.01)(late)
    (training,) = trainings_of(late)
    twelve = replace(training, sets=dict.fromkeys(range(12), training.sets[100]))
    with pytest.raises(
        Refusal, match=r"^Expected audit.onset.n_permutations of at least 1200, .*12 steps .*but got 999"
    ):
        AUDIT._check(twelve)
    few = replace(real, cases=real.cases[: N_TRAIN + 8])
    with pytest.raises(Refusal, match=r"^Expected at least 20 patients that the generator never saw, .*but got 8"):
        AUDIT([replace(run, cohort=few) for run in late])
    for wrong in ({"max_copies": 0.0}, {"max_copies": 1.0}, {"confidence": 0.4}):
        with pytest.raises(Refusal, match=rf"^Expected audit.onset.{next(iter(wrong))}"):
            Onset(**wrong)
