"""Calibration among twins: copies of their own source are called a leak, and an honest painter's twins are not."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from helpers.synthetic_sets import textured, textured_volumes
from synthtrust.audits import TwinCalibration
from synthtrust.audits.privacy import embedded
from synthtrust.audits.privacy.transforms import kinds
from synthtrust.generators import Generator
from synthtrust.report.calibration import calibration_chapter
from synthtrust.testing import tiny_classes

SEEN = (0.0, 0.1, 1.0)


@dataclass
class Texture(Generator):
    """Paints another texture of the kind on each label, of which it has never seen an image."""

    def fit(self, cases):
        self.fitted_ = [case.id for case in cases]
        return self

    def sample(self, label, rng):
        return {"mri": textured(rng, label).astype(np.float32)}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return textured_volumes(tmp_path_factory.mktemp("volumes"), 48, np.random.default_rng(3))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("draws")


@pytest.fixture(scope="module")
def calibration(folder):
    return TwinCalibration(
        generator=Texture(), synthetic=str(folder / "synthetic"), shares=SEEN, n_fit=4, n_train=20, n_holdout=21,
        seeds=1, n_permutations=399, angles=(), scales=(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def tables(calibration, cohort, folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "VOLUME_GRID", 12)
        return calibration(cohort, folder)


def test_copies_of_their_own_source_are_called_and_honest_twins_are_not(tables):
    detection = tables["detection"].set_index(["kind", "share", "measure"])
    assert detection.loc["none"]["detected"].tolist() == [0] * 5  # any, P1, P2, P3, P4
    assert detection.loc[("none", 0.0, "any"), ["n_copies", "n_seeds", "n_synthetic"]].tolist() == [0, 1, 41]
    for kind in ("exact", "noise", "intensity"):
        assert detection.loc[(kind, 0.1, "P1"), ["detected", "found", "n_copies"]].tolist() == [1, 1, 2]
        assert detection.loc[(kind, 1.0, "P4"), "detected"] == 1
    assert detection.loc[("flip", 1.0, "P1"), "detected"] == 1
    assert ("exact", 1.0, "P3") not in detection.index
    assert set(detection.index.get_level_values("kind")) == {"none", *kinds(1)}


def test_the_painter_never_saw_whom_its_twins_are_searched_for_in(calibration, cohort):
    assert len(calibration.generator.fitted_) == 4
    order = np.random.default_rng(0).permutation(48)
    assert calibration.generator.fitted_ == [cohort.cases[i].id for i in sorted(order[:4])]


def test_a_finished_seed_is_read_and_another_painting_is_asked_anew(calibration, cohort, folder, tables, monkeypatch):
    monkeypatch.setattr(TwinCalibration, "_draw", None)  # asking again would fail
    assert calibration(cohort, folder)["draws"].equals(tables["draws"])
    monkeypatch.setattr(embedded, "VOLUME_GRID", 12)
    with pytest.raises(TypeError):
        replace(calibration, generator=Texture(seed=1))(cohort, folder)


def test_the_page_says_that_twins_were_asked(tables):
    chapter = calibration_chapter(tables)
    section = chapter.sections[0]
    assert chapter.answers[0].startswith("False alarms on honest sets: 0.00")
    assert "painted twins on label maps of cases that it never saw" in str(section)
    assert "P4 twin leak" in str(section.figures[0])
    assert all("<svg" in panel for figure in section.figures for panel in figure.panels)


def test_classes_and_too_few_patients_are_refused(calibration, cohort, tmp_path):
    with pytest.raises(ValueError, match=r"Expected cases with label maps.*experiment=controls"):
        calibration(tiny_classes(tmp_path, 48), tmp_path)
    with pytest.raises(ValueError, match=r"at least 51 patients \(10 to learn from.* but got 48.*calibration.n_fit"):
        replace(calibration, n_fit=10)(cohort, tmp_path)


def test_the_experiment_composes_with_any_generator(composed):
    cfg = composed("evaluate", "experiment=twin_controls", "cases=msd")
    assert cfg.calibration.generator["_target_"].endswith("Tissue")
    other = composed("evaluate", "experiment=twin_controls", "generator@calibration.generator=replay", "cases=msd")
    assert other.calibration.generator["_target_"].endswith("Replay")
