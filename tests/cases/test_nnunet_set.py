"""A raw data set of nnU-Net that is written is the one that is read, and holds nothing that nnU-Net would misread."""

import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from synthtrust.cases import MixedParts, Refusal, Source, nnunet_name, read_nnunet, write_nnunet
from synthtrust.testing import AFFINE, tiny_cohort

SHAPE = (12, 14, 16)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return tiny_cohort(tmp_path_factory.mktemp("real"), count=4, shape=SHAPE)


def twin(case, **changes):
    return replace(case, source=Source.SYNTHETIC, **changes)


@pytest.fixture
def parts(cohort):
    first, second, third, fourth = cohort.cases
    return MixedParts((first, twin(second)), (twin(third),), (fourth, twin(fourth)))


@pytest.fixture
def written(cohort, parts, tmp_path):
    write_nnunet(tmp_path, cohort, parts)
    return tmp_path


def test_what_is_written_is_read_back_to_the_last_voxel(written, cohort, parts):
    read = read_nnunet(written)
    expected = {nnunet_name(case): case for case in (*parts.train, *parts.val)}
    assert {case.id for case in read.cases} == set(expected)
    assert not read.refused
    assert (read.modalities, dict(read.labels)) == (cohort.modalities, dict(cohort.labels))
    for case in read.cases:
        np.testing.assert_array_equal(case.load_label(), expected[case.id].load_label())
        for modality in cohort.modalities:
            np.testing.assert_array_equal(case.load_image(modality), expected[case.id].load_image(modality))


def test_files_have_the_affine_and_the_whole_numbers_of_their_case(written, parts):
    for folder, cases in (("Tr", parts.train), ("Ts", parts.test)):
        for case in cases:
            image = nib.load(written / f"images{folder}" / f"{nnunet_name(case)}_0001.nii.gz")
            label = nib.load(written / f"labels{folder}" / f"{nnunet_name(case)}.nii.gz")
            np.testing.assert_allclose(image.affine, AFFINE)
            np.testing.assert_allclose(label.affine, AFFINE)
            assert image.get_data_dtype() == np.int16
            np.testing.assert_array_equal(np.asarray(image.dataobj), np.asarray(nib.load(case.images["t1ce"]).dataobj))


def test_the_one_fold_is_the_split_of_the_mix(written, parts):
    (fold,) = json.loads((written / "splits_final.json").read_text())
    assert fold == {part: [nnunet_name(case) for case in getattr(parts, part)] for part in ("train", "val")}
    tests = {path.name for path in (written / "labelsTs").iterdir()}
    assert tests == {f"{nnunet_name(case)}.nii.gz" for case in parts.test}


def test_labels_are_numbered_without_gaps(cohort, parts, tmp_path):
    """NCR is 1 and ET is 3; nnU-Net refuses a set without a 2."""
    gap = {0: 0, 1: 1, 2: 0, 4: 3}
    without_oedema = tuple(replace(case, relabel=gap) for case in parts.train)
    write_nnunet(tmp_path, replace(cohort, labels={"NCR": 1, "ET": 3}), MixedParts(without_oedema, (), ()))
    assert json.loads((tmp_path / "dataset.json").read_text())["labels"] == {"background": 0, "NCR": 1, "ET": 2}
    for case, expected in zip(read_nnunet(tmp_path).cases, without_oedema, strict=True):
        np.testing.assert_array_equal(case.load_label(), expected.load_label())


def test_a_case_that_is_learned_from_twice_is_refused(cohort, parts, tmp_path):
    with pytest.raises(Refusal, match=r"^Expected each case once, .*real_BraTS2021_00000.* real_only"):
        write_nnunet(tmp_path, cohort, replace(parts, train=parts.train * 2))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("part", ["val", "test"])
def test_a_child_stays_in_the_part_of_its_parent(cohort, parts, tmp_path, part):
    parent = cohort.cases[0]
    child = twin(cohort.cases[1], id="painted_7", patient="painted_7", parent=parent.id)
    kept = {"train": (cohort.cases[2], child), "val": (), "test": (), part: (parent,)}
    with pytest.raises(Refusal, match=r"made from, but \['painted_7'\]"):
        write_nnunet(tmp_path, cohort, MixedParts(**kept))
    write_nnunet(tmp_path, cohort, MixedParts((parent, child), (cohort.cases[2],), ()))


@pytest.mark.parametrize("name", ["ignore", "Background"])
def test_a_label_whose_name_means_something_else_to_nnunet_is_refused(cohort, parts, tmp_path, name):
    with pytest.raises(Refusal, match=f"but '{name}' means something else"):
        write_nnunet(tmp_path, replace(cohort, labels={"NCR": 1, name: 3}), parts)
