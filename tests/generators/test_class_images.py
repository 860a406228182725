"""Images of classes are read as one array, and what cannot be painted is refused before anything is learned."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from synthtrust.cases import Case
from synthtrust.generators.class_images import gather
from synthtrust.testing import save_nifti, tiny_cases, tiny_classes


def test_images_are_stacked_by_case_and_modality_in_the_units_of_their_files(tmp_path):
    cases = tiny_classes(tmp_path, count=5, size=(9, 12), colours=True).cases
    seen = gather(cases)
    assert seen.images.shape == (5, 3, 9, 12)
    assert (seen.n_classes, seen.classes.tolist()) == (2, [0, 1, 0, 1, 0])
    for n, case in enumerate(cases):
        np.testing.assert_array_equal(seen.images[n, 1], np.asarray(Image.open(case.images["green"]))[..., 1])


def test_small_volumes_are_read_as_well(tmp_path):
    rng = np.random.default_rng(0)
    paths = [save_nifti(tmp_path / f"{n}.nii.gz", rng.normal(size=(4, 5, 6)).astype(np.float32)) for n in range(2)]
    seen = gather([Case(path.name, {"mri": path}, class_index=n) for n, path in enumerate(paths)])
    assert seen.images.shape == (2, 1, 4, 5, 6)


def test_images_of_several_sizes_are_refused_or_resized(tmp_path):
    small, large = (tiny_classes(tmp_path / str(side), count=4, size=(side, side)).cases for side in (16, 20))
    mixed = [*small, replace(large[1], id="odd")]
    with pytest.raises(ValueError, match=r"one size, but odd is not \(16, 16\) as 4 others are. Set size"):
        gather(mixed)
    assert gather(mixed, (8, 10)).images.shape == (5, 1, 8, 10)
    with pytest.raises(ValueError, match="an entry per axis"):
        gather(mixed, (8, 8, 8))


def test_label_maps_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Expected cases with a class, but BraTS2021_00000 has a label map"):
        gather(tiny_cases(tmp_path, count=2))


def test_a_class_without_images_is_refused(tmp_path):
    cases = tiny_classes(tmp_path, count=9, classes=("a", "b", "c")).cases
    with pytest.raises(ValueError, match=r"every class from 0 to 2, but got none of \[1\]"):
        gather([case for case in cases if case.class_index != 1])


def test_cases_of_other_modalities_are_refused(tmp_path):
    cases = tiny_classes(tmp_path, count=4).cases
    odd = Case("odd", {"infrared": cases[0].images["grey"]}, class_index=1)
    with pytest.raises(ValueError, match=r"Expected modalities \['grey'\], but odd has \['infrared'\]"):
        gather([*cases, odd])
