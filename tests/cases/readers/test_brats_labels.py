"""A value means what its series and release say; where they leave two meanings open, nothing is read."""

import numpy as np
import pytest

from synthtrust.cases import CaseError, read_brats
from synthtrust.cases.formats.volumes import read_volume
from synthtrust.cases.readers.brats_labels import MEANINGS, SERIES
from synthtrust.cases.readers.label_values import named_values, numbered
from synthtrust.runs.build import read_cases
from synthtrust.testing import draw_tiny, save_nifti

SHAPE = (12, 14, 18)
CANONICAL = {"NCR": 1, "ED": 2, "ET": 3}


def write_case(root, case_id, values, sign="-", label="seg", images=("t1c",)):
    """Write a case whose label file holds ``values``, label name -> value; return the canonical tiny label."""
    canonical, drawn = draw_tiny(SHAPE, ["t1ce"], np.random.default_rng(0), cavity=len(values) > 3)
    table = np.zeros(256, np.uint8)
    for canon, value in zip(range(1, 5), values):
        table[canon] = value
    for name in images:
        save_nifti(root / case_id / f"{case_id}{sign}{name}.nii.gz", drawn["t1ce"])
    save_nifti(root / case_id / f"{case_id}{sign}{label}.nii.gz", table[canonical])
    return canonical


PUBLISHED = [
    ("BraTS-GLI-00001-000", "2023", {"NCR": 1, "ED": 2, "ET": 3}),
    ("BraTS-GLI-00001-100", "2024", {"NCR": 1, "ED": 2, "ET": 3, "RC": 4}),
    ("BraTS-GLI-00001-100", "2025", {"NCR": 1, "ED": 2, "ET": 3, "RC": 4}),
    ("BraTS-PED-00001-000", "2023", {"NCR": 1, "ED": 2, "ET": 3}),
    ("BraTS-PED-00001-000", "2024", {"NCR": 2, "ED": 4, "ET": 1, "CYST": 3}),
    ("BraTS-PED-00001-000", "2025", {"NCR": 2, "ED": 4, "ET": 1, "CYST": 3}),
    ("BraTS-MEN-00001-000", "2023", {"NCR": 1, "ED": 2, "ET": 3}),
    ("BraTS-MET-00001-000", "2023", {"NCR": 1, "ED": 2, "ET": 3}),
    ("BraTS-MET-00001-000", "2025", {"NCR": 1, "ED": 2, "ET": 3, "RC": 4}),
    ("BraTS-SSA-00001-000", "2023", {"NCR": 1, "ED": 2, "ET": 3}),
    ("BraTS-GoAT-00001", "2024", {"NCR": 1, "ED": 2, "ET": 3}),
    ("BraTS-MEN-RT-0001-1", "2024", {"GTV": 1}),
]


@pytest.mark.parametrize(("case_id", "release", "in_file"), PUBLISHED, ids=lambda value: str(value)[:20])
def test_values_mean_what_the_series_published(tmp_path, case_id, release, in_file):
    write_case(tmp_path, case_id, list(in_file.values()))
    cohort = read_brats(tmp_path, modalities=["t1ce"], release=release)
    assert set(cohort.labels) == set(in_file)
    (case,) = cohort.cases
    raw, label = read_volume(case.label_map, np.float32), case.load_label()
    for name, value in in_file.items():
        np.testing.assert_array_equal(label == cohort.labels[name], raw == value)


@pytest.mark.parametrize("release", ["2023", "2024", "2025"])
def test_parts_of_a_glioma_have_one_value_in_every_release(tmp_path, release):
    write_case(tmp_path, "BraTS-PED-00001-000", [1, 2, 3])
    labels = read_brats(tmp_path, modalities=["t1ce"], release=release).labels
    assert {name: labels[name] for name in CANONICAL} == CANONICAL


def test_a_cyst_is_part_of_tumour_core_and_whole_tumour(tmp_path):
    write_case(tmp_path, "BraTS-PED-00001-000", [2, 4, 1, 3])
    cohort = read_brats(tmp_path, modalities=["t1ce"], release="2024")
    (case,) = cohort.cases
    raw, label = read_volume(case.label_map, np.float32), case.load_label()
    regions = cohort.regions(["TC", "WT"])
    np.testing.assert_array_equal(np.isin(label, regions["TC"]), np.isin(raw, [1, 2, 3]))
    np.testing.assert_array_equal(np.isin(label, regions["WT"]), raw > 0)


def test_a_cavity_is_part_of_no_composite(tmp_path):
    write_case(tmp_path, "BraTS-GLI-00001-100", [1, 2, 3, 4])
    assert read_brats(tmp_path, modalities=["t1ce"], release="2024").regions(["WT"]) == {"WT": (1, 2, 3)}


def test_a_series_that_changed_its_meaning_is_read_as_none_of_both(tmp_path):
    write_case(tmp_path, "BraTS-PED-00001-000", [2, 4, 1, 3])
    with pytest.raises(
        CaseError,
        match=r"2023 has 1 NCR, 2 ED, 3 ET; 2024 has 1 ET, 2 NCR, 3 CYST, 4 ED.*cases.release=2023 or .*release=2024",
    ):
        read_brats(tmp_path, modalities=["t1ce"])


