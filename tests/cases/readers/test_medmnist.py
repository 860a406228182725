"""MedMNIST files: every pixel and label as published, unpacked once, and nothing run from the file."""

import zipfile

import numpy as np
import pytest

from synthtrust.cases import CaseError, read_manifest, read_medmnist
from synthtrust.cases.readers.medmnist_names import CLASSES
from synthtrust.files import sha256_of

COUNTS = {"train": 5, "val": 2, "test": 3}


@pytest.fixture
def arrays(tmp_path):
    """Write a set of random images and return its file and its arrays."""

    def _arrays(name="pneumoniamnist", shape=(9, 7), classes=2, **changed):
        rng = np.random.default_rng(0)
        content = {}
        for part, count in COUNTS.items():
            content[f"{part}_images"] = rng.integers(0, 256, (count, *shape), np.uint8)
            content[f"{part}_labels"] = (np.arange(count, dtype=np.uint8) % classes)[:, None]
        content = {key: array for key, array in (content | changed).items() if array is not None}
        np.savez(tmp_path / f"{name}.npz", **content)
        return tmp_path / f"{name}.npz", content

    return _arrays


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 3), (9, 7, 5)], ids=["grey", "colours", "volumes"])
def test_every_pixel_label_and_part_is_as_published(arrays, tmp_path, shape):
    file, content = arrays(shape=shape)
    cohort = read_medmnist(file, tmp_path / "cases")
    assert cohort.modalities == (("red", "green", "blue") if shape[-1] == 3 else ("grey",))
    assert dict(cohort.labels) == {"normal": 0, "pneumonia": 1}
    assert cohort.licence == "CC BY 4.0"
    assert len(cohort.cases) == sum(COUNTS.values())
    by_id = {case.id: case for case in cohort.cases}
    for part, count in COUNTS.items():
        for n in range(count):
            case = by_id[f"{part}_{n:05d}"]
            assert (case.split, case.class_index, case.patient) == (part, content[f"{part}_labels"][n, 0], case.id)
            images = np.stack([case.load_image(m) for m in cohort.modalities], axis=-1)
            np.testing.assert_array_equal(images.squeeze(), content[f"{part}_images"][n])


def test_an_unpacked_set_is_found_and_not_unpacked_again(arrays, tmp_path):
    file, _ = arrays()
    cohort = read_medmnist(file, tmp_path / "cases")
    home = cohort.cases[0].images["grey"].parents[1]
    assert read_manifest(home, verify=True) == cohort
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    assert read_medmnist(file.parent, tmp_path / "cases") == cohort  # the folder holds no other
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before


def test_a_lost_image_comes_back(arrays, tmp_path):
    file, _ = arrays()
    path = read_medmnist(file, tmp_path / "cases").cases[0].images["grey"]
    before = sha256_of(path)
    path.unlink()
    assert sha256_of(read_medmnist(file, tmp_path / "cases").cases[0].images["grey"]) == before


def test_another_content_under_the_same_name_is_unpacked_apart(arrays, tmp_path):
    file, content = arrays()
    first = read_medmnist(file, tmp_path / "cases")
    arrays(train_images=content["train_images"] ^ 1)
    second = read_medmnist(file, tmp_path / "cases")
    assert (first.cases[-1].id, second.cases[-1].id) == ("val_00001", "val_00001")
    case, other = (next(c for c in cohort.cases if c.split == "train") for cohort in (first, second))
    assert not np.array_equal(case.load_image("grey"), other.load_image("grey"))


@pytest.mark.parametrize(
    ("name", "classes", "expected"),
    [
        ("pneumoniamnist_64", None, ["normal", "pneumonia"]),
        ("ownmnist", None, ["class 0", "class 1"]),
        ("ownmnist", ["well", "sick"], ["well", "sick"]),
    ],
)
def test_classes_are_named_by_the_file_or_by_the_user(arrays, tmp_path, name, classes, expected):
    file, _ = arrays(name)
    cohort = read_medmnist(file, tmp_path / "cases", classes)
    assert list(cohort.labels) == expected
    assert cohort.licence == ("unknown" if name == "ownmnist" else "CC BY 4.0")


