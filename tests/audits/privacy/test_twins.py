"""The privacy audit of volumes that were painted on label maps: what a twin may share with its source, and what not."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.fake_runs import rows_of, sentences, verdict_of
from helpers.synthetic_sets import REGIONS, PaintedRun, textured, textured_volumes
from synthtrust.audits import Privacy
from synthtrust.audits.privacy import embedded
from synthtrust.cases import Case, Cohort, Source
from synthtrust.cases.manifest import write_manifest
from synthtrust.refusals import CaseError
from synthtrust.testing.tiny import save_nifti


@pytest.fixture(scope="module")
def audit():
    """Return the audit without rotations and sizes, of which no twin here has any."""
    return Privacy(n_permutations=399, angles=(), scales=(), n_copies=2)


@pytest.fixture
def small_grid(monkeypatch):
    monkeypatch.setattr(embedded, "VOLUME_GRID", 12)


@pytest.fixture(scope="module")
def volumes(tmp_path_factory):
    """Return real volumes with labels of their own, and twins that share nothing with them but the label."""
    rng = np.random.default_rng(3)
    real = textured_volumes(tmp_path_factory.mktemp("volumes"), 48, rng)
    images = [case.load_image("mri") for case in real.cases]
    return real, images, [textured(rng, case.load_label()) for case in real.cases]


def on_labels(folder, real, images, n_train=24, n_painted=48, edited=()):
    cases = []
    for case, image in list(zip(real.cases, images))[:n_painted]:
        file = save_nifti(folder / f"{case.id}.nii.gz", image.astype(np.float32))
        label = save_nifti(folder / f"{case.id}_label.nii.gz", case.load_label())
        cases.append(Case(case.id, {"mri": file}, label, Source.SYNTHETIC, case.patient))
    ids = [case.id for case in real.cases[:n_train]]
    twins = Cohort("twins", tuple(cases), ("mri",), REGIONS)
    write_manifest(folder, twins, {}, training_ids=ids, mask_disclosure=True, mask_edit=list(edited))
    return PaintedRun(real, folder, n_train)


def test_twins_that_share_only_their_label_are_not_accused(audit, tmp_path, volumes, small_grid):
    real, _, fresh = volumes
    edited = [case.id for case in real.cases[:2]]
    tables = audit([on_labels(tmp_path / "honest", real, fresh, edited=edited)])
    verdict = verdict_of(tables)
    assert verdict["verdict"] != "NOT SUPPORTED"
    assert "46 of 48 label maps are" in sentences(verdict)
    assert "mask_disclosure" in sentences(verdict)
    assert "2 of 48 twins have a label map that is not their real case's. The search" in sentences(verdict)
    (leak,) = rows_of(tables, "P4 twin leak AUC")
    assert leak["ci_low"] < 0.5 < leak["ci_high"]
    assert rows_of(tables, "P1 copies of the own source")[0]["value"] == 0


def test_twins_that_know_their_source_are_found_one_by_one_and_together(audit, tmp_path, volumes, small_grid):
    real, images, fresh = volumes
    all_of_them = verdict_of(audit([on_labels(tmp_path / "replay", real, [*images[:24], *fresh[24:]])]))
    assert "24 of 24 twins of training labels are copies of the case they were painted for (P1)" in sentences(
        all_of_them
    )
    assert "(P4)" in sentences(all_of_them)
    two = audit([on_labels(tmp_path / "two", real, [*images[:2], *fresh[2:]])])
    assert verdict_of(two)["verdict"] == "NOT SUPPORTED"
    copies = two["copies"][two["copies"]["reading"] == "COPY"]
    assert copies[["synthetic", "own_source"]].values.tolist() == [["v00", True], ["v01", True]]


def test_a_training_image_on_another_label_is_a_copy_too(audit, tmp_path, volumes, small_grid):
    real, images, fresh = volumes
    tables = audit([on_labels(tmp_path / "replay", real, [*fresh[:24], *images[:3], *fresh[27:]])])
    assert "3 of 48 synthetic images are copies, of 3 training cases (P1)" in sentences(verdict_of(tables))


def test_without_twins_of_unseen_labels_the_twin_leak_is_not_assessed(audit, tmp_path, volumes, small_grid):
    real, _, fresh = volumes
    tables = audit([on_labels(tmp_path / "half", real, fresh, n_painted=24)])
    verdict = verdict_of(tables)
    assert verdict["verdict"] == "INCONCLUSIVE"
    assert "Twin leak not computed" in sentences(verdict)
    assert "got 24 and 0" in sentences(verdict)


def test_a_volume_with_a_hole_is_refused_with_its_file(audit, tmp_path, volumes, small_grid):
    real, _, fresh = volumes
    holes = [fresh[0].copy(), *fresh[1:]]
    holes[0][3, 3, 3] = np.nan
    with pytest.raises(CaseError, match=r"NaN or infinity in .*v00\.nii\.gz"):
        audit([on_labels(tmp_path / "holes", real, holes)])


def test_a_twin_that_shows_another_time_point_of_its_patient_is_a_copy(audit, tmp_path, volumes, small_grid):
    real, images, fresh = volumes
    visits = tuple(replace(case, patient=f"of {i // 2}") for i, case in enumerate(real.cases))
    swapped = [images[i ^ 1] if i < 4 else fresh[i] for i in range(48)]
    tables = audit([on_labels(tmp_path / "visits", replace(real, cases=visits), swapped)])
    assert "4 of 24 twins of training labels are copies of the case" in sentences(verdict_of(tables))
    copies = tables["copies"][tables["copies"]["reading"] == "COPY"]
    assert sorted(zip(copies["synthetic"], copies["nearest_real"])) == [
        ("v00", "v01"), ("v01", "v00"), ("v02", "v03"), ("v03", "v02"),
    ]  # fmt: skip


def test_the_twin_of_a_case_that_comes_twice_is_searched_beside_the_one_that_stands_for_it(
    audit, tmp_path, volumes, small_grid
):
    real, images, fresh = volumes
    cases = list(real.cases)
    cases[1] = replace(cases[1], images=cases[0].images)  # another label on the same image
    twice = replace(real, cases=tuple(cases))
    tables = audit([on_labels(tmp_path / "twice", twice, [fresh[0], images[0], *fresh[2:]])])
    assert "1 training cases left out" in sentences(verdict_of(tables))
    copies = tables["copies"][tables["copies"]["reading"] == "COPY"]
    assert copies[["synthetic", "nearest_real", "own_source"]].values.tolist() == [["v01", "v00", True]]
    honest = audit([on_labels(tmp_path / "honest", twice, fresh)])
    assert verdict_of(honest)["verdict"] != "NOT SUPPORTED"
