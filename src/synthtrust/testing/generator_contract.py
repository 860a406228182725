"""The laws every generator keeps; the tests of a plugin inherit them."""

import pickle
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from nibabel.loadsave import load
from numpy.typing import NDArray

from synthtrust.cases import Case, Cohort
from synthtrust.generators import Generator, synthesize
from synthtrust.testing.tiny import tiny_cohort

Images = dict[str, NDArray[np.floating]]


class GeneratorContract:
    """Subclass, and give a ``generator`` fixture; give a ``cohort`` fixture when the generator needs other cases."""

    @pytest.fixture
    def generator(self) -> Generator:
        raise NotImplementedError("Expected a fixture `generator` in a subclass of GeneratorContract.")

    @pytest.fixture
    def cohort(self, tmp_path: Path) -> Cohort:
        return tiny_cohort(tmp_path / "real", count=5)

    @pytest.fixture
    def train(self, cohort: Cohort) -> list[Case]:
        return list(cohort.cases[:4])

    def test_fit_returns_itself(self, generator: Generator, train: list[Case]) -> None:
        assert generator.fit(train) is generator

    def test_the_same_randomness_paints_the_same_image_in_any_order(
        self, generator: Generator, cohort: Cohort, train: list[Case]
    ) -> None:
        generator.fit(train)
        one, other = cohort.cases[0].load_label(), cohort.cases[4].load_label()
        first = generator.sample(one, np.random.default_rng(7))
        generator.sample(other, np.random.default_rng(8))
        _assert_equal(first, generator.sample(one, np.random.default_rng(7)))

    def test_painting_finishes_without_the_image(self, generator: Generator, cohort: Cohort, tmp_path: Path) -> None:
        blind = Case("blind", {}, cohort.cases[4].label, relabel=cohort.cases[4].relabel)
        twins = synthesize(generator, cohort, cohort.cases[:4], [blind], tmp_path / "synthetic")
        assert [twin.id for twin in twins.cases] == ["blind"]

    def test_the_label_and_the_cases_are_left_untouched(self, generator: Generator, train: list[Case]) -> None:
        before = [path.read_bytes() for case in train for path in case.files.values()]
        label = train[0].load_label()
        kept = label.copy()
        generator.fit(train).sample(label, np.random.default_rng(0))
        np.testing.assert_array_equal(label, kept)
        assert before == [path.read_bytes() for case in train for path in case.files.values()]

    def test_no_global_randomness_is_touched(self, generator: Generator, train: list[Case]) -> None:
        before = (random.getstate(), pickle.dumps(np.random.get_state()), torch.get_rng_state())  # noqa: NPY002
        generator.fit(train).sample(train[0].load_label(), np.random.default_rng(0))
        assert before[0] == random.getstate()
        assert before[1] == pickle.dumps(np.random.get_state())  # noqa: NPY002
        torch.testing.assert_close(before[2], torch.get_rng_state())

    def test_a_second_fit_forgets_the_first(self, generator: Generator, train: list[Case]) -> None:
        label = train[0].load_label()
        expected = generator.fit(train[:3]).sample(label, np.random.default_rng(3))
        generator.fit(train[1:])
        _assert_equal(expected, generator.fit(train[:3]).sample(label, np.random.default_rng(3)))

    def test_every_twin_is_finite_and_lies_on_the_grid_of_its_label(
        self, generator: Generator, cohort: Cohort, tmp_path: Path
    ) -> None:
        twins = synthesize(generator, cohort, cohort.cases[:4], cohort.cases, tmp_path / "synthetic")
        for real, twin in zip(cohort.cases, twins.cases, strict=True):
            assert (twin.id, twin.patient, set(twin.images)) == (real.id, real.patient, set(cohort.modalities))
            np.testing.assert_array_equal(twin.load_label(), real.load_label())
            for modality, path in twin.images.items():
                image = load(path)
                np.testing.assert_array_equal(image.affine, load(real.label).affine)  # type: ignore[attr-defined]
                assert twin.load_image(modality).shape == real.load_label().shape

    def test_background_is_zero_as_in_real_cases(self, generator: Generator, train: list[Case]) -> None:
        label = train[0].load_label()
        images = generator.fit(train).sample(label, np.random.default_rng(1))
        real = np.mean([np.mean([case.load_image(m) == 0 for m in case.images]) for case in train])
        synthetic = np.mean([image == 0 for image in images.values()])
        assert abs(real - synthetic) < 0.15, f"{real:.0%} of real voxels are exactly zero, {synthetic:.0%} of synthetic"


def _assert_equal(one: Images, other: Images) -> None:
    assert one.keys() == other.keys()
    for modality, image in one.items():
        np.testing.assert_array_equal(image, other[modality])