def test_the_sets_have_as_many_classes_as_published():
    """Numbers of classes after Table 1 of Yang et al. 2023."""
    plane = {"path": 9, "derma": 7, "oct": 4, "pneumonia": 2, "retina": 5, "breast": 2, "blood": 8, "tissue": 8}
    plane |= {"organa": 11, "organc": 11, "organs": 11}
    volumes = {"organ": 11, "nodule": 2, "adrenal": 2, "fracture": 3, "vessel": 2, "synapse": 2}
    published = {f"{name}mnist": n for name, n in plane.items()} | {f"{name}mnist3d": n for name, n in volumes.items()}
    assert {name: len(set(classes)) for name, classes in CLASSES.items()} == published


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train_labels": np.zeros((5, 14), np.uint8)}, r"as many labels for each image in every part.*\(14,\)"),
        ({"train_labels": np.full((5, 14), 2, np.uint8)}, "0 or 1 for each of 14 findings, but train_labels of"),
        ({"val_labels": None}, "it has no val_labels"),
        ({"train_images": np.zeros((4, 9, 7), np.uint8)}, r"5 images of 8 bits.*uint8 \(4, 9, 7\) as train_images in"),
        ({"train_images": np.zeros((5, 9, 7), np.float32)}, "images of 8 bits.*float32"),
        ({"train_labels": np.zeros((5, 1))}, "train_labels of .* are float64"),
        ({"train_labels": np.full((5, 1), 7, np.uint8)}, r"labels 0 to 1 for .*, but got \[0, 1, 7\]"),
        ({f"{part}_labels": np.zeros((n, 1), np.uint8) for part, n in COUNTS.items()}, r"two classes, but got \[0\]"),
    ],
    ids=[
        "findings in one part",
        "neither 0 nor 1",
        "no labels",
        "too few images",
        "not 8 bits",
        "no whole numbers",
        "unnamed",
        "one class",
    ],
)
def test_a_file_of_another_form_is_an_error_and_no_set_is_left(arrays, tmp_path, changed, message):
    file, _ = arrays(**changed)
    with pytest.raises(CaseError, match=rf"{message}"):
        read_medmnist(file, tmp_path / "cases")
    assert not list(tmp_path.rglob("manifest.json"))


class _Bomb:
    def __reduce__(self):
        return print, ("run",)


def test_nothing_in_the_file_is_run(arrays, tmp_path, capsys):
    file, _ = arrays(train_labels=np.array([_Bomb()] * 5, dtype=object))
    with pytest.raises(CaseError, match=r"train_labels of .*pneumoniamnist\.npz needs pickle"):
        read_medmnist(file, tmp_path / "cases")
    assert "run" not in capsys.readouterr().out


def test_whatever_is_damaged_is_one_error_that_names_the_file(arrays, tmp_path):
    file, content = arrays()
    np.savez_compressed(file, **content)
    whole = bytearray(file.read_bytes())
    rng = np.random.default_rng(0)
    for n in range(60):
        broken = whole.copy()
        for position in rng.integers(0, len(whole), 16):
            broken[position] ^= int(rng.integers(1, 256))
        file.write_bytes(broken)
        try:
            read_medmnist(file, tmp_path / f"cases_{n}")
        except CaseError as error:
            assert "pneumoniamnist.npz" in str(error)  # noqa: PT017


def test_a_member_that_is_no_array_is_refused(arrays, tmp_path):
    file, _ = arrays(test_labels=None)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("test_labels.npy", b"no array")
    with pytest.raises(CaseError, match=r"test_labels of .*pneumoniamnist\.npz is damaged: it is no array"):
        read_medmnist(file, tmp_path / "cases")


def test_no_file_no_archive_and_two_archives_are_errors(arrays, tmp_path):
    with pytest.raises(CaseError, match=r"nowhere\.npz, but there is none"):
        read_medmnist(tmp_path / "nowhere.npz", tmp_path)
    (tmp_path / "set.npz").write_text("not an archive")
    with pytest.raises(CaseError, match=r"could not read .*set\.npz"):
        read_medmnist(tmp_path / "set.npz", tmp_path)
    arrays()
    with pytest.raises(CaseError, match=r"one \.npz file in .*\['pneumoniamnist\.npz', 'set\.npz'\]"):
        read_medmnist(tmp_path, tmp_path)
