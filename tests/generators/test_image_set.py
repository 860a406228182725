"""Images without labels are imported as they lie, and nothing that needs a label is asked of them."""

import shutil

import numpy as np
import pytest

from helpers.plane_images import blobs, colourful, save
from synthtrust.cases import Case, CaseError, Refusal, Source, load_manifest, read_manifest
from synthtrust.generators import ImageSet, LabelledSet, synthesize
from synthtrust.testing import tiny_classes, tiny_cohort, tiny_findings

MODALITIES = ("flair", "t1ce")


@pytest.fixture
def real(tmp_path):
    return tiny_cohort(tmp_path / "real", count=3)


def imported(real, tmp_path, root, **options):
    importer = ImageSet(root=str(root), **options)
    return synthesize(importer, real, real.cases, real.cases, tmp_path / "synthetic", to_learn_from=False)


def painted(tmp_path, naming):
    """Copy the images of another cohort, and none of its label maps, under new names."""
    made = tiny_cohort(tmp_path / "made", count=4, seed=9)
    for n, case in enumerate(made.cases):
        for modality in MODALITIES:
            target = tmp_path / "set" / naming.format(n=n, modality=modality)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(case.images[modality], target)
    return made


@pytest.mark.parametrize(
    ("naming", "patterns"),
    [
        ("case{n}/case{n}_{modality}.nii.gz", None),
        ("{modality}/out{n}.nii.gz", {"flair": "flair/*.nii.gz", "t1ce": "t1ce/*.nii.gz"}),
    ],
    ids=["names of BraTS", "patterns"],
)
def test_volumes_of_several_modalities_are_told_by_their_names(real, tmp_path, naming, patterns):
    made = painted(tmp_path, naming)
    own = imported(real, tmp_path, tmp_path / "set", patterns=patterns)
    assert (len(own.cases), own.paired, own.task, own.labels) == (4, False, "unlabelled", {})
    for case, original in zip(own.cases, made.cases, strict=True):
        for modality in MODALITIES:
            np.testing.assert_allclose(case.load_image(modality), original.load_image(modality), rtol=1e-6)
    record = load_manifest(own.folder)
    assert [case["label"] for case in record["cases"]] == ["none"] * 4
    assert read_manifest(own.folder, verify=True).cases == own.cases
    assert "Each has an id of its own, and no label." in (own.folder / "card.md").read_text()