@pytest.mark.parametrize("series", [name for name in SERIES if name != "PED"])
def test_a_series_with_one_meaning_needs_no_release(tmp_path, series):
    case_id = f"BraTS-{series}-00001-000"
    meaning = next(iter(MEANINGS[series].values()))
    write_case(tmp_path, case_id, list(meaning))
    cohort = read_brats(tmp_path, modalities=["t1ce"])
    assert set(cohort.labels) == set(meaning.values())
    assert cohort.cases[0].load_label().any()


@pytest.mark.parametrize("series", ["GLI", "MET"])
def test_a_value_that_a_later_release_added_is_refused_with_that_release(tmp_path, series):
    write_case(tmp_path, f"BraTS-{series}-00001-000", [1, 2, 3, 4])
    (case,) = read_brats(tmp_path, modalities=["t1ce"]).cases
    with pytest.raises(CaseError, match=rf"got \[4.*BraTS-{series}.*202[45] has 1 NCR, 2 ED, 3 ET, 4 RC"):
        case.load_label()


def test_a_series_may_be_said_of_files_that_are_named_otherwise(tmp_path):
    write_case(tmp_path, "child_001", [2, 4, 1, 3], sign="_")
    cohort = read_brats(tmp_path, modalities=["t1ce"], series="ped", release=2024)
    assert set(cohort.labels) == {"NCR", "ED", "ET", "CYST"}


@pytest.mark.parametrize(
    ("case_id", "options", "message"),
    [
        ("BraTS-PED-00001-000", {"series": "GLI"}, "Expected the series that the names .* brats-ped, but got .*GLI"),
        ("BraTS-PED-00001-000", {"series": "PAED"}, "Expected `series` among .*'PED'.* but got 'PAED'"),
        ("BraTS-PED-00001-000", {"release": "2021"}, r"Expected a release of BraTS-PED among \['2023', .*got 2021"),
        ("BraTS-XYZ-00001-000", {}, "Expected a series of BraTS among .*cases.label_values"),
    ],
    ids=str,
)
def test_what_does_not_go_with_the_names_is_refused(tmp_path, case_id, options, message):
    write_case(tmp_path, case_id, [1, 2, 3])
    with pytest.raises(ValueError, match=message):
        read_brats(tmp_path, modalities=["t1ce"], **options)


def test_values_that_a_user_names_stand_above_every_table(tmp_path):
    canonical = write_case(tmp_path, "BraTS-PED-00001-000", [7, 4, 1, 3])
    named = {1: "ET", 7: "necrosis", 4: None, "3": "bleeding"}
    cohort = read_brats(tmp_path, modalities=["t1ce"], label_values=named)
    assert dict(cohort.labels) == {"NCR": 1, "ET": 3, "bleeding": 4}
    np.testing.assert_array_equal(cohort.cases[0].load_label(), np.where(canonical == 2, 0, canonical))


def test_a_value_that_nobody_named_is_refused(tmp_path):
    write_case(tmp_path, "BraTS-PED-00001-000", [2, 4, 1, 3])
    (case,) = read_brats(tmp_path, modalities=["t1ce"], label_values={1: "ET", 2: "NCR"}).cases
    with pytest.raises(CaseError, match=r"\[0, 1, 2\], but got \[3.* Name the value in cases.label_values"):
        case.load_label()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"one": "ET"}, r"label_values as \{value: name"),
        ({0: "ET", 1: "ED"}, "0 to be background"),
        ({1: None, 2: "background"}, "a name for at least one"),
        (["ET"], r"label_values as \{value: name"),
        ({True: "ET"}, r"label_values as \{value: name"),
    ],
    ids=str,
)
def test_values_of_another_form_are_refused(given, message):
    with pytest.raises(ValueError, match=f"^Expected .*{message}"):
        named_values(given)


def test_labels_of_their_own_are_numbered_after_those_that_have_a_value_everywhere():
    assert numbered({1: "ET", 2: "NCR", 3: "CYST", 4: "ED"})[0] == {**CANONICAL, "CYST": 4}
    assert numbered({1: "ET", 4: "RC", 9: "CYST"})[0] == {"ET": 3, "RC": 4, "CYST": 5}
    assert numbered({205: "ventricle", 500: "aorta"}) == ({"ventricle": 1, "aorta": 2}, {0: 0, 205: 1, 500: 2})


def test_words_for_parts_of_a_brain_tumour_mean_nothing_in_other_organs():
    """A cyst of the kidney and an oedema of the retina keep their names."""
    assert numbered({1: "kidney", 2: "tumor", 3: "cyst"})[0] == {"kidney": 1, "tumor": 2, "cyst": 3}
    assert numbered({1: "edema", 2: "drusen"})[0] == {"edema": 1, "drusen": 2}


@pytest.mark.parametrize(
    ("override", "labels"),
    [
        ("cases.label_values={1:ET,2:NCR,3:CYST,4:ED}", {**CANONICAL, "CYST": 4}),
        ("cases.label_values={1: ET, 2: NCR, 3: null, 4: background}", {"NCR": 1, "ET": 3}),
        ("cases.release=2024", {**CANONICAL, "CYST": 4}),
    ],
)
def test_meanings_can_be_said_on_the_command_line(composed, tmp_path, override, labels):
    write_case(tmp_path, "BraTS-PED-00001-000", [2, 4, 1, 3])
    cohort = read_cases(composed("train", "cases=brats", f"cases.root={tmp_path}", "cases.modalities=[t1ce]", override))
    assert dict(cohort.labels) == labels
    assert set(np.unique(cohort.cases[0].load_label())) == {0, *labels.values()}
