"""A finished run labels images that came without labels, as it labels real ones, or is refused."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from synthtrust.cases import Mix, Refusal
from synthtrust.data.image_cache import image_table
from synthtrust.generators import ImageSet
from synthtrust.runs import label_by_run, labelling
from synthtrust.runs.labelling import RunLabeller
from synthtrust.testing import tiny_classes, tiny_cohort

MODALITIES = ["flair", "t1ce"]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return tiny_cohort(tmp_path_factory.mktemp("real"), count=2)


def run_of(cohort, **changes):
    """Return what is asked of a run, which was never trained."""
    facts = {"modalities": list(cohort.modalities), "labels": dict(cohort.labels)}
    known = {"folder": Path("runs/one"), "task": "segmentation", "mix": Mix(1.0), "facts": lambda: facts}
    return SimpleNamespace(**{**known, **changes})


def test_a_label_map_lies_on_the_whole_grid_where_its_image_does(cohort):
    """The network sees a crop in other units; what it says of it goes back to where the crop was."""
    model = SimpleNamespace(device="cpu", predict=lambda image: (image[:, 0] > 0).long() * 3)
    labeller = RunLabeller(run_of(cohort), cohort)
    labeller.__dict__["_model"] = model
    images = {name: np.zeros((30, 28, 26), np.float32) for name in MODALITIES}
    rng = np.random.default_rng(0)
    for image in images.values():
        image[6:16, 8:20, 10:22] = rng.uniform(50, 60, (10, 12, 12))
        image[9:12, 10:14, 12:16] = 500
    before = {name: image.copy() for name, image in images.items()}
    label = labeller.label_map(images)
    assert (label.shape, label.dtype) == ((30, 28, 26), np.uint8)
    bright = images["flair"] > 400
    np.testing.assert_array_equal(label, np.where(bright, 3, 0))
    for name in MODALITIES:
        np.testing.assert_array_equal(images[name], before[name])


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"task": "classification"}, "run for segmentation .* but runs/one is for classification"),
        ({"mix": Mix(0.0)}, r"real cases alone \(alpha=1\) .* but runs/one has alpha=0"),
        (
            {"facts": lambda: {"modalities": ["t2"], "labels": {}}},
            r"the modalities of the real .* runs/one has \['t2'\]",
        ),
        ({"facts": lambda: {"modalities": MODALITIES, "labels": {"liver": 1}}}, "the labels of the real cases"),
    ],
    ids=["task", "alpha", "modalities", "labels"],
)
def test_a_run_on_other_cases_is_refused(cohort, monkeypatch, changes, why):
    monkeypatch.setattr(labelling, "find_runs", lambda folder, trusted: [run_of(cohort, **changes)])
    with pytest.raises(Refusal, match=why):
        label_by_run(ImageSet(root="set", label_with="runs/one"), cohort)


def test_one_run_is_asked_for_and_other_generators_are_left_alone(cohort, monkeypatch):
    monkeypatch.setattr(labelling, "find_runs", lambda folder, trusted: [run_of(cohort), run_of(cohort)])
    with pytest.raises(Refusal, match=r"Expected one run at generator\.label_with, but runs has 2"):
        label_by_run(ImageSet(root="set", label_with="runs"), cohort)
    plain = ImageSet(root="set")
    label_by_run(plain, replace(cohort, cases=()))
    assert not plain.labelled_by
    with pytest.raises(Refusal, match="Expected label_by to be called"):
        _ = ImageSet(root="set", label_with="runs").labelled_by


@pytest.mark.parametrize("size", [[16, 16], [10, 12]])
def test_a_class_is_told_of_the_very_pixels_that_a_training_sees(tmp_path, size):
    cohort = tiny_classes(tmp_path, 5)
    seen = []

    def predict(images):
        seen.append(images)
        return torch.stack([images.mean((1, 2, 3)), torch.full((len(images),), 0.0)], 1).softmax(1)

    run = run_of(cohort, task="classification", facts=lambda: {"image_size": size})
    labeller = RunLabeller(run, cohort)
    labeller.__dict__["_model"] = SimpleNamespace(device="cpu", predict=predict)
    told = labeller.classes([{"grey": case.load_image("grey")} for case in cohort.cases])
    table = image_table(cohort.cases, ["grey"], tmp_path / "cache", size)
    expected = np.stack([table.images[table.row[case.id]] for case in cohort.cases]).astype(np.float32)
    np.testing.assert_array_equal(seen[0].numpy(), expected)
    assert told == predict(torch.from_numpy(expected)).argmax(1).tolist()


def test_labels_are_made_without_gradients(cohort):
    seen = []

    def predict(image):
        seen.append(torch.is_inference_mode_enabled())
        return torch.zeros(image[:, 0].shape)

    labeller = RunLabeller(run_of(cohort), cohort)
    labeller.__dict__["_model"] = SimpleNamespace(device="cpu", predict=predict)
    labeller.label_map({name: np.random.default_rng(1).uniform(1, 2, (9, 8, 7)) for name in MODALITIES})
    assert seen == [True]
