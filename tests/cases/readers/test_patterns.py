"""Patterns say where the files of a case lie, in a layout that nobody else has."""

import numpy as np
import pytest

from synthtrust.cases import CaseError, read_brats
from synthtrust.cases.readers.patterns import files_by_pattern
from synthtrust.runs.build import read_cases
from synthtrust.testing import draw_tiny, save_nifti

SHAPE = (12, 14, 18)


def write(root, *names):
    """Write an image or, for names with ``label``, a label map in old BraTS values."""
    label, images = draw_tiny(SHAPE, ["t1"], np.random.default_rng(0))
    for name in names:
        save_nifti(root / name, np.array([0, 1, 2, 4], np.uint8)[label] if "label" in name else images["t1"])


LAYOUTS = {
    "name of the folder twice": (
        ["p1/p1_native.nii.gz", "p1/p1_label.nii.gz", "p2/p2_native.nii.gz", "p2/p2_label.nii.gz"],
        {"t1": "{case}/{case}_native.nii.gz", "seg": "{case}/{case}_label.nii.gz"},
    ),
    "folders by role": (
        ["scans/p1.nii.gz", "scans/p2.nii.gz", "labels/p1.nii.gz", "labels/p2.nii.gz"],
        {"t1": "scans/{case}.nii.gz", "seg": "labels/{case}.nii.gz"},
    ),
    "a star is the id": (
        ["a/p1_native.nii.gz", "b/c/p2_native.nii.gz", "a/p1_label.nii.gz", "b/p2_label.nii.gz"],
        {"t1": "*_native.nii.gz", "seg": "*/*_label.nii.gz"},
    ),
    "one name in every folder": (
        ["p1/native.nii.gz", "p1/label.nii.gz", "p2/native.nii.gz", "p2/label.nii.gz"],
        {"t1": "*/native.nii.gz", "seg": "*/label.nii.gz"},
    ),
    "any depth": (
        ["x/y/p1/t/scan.nii.gz", "p2/t/scan.nii.gz", "x/y/p1/label.nii.gz", "p2/label.nii.gz"],
        {"t1": "**/{case}/t/scan.nii.gz", "seg": "**/{case}/label.nii.gz"},
    ),
    "the label among the images": (
        ["p1.nii.gz", "p1_label.nii.gz", "p2.nii.gz", "p2_label.nii.gz"],
        {"t1": "*.nii.gz", "seg": "*_label.nii.gz"},
    ),
    "capitals": (
        ["p1_NATIVE.nii.gz", "p1_label.nii.gz", "p2_native.nii.gz", "p2_label.nii.gz"],
        {"t1": "{case}_native.NII.GZ", "seg": "{case}_Label.nii.gz"},
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_cases_are_found_in_any_layout(tmp_path, layout):
    names, patterns = LAYOUTS[layout]
    write(tmp_path, *names)
    cohort = read_brats(tmp_path, patterns=patterns)
    assert (cohort.modalities, cohort.refused, cohort.passed_over) == (("t1",), (), ())
    assert [case.id for case in cohort.cases] == ["p1", "p2"]
    for case in cohort.cases:
        assert set(np.unique(case.load_label())) == {0, 1, 2, 3}
        assert case.load_image("t1").shape == SHAPE


def test_the_command_line_takes_patterns_and_any_modality(composed, tmp_path):
    write(tmp_path, "ct/p1.nii.gz", "labels/p1.nii.gz", "ct/p2.nii.gz")
    cfg = composed(
        "train", "cases=brats", f"cases.root={tmp_path}", "cases.label_values={1:core, 2:rim, 4:shell}",
        'cases.patterns={ct: "ct/{case}.nii.gz", seg: "labels/{case}.nii.gz"}',
    )  # fmt: skip
    cohort = read_cases(cfg)
    assert (cohort.modalities, dict(cohort.labels)) == (("ct",), {"core": 1, "rim": 2, "shell": 3})
    assert [case.id for case in cohort.cases] == ["p1"]
    assert "p2, but found no seg" in cohort.refused[0].why


def test_a_patient_may_be_part_of_the_path(tmp_path):
    write(tmp_path, "anna/day1_t.nii.gz", "anna/day1_label.nii.gz", "anna/day2_t.nii.gz", "anna/day2_label.nii.gz")
    patterns = {"t1": "{patient}/{case}_t.nii.gz", "seg": "{patient}/{case}_label.nii.gz"}
    assert [case.patient for case in read_brats(tmp_path, patterns=patterns).cases] == ["anna", "anna"]
    write(tmp_path, "bert/day1_t.nii.gz", "bert/day1_label.nii.gz")
    with pytest.raises(CaseError, match=r"one patient of case day1, .*\['anna', 'bert'\]"):
        read_brats(tmp_path, patterns=patterns)


def test_what_matches_no_pattern_is_named(tmp_path):
    write(tmp_path, "p1_t.nii.gz", "p1_label.nii.gz", "elsewhere/p1_u.nii.gz")
    (passed,) = read_brats(tmp_path, patterns={"t1": "*_t.nii.gz", "seg": "*_label.nii.gz"}).passed_over
    assert [path.name for path in passed.files] == ["p1_u.nii.gz"]


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        ({"t1": "*_t.nii.gz"}, "a pattern of seg and of each modality"),
        ({"seg": "*_label.nii.gz"}, "a pattern of seg and of each modality"),
        ({"t1": "p1_t.nii.gz", "seg": "*_label.nii.gz"}, r"\{case\}, or one \*, .*'p1_t.nii.gz' for t1"),
        ({"t1": "*_*.nii.gz", "seg": "*_label.nii.gz"}, r"\{case\}, or one \*"),
        ({"t1": "{id}_t.nii.gz", "seg": "*_label.nii.gz"}, r"\{case\} and \{patient\} alone in braces"),
        ({"t1": "*_t.nii.gz", "seg": "*_mask.nii.gz"}, "files of seg under .*'\\*_mask.nii.gz', but found none"),
        ({"t1": "*_label.nii.gz", "seg": "*_label.nii.gz"}, "one pattern that matches .*those of t1 and seg"),
        ({"ct": "*_t.nii.gz", "seg": "*_label.nii.gz"}, "cases.label_values, such as"),
        ("*_t.nii.gz", "cases.patterns as"),
    ],
    ids=str,
)
def test_patterns_that_leave_something_open_are_refused(tmp_path, patterns, message):
    write(tmp_path, "p1_t.nii.gz", "p1_label.nii.gz")
    with pytest.raises(ValueError, match=f"^Expected .*{message}"):
        read_brats(tmp_path, patterns=patterns)


def test_signs_of_a_pattern_mean_themselves(tmp_path):
    """A dot is a dot, and a bracket a bracket."""
    paths = [tmp_path / name for name in ("p1(a)_t.nii", "p1(a)_txnii", "p1(a)_label.nii")]
    (case,) = files_by_pattern(tmp_path, paths, {"t1": "{case}_t.nii", "seg": "{case}_label.nii"})
    assert (case.id, dict(case.files)) == ("p1(a)", {"t1": [paths[0]], "seg": [paths[2]]})