@pytest.mark.parametrize("colours", [False, True])
def test_plane_images_in_folders_are_cases_and_masks_are_none(tmp_path, colours):
    real = tiny_classes(tmp_path / "real", 4, colours=colours)
    for n in range(3):
        save(tmp_path / "set" / f"batch{n % 2}" / f"img{n}.png", colourful(n) if colours else blobs(n))
        save(tmp_path / "set" / "masks" / f"img{n}.png", blobs(n) // 128 * 255)
    own = imported(real, tmp_path, tmp_path / "set")
    assert [case.id for case in own.cases] == ["batch0_img0", "batch0_img2", "batch1_img1"]
    for name in own.modalities:
        assert own.cases[1].load_image(name).shape == (40, 36)
    expected = colourful(2)[..., 1] if colours else blobs(2)
    np.testing.assert_array_equal(own.cases[1].load_image(own.modalities[1 if colours else 0]), expected)


def test_children_belong_to_the_patient_of_their_parent(tmp_path):
    real = tiny_classes(tmp_path / "real", 4)
    save(tmp_path / "set" / "scan_002_new.png", blobs(1))
    save(tmp_path / "set" / "other.png", blobs(2))
    pattern = r"(?P<parent>.+)_new"
    own = imported(real, tmp_path, tmp_path / "set", parent_pattern=pattern)
    assert [(case.id, case.patient) for case in own.cases] == [("other", "other"), ("scan_002_new", "scan_002")]
    save(tmp_path / "set" / "scan_9_new.png", blobs(3))
    with pytest.raises(CaseError, match="'scan_9', the parent of scan_9_new, is none of them"):
        imported(real, tmp_path, tmp_path / "set", parent_pattern=pattern)


def test_nothing_learns_from_images_without_labels(tmp_path):
    real = tiny_classes(tmp_path / "real", 4)
    save(tmp_path / "set" / "a.png", blobs(1))
    with pytest.raises(CaseError, match=r"Expected labelled cases to train on, .* ImageSet have no labels"):
        synthesize(ImageSet(root=str(tmp_path / "set")), real, real.cases, real.cases, tmp_path / "synthetic")
    with pytest.raises(CaseError, match="Expected a label map, a class or findings of case a"):
        Case("a", {"grey": tmp_path / "set" / "a.png"})
    case = Case("a", {"grey": tmp_path / "set" / "a.png"}, source=Source.SYNTHETIC)
    with pytest.raises(CaseError, match="case a has no label"):
        case.require_label_map()


class Halves:
    """Labels one half of each volume, and says so."""

    facts = {"run": "halves", "checkpoint": "0" * 64, "dice": 0.5}  # noqa: RUF012

    def label_map(self, images):
        label = np.zeros(images["flair"].shape, np.uint8)
        label[: len(label) // 2] = 2
        return label


def test_a_run_labels_them_and_manifest_and_card_say_how_well(real, tmp_path):
    painted(tmp_path, "case{n}/case{n}_{modality}.nii.gz")
    importer = ImageSet(root=str(tmp_path / "set"), label_with="runs/halves")
    importer.label_by(Halves())
    own = synthesize(importer, real, real.cases, real.cases, tmp_path / "synthetic")
    assert (own.task, dict(own.labels), own.paired) == ("segmentation", dict(real.labels), False)
    assert {tuple(np.unique(case.load_label())) for case in own.cases} == {(0, 2)}
    assert own.cases[0].load_label().shape == own.cases[0].load_image("flair").shape
    record = load_manifest(own.folder)
    assert (record["labelled_by"], record["made_by"]["labelled_by"]) == (Halves.facts, Halves.facts)
    assert "the segmenter halves, which reaches a mean Dice of 0.500" in (own.folder / "card.md").read_text()
    assert imported(real, tmp_path, tmp_path / "set").folder != own.folder
    again = LabelledSet(root=str(own.folder))
    again = synthesize(again, real, real.cases, real.cases, tmp_path / "synthetic")
    assert load_manifest(again.folder)["labelled_by"] == Halves.facts
    with pytest.raises(CaseError, match=r"beside generator\.label_with, but those of tiny findings have findings"):
        importer.own_cases(tiny_findings(tmp_path / "findings", 4))


class Bright:
    """Takes bright images for the second class, and says so."""

    facts = {"run": "bright", "checkpoint": "0" * 64, "auc": 0.75}  # noqa: RUF012

    def classes(self, images):
        return [int(image["grey"].mean() > 100) for image in images]


def test_a_classifier_tells_the_classes_of_images_and_manifest_and_card_say_how_well(tmp_path, caplog):
    real = tiny_classes(tmp_path / "real", 4)
    for n in range(70):  # more than are classified at once
        save(tmp_path / "set" / f"img{n:02d}.png", blobs(n, (8, 8)) // 4 + (150 if n % 3 == 0 else 0))
    importer = ImageSet(root=str(tmp_path / "set"), label_with="runs/bright")
    importer.label_by(Bright())
    own = synthesize(importer, real, real.cases, real.cases, tmp_path / "synthetic")
    assert (own.task, dict(own.labels), own.paired) == ("classification", dict(real.labels), False)
    assert [case.class_index for case in own.cases] == [int(n % 3 == 0) for n in range(70)]
    assert load_manifest(own.folder)["labelled_by"] == Bright.facts
    card = " ".join((own.folder / "card.md").read_text().split())
    assert "told by the classifier bright, which reaches an area under the ROC curve of 0.750" in card
    assert "takes no image" not in caplog.text
    Bright.classes = lambda self, images: [0] * len(images)
    importer.own_cases(real)
    assert "runs/bright takes no image of" in caplog.text


def test_what_cannot_be_audited_is_refused_by_name(real, tmp_path):
    with pytest.raises(CaseError, match=r"folder of synthetic images at .*set, but there is none. Set generator.root"):
        imported(real, tmp_path, tmp_path / "set")
    save(tmp_path / "set" / "a.png", blobs(1))
    with pytest.raises(CaseError, match=r"Expected volumes under .*set, .* none, but 1 of the other kind"):
        imported(real, tmp_path, tmp_path / "set")
    painted(tmp_path, "case{n}/case{n}_{modality}.nii.gz")
    (tmp_path / "set/case1/case1_t1ce.nii.gz").unlink()
    (tmp_path / "set/case2/case2_t1ce.nii.gz").write_bytes(b"no")
    with pytest.raises(CaseError, match=r"2 of .*set cannot, first .*case1_flair.*Expected flair, t1ce of case1, but"):
        imported(real, tmp_path, tmp_path / "set")
    with pytest.raises(Refusal, match=r"generator\.spacing among"):
        ImageSet(root="x", spacing="1 mm")
