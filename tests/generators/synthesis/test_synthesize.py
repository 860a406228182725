"""Synthetic sets are found when they were painted before, completed when half-painted, refused when they are wrong."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from lightning.pytorch.utilities import rank_zero_only

from synthtrust.cases import CaseError, load_manifest
from synthtrust.generators import Generator, synthesize
from synthtrust.generators.synthesis import session
from synthtrust.generators.synthesis.progress import report_steps
from synthtrust.generators.synthesis.synthesize import training_ids
from synthtrust.testing import tiny_cohort


@dataclass
class Painter(Generator):
    """Paints noise; ``fault`` plants what a careless generator does; ``diary`` counts its work."""

    fault: str = ""
    diary: str = ""

    def fit(self, cases):
        self.ids_ = [case.id for case in cases]
        self._write("fit")
        return self

    def sample(self, label, rng):
        self._write("sample")
        if self.fault == "crash":
            raise KeyError("x")
        image = 1 + rng.random(label.shape)
        if self.fault == "nan" and label.sum() % 2 == 0:
            image[0, 0, 0] = np.nan
        if self.fault == "constant":
            image[:] = 3
        if self.fault == "shape":
            image = image[1:]
        wrong = {
            "modality": {"flair": image},
            "nothing": None,
            "complex": {"flair": image + 0j, "t1ce": image},
            "list": {"flair": image.tolist(), "t1ce": image},
            "huge": {"flair": image * 1e39, "t1ce": image},
        }
        return wrong.get(self.fault, {"flair": image, "t1ce": image + 1})

    def sample_many(self, labels, rngs):
        if self.fault == "none":
            return None
        return super().sample_many(labels, rngs)[: 0 if self.fault == "short" else None]

    def _write(self, word):
        if self.diary:
            with Path(self.diary).open("a") as file:
                file.write(word + "\n")


@pytest.fixture
def cohort(tmp_path):
    return tiny_cohort(tmp_path / "real", count=5)


def paint(cohort, tmp_path, generator, paint=None):
    return synthesize(generator, cohort, cohort.cases[:3], paint or cohort.cases, tmp_path / "synthetic")


def words(diary, word):
    return diary.read_text().split().count(word)


def test_the_same_recipe_is_found_and_another_one_is_painted_elsewhere(cohort, tmp_path):
    diary = tmp_path / "diary"
    first = paint(cohort, tmp_path, Painter(diary=str(diary)))
    assert paint(cohort, tmp_path, Painter(diary=str(diary))).folder == first.folder
    assert (words(diary, "fit"), words(diary, "sample")) == (1, 5)
    assert paint(cohort, tmp_path, Painter(seed=1, diary=str(diary))).folder != first.folder


def test_a_changed_training_image_is_another_recipe(cohort, tmp_path):
    first = paint(cohort, tmp_path, Painter())
    tiny_cohort(tmp_path / "real", count=1, seed=9)  # rewrites the first training case
    assert paint(cohort, tmp_path, Painter()).folder != first.folder


def test_a_half_painted_set_is_completed_with_the_same_twins(cohort, tmp_path):
    diary = tmp_path / "diary"
    whole = paint(cohort, tmp_path, Painter(diary=str(diary)))
    expected = [case.load_image("flair") for case in whole.cases]
    (whole.folder / "manifest.json").unlink()
    shutil.rmtree(whole.cases[1].label_map.parent)
    whole.cases[2].images["t1ce"].unlink()
    again = paint(cohort, tmp_path, Painter(diary=str(diary)))
    assert words(diary, "sample") == 5 + 2
    for case, image in zip(again.cases, expected, strict=True):
        np.testing.assert_array_equal(case.load_image("flair"), image)


def test_a_twin_does_not_depend_on_who_else_is_painted(cohort, tmp_path):
    alone = synthesize(Painter(), cohort, cohort.cases[:3], cohort.cases[3:4], tmp_path / "alone")
    together = paint(cohort, tmp_path, Painter())
    np.testing.assert_array_equal(alone.cases[0].load_image("t1ce"), together.cases[3].load_image("t1ce"))


def test_images_of_cases_outside_training_are_never_read(cohort, tmp_path):
    for path in cohort.cases[4].images.values():
        path.write_bytes(b"not an image")
    assert len(paint(cohort, tmp_path, Painter()).cases) == 5


def test_the_manifest_names_the_training_cases(cohort, tmp_path):
    folder = paint(cohort, tmp_path, Painter()).folder
    assert training_ids(folder) == [case.id for case in cohort.cases[:3]]


def test_remarks_of_the_generator_stand_in_the_manifest(cohort, tmp_path, monkeypatch):
    monkeypatch.setattr(Painter, "remarks", {"brain": "from an atlas"})
    assert load_manifest(paint(cohort, tmp_path, Painter()).folder)["remarks"] == {"brain": "from an atlas"}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("nan", "Expected finite intensities"),
        ("constant", "Expected an image, but the generator painted"),
        ("shape", r"Expected the label's grid \(16, 20, 24\)"),
        ("modality", r"Expected \['flair', 't1ce'\]"),
        ("nothing", "Expected images by modality for case .* gave NoneType"),
        ("complex", "Expected a numpy array of real numbers, but .* an array of complex128 in flair"),
        ("list", "Expected a numpy array of real numbers, but .* painted list in flair"),
        ("huge", "Expected intensities that fit float32"),
        ("short", "Expected 1 paintings, but the generator gave 0"),
        ("none", "Expected a list of paintings, but the generator gave NoneType for the cases"),
    ],
)
def test_a_wrong_painting_is_refused_by_case_and_leaves_no_manifest(cohort, tmp_path, fault, message):
    cohort_ids = {case.id for case in cohort.cases}
    with pytest.raises(CaseError, match=message) as error:
        paint(cohort, tmp_path, Painter(fault=fault))
    assert any(case_id in str(error.value) for case_id in cohort_ids)
    (folder,) = (tmp_path / "synthetic").glob("Painter-*")
    assert not (folder / "manifest.json").exists()
    left = [path.name for path in (tmp_path / "synthetic").rglob(".*/*") if path.suffix != ".lock"]
    assert not left, "half a twin was left"


def test_a_generator_that_crashes_keeps_its_traceback_and_the_case_is_named(cohort, tmp_path):
    with pytest.raises(KeyError) as error:
        paint(cohort, tmp_path, Painter(fault="crash"))
    assert error.value.__notes__ == [f"While Painter painted {cohort.cases[0].id}."]


def test_a_field_that_changes_no_twin_is_no_part_of_the_recipe(cohort, tmp_path, monkeypatch):
    first = paint(cohort, tmp_path, Painter(diary=str(tmp_path / "one")))
    assert paint(cohort, tmp_path, Painter(diary=str(tmp_path / "other"))).folder != first.folder
    monkeypatch.setattr(Painter, "not_in_recipe", frozenset({"diary"}))
    first = paint(cohort, tmp_path, Painter(diary=str(tmp_path / "one")))
    assert paint(cohort, tmp_path, Painter(diary=str(tmp_path / "other"))).folder == first.folder


def test_a_generator_that_is_watched_is_shown_the_loggers(cohort, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(Painter, "show_to", lambda self, loggers: shown.extend(loggers), raising=False)
    synthesize(Painter(), cohort, cohort.cases[:3], cohort.cases, tmp_path / "synthetic", loggers=["wandb"])
    assert shown == ["wandb"]


def test_only_the_first_rank_shows_and_its_number_outlives_a_trainer_within(cohort, tmp_path, monkeypatch):
    shown, fit = [], Painter.fit

    def with_a_trainer(self, cases):
        rank_zero_only.rank = 0
        return fit(self, cases)

    monkeypatch.setattr(rank_zero_only, "rank", 1)
    monkeypatch.setattr(Painter, "fit", with_a_trainer)
    monkeypatch.setattr(Painter, "show_to", lambda self, loggers: shown.append(list(loggers)), raising=False)
    synthesize(Painter(), cohort, cohort.cases[:3], cohort.cases, tmp_path / "synthetic", loggers=["wandb"])
    assert shown == [[]]
    assert rank_zero_only.rank == 1


def test_a_step_of_a_slow_sampler_moves_the_bar_within_a_twin(cohort, tmp_path, monkeypatch):
    at = []
    monkeypatch.setattr(session, "moved", lambda shown, done: (at.append(done), shown.update(done)))

    class Slow(Painter):
        def sample(self, label, rng):
            list(report_steps(range(4)))
            return super().sample(label, rng)

    paint(cohort, tmp_path, Slow(), paint=cohort.cases[:2])
    assert at == [0.25, 0.5, 0.75, 1, 1, 1.25, 1.5, 1.75, 2, 2]


@dataclass
class Taught(Painter):
    """Comes with weights, and with word of whom they were learned from."""

    not_in_recipe = frozenset({"train_ids"})
    files_in_recipe = frozenset({"weights"})
    weights: str = ""
    train_ids: tuple | None = None

    @property
    def training_ids(self):
        return self.train_ids


def test_weights_count_by_what_they_hold_and_not_by_where_they_lie(cohort, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    for name, content in (("a.pt", "one"), ("elsewhere/b.pt", "one"), ("c.pt", "other")):
        (tmp_path / name).write_text(content)
    folders = [
        paint(cohort, tmp_path, Taught(weights=str(tmp_path / name))).folder
        for name in ("a.pt", "elsewhere/b.pt", "c.pt")
    ]
    assert folders[0] == folders[1] != folders[2]
    (tmp_path / "a.pt").write_text("other weights under the old name")
    assert paint(cohort, tmp_path, Taught(weights=str(tmp_path / "a.pt"))).folder not in folders


def test_training_ids_that_are_told_later_change_the_manifest_and_no_twin(cohort, tmp_path, caplog):
    diary = tmp_path / "diary"
    folder = paint(cohort, tmp_path, Taught(diary=str(diary))).folder
    assert '"training_ids": "unknown"' in (folder / "manifest.json").read_text()
    before = load_manifest(folder)
    again = paint(cohort, tmp_path, Taught(diary=str(diary), train_ids=("x", "y"))).folder
    assert again == folder
    assert words(diary, "sample") == len(cohort.cases)
    assert load_manifest(folder) == before | {"training_ids": ["x", "y"], "card": load_manifest(folder)["card"]}
    assert "2 cases, named in the manifest" in (folder / "card.md").read_text()
    assert "were unknown; they are replaced by those in the config" in caplog.text
