"""Pictures of cases and twins: which cases, which slice, which way up."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from synthtrust.audits import twin_slices
from synthtrust.audits.pictures import MOST_SLICES, Network, _steps, class_slices
from synthtrust.cases import Case
from synthtrust.report.slices import twins_section

SHAPE = (10, 14, 6)


def write_case(folder, name, affine, turn=None):
    """Return a case with one bright voxel at the patient's right, in front, and a label that is largest in slice 4."""
    image = np.full(SHAPE, 10.0, dtype=np.float32)
    label = np.zeros(SHAPE, dtype=np.uint8)
    label[4:7, 5:8, 4] = 1
    label[5, 6, 2:4] = 2
    image[9, 13, 4] = 99  # RAS+: x grows to the right, y to the front
    paths = {}
    for role, data in (("t1", image), ("label", label)):
        picture = nib.Nifti1Image(data, affine)
        if turn is not None:
            picture = picture.as_reoriented(turn)
        paths[role] = folder / f"{name}_{role}.nii.gz"
        nib.save(picture, paths[role])
    return Case(name, {"t1": paths["t1"]}, paths["label"])


@dataclass
class PicturedRun:
    folder: object
    alpha: float
    turn: object = None

    def facts(self):
        return {"regions": {"core": [1], "all": [1, 2]}}

    def scores(self):
        dice = {"a": 0.9, "b": 0.2, "c": 0.5, "d": 0.6, "e": 0.3}
        return pd.DataFrame([{"alpha": self.alpha, "case": c, "source": "real", "dice": d} for c, d in dice.items()])

    def real_case(self, case_id):
        return write_case(self.folder, f"{case_id}{self.alpha:g}", np.diag([1.5, 2.0, 3.0, 1.0]), self.turn)

    twin = real_case


def test_the_cases_are_the_lowest_the_median_and_the_highest_of_the_most_real_model(tmp_path):
    pictures = twin_slices([PicturedRun(tmp_path, 0.0), PicturedRun(tmp_path, 1.0)])

    assert [picture.case for picture in pictures] == ["b1", "c1", "a1"]
    assert [picture.why.split()[0] for picture in pictures] == ["lowest", "median", "highest"]
    assert [row.name for row in pictures[0].rows] == ["Real", "Twin"]


@pytest.mark.parametrize(
    "turn",
    [
        pytest.param(None, id="as written"),
        pytest.param(np.array([[2, 1], [0, -1], [1, -1]]), id="turned and flipped"),
    ],
)
def test_the_patients_right_is_on_the_left_and_the_front_is_up(tmp_path, turn):
    (picture,) = twin_slices([PicturedRun(tmp_path, 1.0, turn)], n=1)

    image = picture.rows[0].images["t1"][picture.first]
    assert image.shape == (14, 10)
    assert image[0, 0] == 99
    assert int((picture.rows[0].label[picture.first] == 1).sum()) == 9  # the slice with the most label
    assert picture.pixel_mm == pytest.approx((2.0, 1.5))
    assert picture.regions == {"core": [1], "all": [1, 2]}
    assert picture.heights[picture.first] == 4


def test_few_cases_give_few_pictures(tmp_path):
    run = PicturedRun(tmp_path, 1.0)

    assert len(twin_slices([run], n=99)) == 5


def test_slices_run_over_what_is_labelled_and_keep_the_fullest(tmp_path):
    label = np.zeros((4, 4, 90), dtype=np.uint8)
    label[1, 1, 10:80] = 1
    label[1:3, 1:3, 41] = 1
    other = np.zeros((4, 4, 50), dtype=np.uint8)

    paired, first = _steps([label, label], [41, 41])
    apart, middle = _steps([label, other], [41, 25])

    assert len(paired) <= MOST_SLICES
    assert paired[first] == apart[middle] == 0
    assert (41 + paired[0], 41 + paired[-1]) == (9, 81)
    assert 25 + apart[0] >= 0
    assert 25 + apart[-1] < 50


def test_a_network_is_shown_with_its_dice_on_the_case(tmp_path):
    network = Network("real cases", lambda images: (images["t1"] > 50).astype(np.uint8), {("real", "c1"): 0.456})

    (picture,) = twin_slices([PicturedRun(tmp_path, 1.0)], n=1, networks=[network])

    ((words, prediction),) = picture.rows[0].predictions.items()
    assert words == "network trained on real cases: Dice 0.46"
    assert prediction[picture.first][0, 0] == 1  # turned as the image is
    assert prediction.sum() == 1


def test_a_class_is_shown_by_its_case_of_median_probability(tmp_path):
    run = PicturedRun(tmp_path, 1.0)
    probability = {("a", "x"): 0.9, ("b", "x"): 0.2, ("c", "x"): 0.6, ("d", "y"): 0.7}
    rows = [
        {"alpha": 1.0, "case": case, "source": "real", "target": own, "class": name,
         "probability": p if name == own else 1 - p}
        for (case, own), p in probability.items() for name in ("x", "y")
    ]  # fmt: skip
    run.scores = lambda: pd.DataFrame(rows)

    pictures = class_slices([run])

    assert [picture.why for picture in pictures] == [
        "x, median probability 0.60 of 3 cases",
        "y, median probability 0.70 of 1 case",
    ]
    assert pictures[0].case == "c1"
    assert pictures[0].rows[1].images["t1"].shape == (1, 14, 10)
    assert twins_section(pictures).figures[0].legend == ()  # classes have no outlines
