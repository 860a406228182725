"""Copies in two parts of a split are found however they were saved, and honest images of one kind are not."""

import io
import logging
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter, zoom

from helpers.plane_images import blobs, colourful, save
from synthtrust.cases import Case, CaseError, Splits, phantom, phantom_slices
from synthtrust.cases.checks import duplicates
from synthtrust.cases.checks.duplicates import ALIKE, ALIKE_VOLUMES, check_duplicates, find_duplicates
from synthtrust.cases.checks.structure import averaged, fine_structure, foreground, interior_structure
from synthtrust.cases.phantom.slice_painter import paint_slice
from synthtrust.testing import save_nifti


@pytest.fixture
def splits(tmp_path):
    """Split images that are given by part: ``splits(train=[...], val=[...], test=[...])``."""

    def _case(part, n, pixels):
        name = f"{part}_{n}"
        if pixels.ndim == 3 and pixels.shape[-1] > 3:
            return Case(name, {"grey": save_nifti(tmp_path / f"{name}.nii.gz", pixels)}, class_index=n % 2)
        return Case(name, {"grey": save(tmp_path / f"{name}.png", pixels)}, class_index=n % 2)

    def _splits(train, val=(), test=()):
        parts = {"train": train, "val": val, "test": test}
        return Splits(*(tuple(_case(part, n, p) for n, p in enumerate(images)) for part, images in parts.items()))

    return _splits


def _jpeg(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=60)
    return np.asarray(Image.open(file))


def _resized(pixels, factor):
    size = [round(side * factor) for side in pixels.shape[1::-1]]
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


