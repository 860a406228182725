"""The phantom slices: reproducible, brains with and without a tumour, which no simple statistic tells apart."""

import numpy as np
import pytest
from PIL import Image
from scipy.stats import mannwhitneyu

from synthtrust.cases import describe, phantom_slices, read_manifest
from synthtrust.cases.phantom.slice_painter import paint_slice

SMALL = {"n_cases": 6, "side": 24}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return phantom_slices(tmp_path_factory.mktemp("slices"), n_cases=60)


def test_every_second_slice_has_a_tumour_and_each_is_a_patient(cohort):
    assert (cohort.task, cohort.modalities, dict(cohort.labels)) == (
        "classification", ("grey",), {"no tumour": 0, "tumour": 1},
    )  # fmt: skip
    assert [case.class_index for case in cohort.cases] == [0, 1] * 30
    assert len({case.patient for case in cohort.cases}) == 60
    with Image.open(cohort.cases[0].images["grey"]) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "L", (48, 48))
    listing = describe(cohort)
    assert not listing.refused


def test_the_same_seed_paints_the_same_bytes_and_a_larger_cohort_begins_with_the_smaller(tmp_path):
    first, again = (phantom_slices(tmp_path / name, **SMALL) for name in "ab")
    more = phantom_slices(tmp_path / "a", **SMALL | {"n_cases": 8})
    other = phantom_slices(tmp_path / "a", **SMALL, seed=1)
    content = [[case.images["grey"].read_bytes() for case in c.cases] for c in (first, again, more, other)]
    assert content[0] == content[1] == content[2][:6]
    assert not set(content[0]) & set(content[3])


def test_a_made_set_is_found_and_one_that_lost_a_file_completed(tmp_path):
    cohort = phantom_slices(tmp_path, **SMALL)
    path = cohort.cases[2].images["grey"]
    before, whole = cohort.cases[0].images["grey"].stat().st_mtime_ns, path.read_bytes()
    path.unlink()
    assert phantom_slices(tmp_path, **SMALL) == cohort
    assert path.read_bytes() == whole
    assert cohort.cases[0].images["grey"].stat().st_mtime_ns == before
    assert read_manifest(path.parent, verify=True) == cohort


def test_a_slice_is_a_brain_on_exactly_nothing(cohort):
    for case in cohort.cases:
        image = case.load_image("grey")
        assert 0.35 < (image > 0).mean() < 0.8
        assert not image[0].any()
        assert not image[:, 0].any()
        left, right = (image[:, :24] > 0).mean(), (image[:, 24:] > 0).mean()
        assert abs(left - right) < 0.15, "two hemispheres"


def test_a_tumour_is_bright_and_local():
    """The same slice with and without its tumour: what is added is brighter, and most of the brain is as it was."""
    brighter, changed = [], []
    for index in range(20):
        bare, ill = (paint_slice(0, index, 48, tumour=tumour).astype(float) for tumour in (False, True))
        brain = (bare > 0) | (ill > 0)
        brighter.append((ill - bare)[brain].mean())
        changed.append((np.abs(ill - bare) > 25)[brain].mean())
    assert np.mean(brighter) > 0
    assert np.mean(changed) < 0.3
    assert min(changed) > 0


@pytest.mark.parametrize("statistic", [np.mean, np.max, np.std, lambda x: np.quantile(x[x > 0], 0.95)])
def test_no_simple_statistic_tells_the_classes_apart(cohort, statistic):
    """A network has something to learn: AUC below 0.85 where nothing of the image but its histogram is used."""
    values = [[statistic(case.load_image("grey")) for case in cohort.cases if case.class_index == c] for c in (0, 1)]
    auc = mannwhitneyu(values[1], values[0]).statistic / (30 * 30)
    assert max(auc, 1 - auc) < 0.85


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_cases": 1}, "at least one case of each class, but got n_cases=1"),
        ({"side": 15}, "a side of at least 16 pixels, but got side=15"),
        ({"seed": -1}, "a seed of at least 0, but got -1"),
    ],
)
def test_what_cannot_be_painted_is_refused(tmp_path, wrong, message):
    with pytest.raises(ValueError, match=message):
        phantom_slices(tmp_path, **SMALL | wrong)
    assert not list(tmp_path.iterdir())