CHANGES = {
    "JPEG": _jpeg,
    "smaller": lambda pixels: _resized(pixels, 0.9),
    "half": lambda pixels: _resized(pixels, 0.5),
    "larger": lambda pixels: _resized(pixels, 1.3),
    "brighter": lambda pixels: np.clip(pixels * 1.15 + 12, 0, 255).astype(np.uint8),
    "gamma": lambda pixels: (255 * (pixels / 255) ** 0.8).astype(np.uint8),
    "noise": lambda pixels: np.clip(pixels + np.random.default_rng(0).normal(0, 5, pixels.shape), 0, 255).astype("u1"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_copy_of_a_slice_is_found_and_nothing_else(splits, change):
    slices = [paint_slice(0, n, 48, tumour=bool(n % 2)) for n in range(24)]
    copies = {14: 3, 20: 8}  # position in the list below -> slice of train
    test = [change(slices[copies[n]]) if n in copies else slices[n] for n in range(12, 24)]
    pairs = find_duplicates(splits(slices[:12], test=test))
    assert {(d.earlier, d.later) for d in pairs} == {("train_3", "test_2"), ("train_8", "test_8")}
    assert all(ALIKE <= d.similarity <= 1 and not d.exact for d in pairs)
    assert {d.parts for d in pairs} == {("train", "test")}


TURNS = {
    "mirrored": lambda pixels: pixels[:, ::-1],
    "upside down": lambda pixels: pixels[::-1],
    "by 90 degrees": lambda pixels: np.rot90(pixels),
    "by 180 degrees": lambda pixels: np.rot90(pixels, 2),
    "by 270 degrees": lambda pixels: np.rot90(pixels, 3),
    "transposed": lambda pixels: pixels.T,
    "transposed the other way": lambda pixels: pixels[::-1, ::-1].T,
}


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_a_mirrored_or_turned_copy_is_found_and_said_to_be_one(splits, turn):
    copy = _jpeg(np.ascontiguousarray(turn(blobs(1, (24, 30)))))
    parts = splits([blobs(n, (24, 30)) for n in range(3)], test=[blobs(3, (24, 30)), copy])
    (pair,) = find_duplicates(parts)
    assert (pair.earlier, pair.later, pair.exact, pair.turned) == ("train_1", "test_1", False, True)
    with pytest.raises(
        CaseError, match=r"train_1 \(train\) and test_1 \(test\), 0\.9\d\d alike when mirrored or turned"
    ):
        check_duplicates(parts)


def test_a_copy_of_a_symmetric_image_is_not_said_to_be_turned(splits, monkeypatch):
    """It is as alike when mirrored, but for rounding, which a processor may do in favour of either."""
    turned = duplicates._turned
    rounded = lambda fine: (view * np.float32(1 + 2e-7 * n) for n, view in enumerate(turned(fine)))  # noqa: E731
    monkeypatch.setattr(duplicates, "_turned", rounded)
    images = [blobs(n, (24, 30)) for n in range(8)]
    symmetric = [(image // 2 + image[:, ::-1] // 2) for image in images]
    pairs = find_duplicates(splits(symmetric, test=[_jpeg(image) for image in symmetric]))
    assert [(d.earlier[-1], d.later[-1], d.turned) for d in pairs] == [(str(n), str(n), False) for n in range(8)]


def test_honest_slices_are_no_duplicates(tmp_path):
    cases = phantom_slices(tmp_path, n_cases=120).cases
    assert find_duplicates(Splits(cases[:80], cases[80:90], cases[90:])) == []


def test_the_same_pixels_in_another_file_are_exact(splits, tmp_path):
    parts = splits([blobs(0), blobs(1)], [blobs(2)], [blobs(1), blobs(2)])
    path = parts.test[0].images["grey"]
    Image.fromarray(blobs(1)).save(path, compress_level=0)
    assert path.read_bytes() != parts.train[1].images["grey"].read_bytes()
    assert [(d.earlier, d.later, d.parts, d.similarity, d.exact) for d in find_duplicates(parts)] == [
        ("train_1", "test_0", ("train", "test"), 1.0, True),
        ("val_0", "test_1", ("val", "test"), 1.0, True),
    ]


def test_a_copy_within_one_part_is_nobodys_leak(splits):
    assert find_duplicates(splits([blobs(0), blobs(0)], [blobs(1)], [blobs(2)])) == []


def test_flat_images_are_copies_only_of_themselves(splits):
    parts = splits([np.full((20, 24), 7, np.uint8), blobs(0)], test=[np.full((20, 24), 8, np.uint8)])
    assert find_duplicates(parts) == []
    parts = splits([np.full((20, 24), 7, np.uint8), blobs(0)], test=[np.full((20, 24), 7, np.uint8)])
    assert [(d.earlier, d.exact) for d in find_duplicates(parts)] == [("train_0", True)]


def test_colours_are_compared_by_their_brightness(splits):
    images = [colourful(n) for n in range(6)]
    pairs = find_duplicates(splits(images[:3], test=[images[3], _jpeg(images[1]), images[4]]))
    assert [(d.earlier, d.later) for d in pairs] == [("train_1", "test_1")]


def test_volumes_are_compared_too(splits):
    volumes = [np.random.default_rng(n).integers(1, 255, (20, 22, 24), np.uint8) for n in range(4)]
    brighter = (volumes[1] * 0.8 + 9).astype(np.uint8)
    pairs = find_duplicates(splits(volumes[:3], test=[volumes[3], brighter]))
    assert [(d.earlier, d.later, d.exact) for d in pairs] == [("train_1", "test_1", False)]
    (pair,) = find_duplicates(splits(volumes[:3], test=[volumes[3], brighter[:, ::-1, ::-1]]))
    assert (pair.earlier, pair.later, pair.turned) == ("train_1", "test_1", True)


VOLUME_CHANGES = {
    "other units": lambda voxels, brain: np.where(brain, voxels * 3.5 + 40, 0),
    "z-scores": lambda voxels, brain: np.where(brain, (voxels - voxels[brain].mean()) / voxels[brain].std(), 0),
    "noise": lambda voxels, brain: np.where(brain, voxels + np.random.default_rng(0).normal(0, 4, voxels.shape), 0),
    "noise around it": lambda voxels, brain: np.abs(voxels + np.random.default_rng(0).normal(0, 2, voxels.shape)),
    "gamma": lambda voxels, brain: voxels.max() * (voxels / voxels.max()) ** 0.8,
    "larger": lambda voxels, brain: zoom(voxels, 1.4, order=1),
}


@pytest.fixture(scope="module")
def brains(tmp_path_factory):
    """Volumes of one outline, as heads without their skull are that were brought to one space; with label maps."""
    return phantom(tmp_path_factory.mktemp("brains"), 8, (36, 42, 34), (4.0, 4.0, 4.0), ["flair"]).cases


@pytest.mark.parametrize("change", VOLUME_CHANGES.values(), ids=VOLUME_CHANGES)
def test_a_changed_copy_of_a_labelled_volume_is_found_and_nothing_else(brains, tmp_path, change):
    voxels = brains[1].load_image("flair")
    path = save_nifti(tmp_path / "copy.nii.gz", change(voxels, voxels != 0).astype(np.float32))
    copy = replace(brains[7], images={"flair": path})
    (pair,) = find_duplicates(Splits(brains[:4], brains[4:6], (brains[6], copy)))
    assert (pair.earlier, pair.later, pair.parts) == (brains[1].id, copy.id, ("train", "test"))
    assert pair.similarity >= ALIKE_VOLUMES


def test_the_same_labelled_volume_in_another_file_is_exact(brains, tmp_path):
    voxels = brains[1].load_image("flair")
    copy = replace(brains[7], images={"flair": save_nifti(tmp_path / "copy.nii", voxels)})
    (pair,) = find_duplicates(Splits(brains[:4], (), (copy,)), tmp_path / "kept")
    assert (pair.earlier, pair.exact) == (brains[1].id, True)


def test_an_outline_in_common_makes_no_copy():
    """Two heads of one outline and other contents: alike as a whole, and not inside."""
    rng = np.random.default_rng(0)
    position = np.stack(np.meshgrid(*[np.linspace(-1, 1, 48)] * 3, indexing="ij"))
    head = (position**2).sum(0) < 0.8
    first, second = (np.where(head, 300 + gaussian_filter(rng.normal(0, 150, head.shape), 2), 0) for _ in range(2))
    assert fine_structure(first, 24) @ fine_structure(second, 24) > ALIKE
    assert abs(interior_structure(first, 24) @ interior_structure(second, 24)) < 0.5
    assert interior_structure(first, 24) @ interior_structure(2 * first, 24) == pytest.approx(1, abs=1e-6)


def test_a_volume_that_was_cut_out_has_no_background_and_none_is_left_out():
    crop = np.random.default_rng(0).normal(100, 20, (20, 24, 22))
    assert foreground(crop).all()
    head = np.pad(crop, 6)
    np.testing.assert_array_equal(foreground(head), head != 0)


def test_volumes_in_one_mirror_image_of_another_have_to_be_more_alike(brains, tmp_path, monkeypatch):
    voxels = brains[1].load_image("flair")[::-1]
    copy = replace(brains[7], images={"flair": save_nifti(tmp_path / "copy.nii", voxels)})
    (pair,) = find_duplicates(Splits(brains[:4], (), (copy,)))
    assert pair.turned
    monkeypatch.setattr("synthtrust.cases.checks.duplicates.ALIKE", 1.1)
    assert find_duplicates(Splits(brains[:4], (), (copy,))) == []
    assert find_duplicates(Splits(brains[:4], (), brains[1:2]))[0].exact


def test_what_is_compared_of_volumes_is_kept_by_content_and_found(brains, tmp_path, monkeypatch):
    splits = Splits(brains[:4], brains[4:5], brains[5:])
    assert find_duplicates(splits, tmp_path / "kept") == []
    assert len(list((tmp_path / "kept").glob("look-*.npz"))) == 8
    monkeypatch.setattr(Case, "load_image", lambda *_: pytest.fail("read again"))
    renamed = Splits(tuple(replace(case, id=f"x{case.id}") for case in brains[:4]), (), brains[:1])
    (pair,) = find_duplicates(renamed, tmp_path / "kept")
    assert (pair.earlier, pair.exact) == (f"x{brains[0].id}", True)


def test_what_is_compared_is_a_correlation_of_cell_means_without_their_blur():
    """Against the same written out: means of whole blocks, a Gaussian taken off, Pearson's correlation."""

    def written_out(image):
        cells = image.reshape(6, 4, 6, 3).mean(axis=(1, 3))
        return (cells - gaussian_filter(cells, 1.0, mode="nearest")).ravel()

    first, second = (blobs(n, (24, 18)).astype(float) for n in range(2))
    correlation = float(fine_structure(first, 6) @ fine_structure(second, 6))
    assert correlation == pytest.approx(np.corrcoef(written_out(first), written_out(second))[0, 1], abs=1e-6)


def test_a_cell_that_ends_inside_a_pixel_takes_its_share():
    """Cells of 7/3 pixels: the mean over all cells is the mean of the image."""
    image = np.arange(7.0)[:, None] ** 2
    cells = averaged(image, 0, 3)
    np.testing.assert_allclose(cells[0], (0 + 1 + 4 / 3) * 3 / 7)
    np.testing.assert_allclose(cells.mean(), image.mean())


@pytest.fixture
def leaky(splits):
    """Train has a copy of val and one of test, val one of test."""
    images = [blobs(n) for n in range(9)]
    return splits([*images[:3], _jpeg(images[4]), images[6]], [*images[3:5], images[7]], images[5:8])


def test_duplicates_are_refused_with_their_count_and_what_to_do(leaky):
    with pytest.raises(
        CaseError, match=r"got 3 duplicates, 2 of them exact, first train_3 \(train\) and val_1 \(val\)"
    ):
        check_duplicates(leaky)
    with pytest.raises(CaseError, match=r"duplicates=drop, or keep them with duplicates=allow\.$"):
        check_duplicates(leaky, "refuse")


def test_duplicates_are_dropped_from_the_earlier_part(leaky, caplog):
    kept = check_duplicates(leaky, "drop")
    assert kept.ids == {
        "train": ["train_0", "train_1", "train_2"], "val": ["val_0", "val_1"], "test": ["test_0", "test_1", "test_2"],
    }  # fmt: skip
    assert "Left 3 cases out of train and val" in caplog.text
    assert find_duplicates(kept) == []


def test_duplicates_are_allowed_with_a_warning(leaky, caplog):
    with caplog.at_level(logging.WARNING):
        assert check_duplicates(leaky, "allow") is leaky
    assert "the split has 3 duplicates" in caplog.text


def test_a_clean_split_is_returned_as_it_is(splits):
    clean = splits([blobs(0), blobs(1)], [blobs(2)], [blobs(3)])
    assert all(check_duplicates(clean, policy) is clean for policy in ("refuse", "drop", "allow"))


def test_a_part_of_copies_alone_and_an_unknown_policy_are_refused(splits):
    copied = splits([blobs(0), blobs(1)], [blobs(2)], [blobs(2)])
    with pytest.raises(CaseError, match="Expected cases in val that are in no other part"):
        check_duplicates(copied, "drop")
    with pytest.raises(ValueError, match=r"\['refuse', 'drop', 'allow'\], but got 'ignore'"):
        check_duplicates(copied, "ignore")


def test_an_image_that_vanished_is_an_error_that_names_it(splits):
    parts = splits([blobs(0)], [blobs(1)], [blobs(2)])
    parts.val[0].images["grey"].unlink()
    with pytest.raises(CaseError, match=r"val_0\.png"):
        find_duplicates(parts)
