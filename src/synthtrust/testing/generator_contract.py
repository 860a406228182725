"""The laws that every generator obeys, as tests that a plugin inherits."""

import copy
import json
import multiprocessing
import pickle
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nibabel.loadsave import load
from numpy.typing import NDArray

from synthtrust.cases import Case, Cohort, Findings
from synthtrust.generators import CaseFacts, Generator, synthesize
from synthtrust.generators.synthesis.recipe import recipe_of
from synthtrust.refusals import Refusal
from synthtrust.testing.tiny import tiny_cohort
from synthtrust.testing.tiny_classes import tiny_classes
from synthtrust.testing.tiny_findings import tiny_findings

Images = dict[str, NDArray[np.floating]]

PATIENCE = 120  # seconds that another process may take
BATCHED = 1e-4  # largest difference [share of an image's range]: networks add in another order within a batch


@dataclass(frozen=True)
class WatchedFit:
    """One training of a generator, and what it left untouched."""

    key: str
    """The recipe of the generator and its cases; empty if it has none."""
    generator: Generator
    """As it came out of the training; nothing has been painted with it."""
    returns_itself: bool
    files: tuple[list[bytes], list[bytes]]
    """The files of the cases, before and after."""
    randomness: tuple[Any, Any]
    """The states of the global generators of random numbers, before and after."""


_LAST: dict[type, WatchedFit] = {}
"""The class of tests that ran last -> its training; several laws ask about one, since it is most of what they cost."""


def watch_fit(generator: Generator, train: list[Case], key: str = "") -> WatchedFit:
    """Fit a generator on cases, and say what it touched."""
    files, randomness = _contents(train), _randomness()
    returned = generator.fit(train)
    return WatchedFit(key, generator, returned is generator, (files, _contents(train)), (randomness, _randomness()))


class GeneratorContract:
    """Tests of a generator; a subclass has a ``generator`` fixture, and a ``cohort`` fixture if it needs other cases.

    ``ClassGeneratorContract`` tests the same laws for generators that paint classes, ``FindingsGeneratorContract`` for
    those that paint findings.
    """

    @pytest.fixture
    def generator(self) -> Generator:
        raise NotImplementedError("Expected a fixture `generator` in a subclass of GeneratorContract.")

    @pytest.fixture
    def cohort(self, tmp_path: Path) -> Cohort:
        return tiny_cohort(tmp_path / "real", count=5)

    @pytest.fixture
    def train(self, cohort: Cohort) -> list[Case]:
        return list(cohort.cases[:-1])

    @pytest.fixture
    def watched_fit(self, generator: Generator, train: list[Case]) -> WatchedFit:
        """Return a training on these cases, which laws share; the first that asks for it pays."""
        key = ""
        with suppress(Exception):  # a generator without a recipe breaks a law of its own
            key = json.dumps(recipe_of(generator, train, train), sort_keys=True, default=str)
        last = _LAST.get(type(self))
        if last is None or not key or last.key != key:
            last = watch_fit(copy.deepcopy(generator), train, key)
            _LAST.clear()
            _LAST[type(self)] = last
        return last

    @pytest.fixture
    def fitted(self, watched_fit: WatchedFit, generator: Generator, train: list[Case]) -> Generator:
        """Return the generator, fitted, with which nothing has been painted."""
        try:
            return copy.deepcopy(watched_fit.generator)
        except Exception:  # a generator may hold what cannot be copied
            return copy.deepcopy(generator).fit(train)

    def test_another_setting_is_another_set(self, generator: Generator) -> None:
        """A setting that the recipe lacked would find the twins of another setting."""
        recipe = recipe_of(generator, [], [])
        settings = {field.name for field in fields(generator)} - generator.not_in_recipe - generator.unsaid
        assert set(recipe["parameters"]) == settings

    def test_fit_returns_itself(self, watched_fit: WatchedFit) -> None:
        assert watched_fit.returns_itself

    def test_the_same_randomness_paints_the_same_image_in_any_order(self, fitted: Generator, cohort: Cohort) -> None:
        expected = _painted(fitted, cohort.cases[0], 7)
        _painted(fitted, cohort.cases[-1], 8)
        _assert_equal(expected, _painted(fitted, cohort.cases[0], 7))

    def test_another_process_paints_the_same(self, fitted: Generator, cohort: Cohort) -> None:
        """A twin does not depend on which of several workers or ranks painted it."""
        last = cohort.cases[-1]
        expected = _painted(fitted, last, 7)
        _assert_equal(expected, _elsewhere(lambda: _painted(fitted, last, 7)), within=BATCHED)

    def test_many_are_painted_as_one_by_one(self, fitted: Generator, cohort: Cohort) -> None:
        cases = [*cohort.cases[:2], cohort.cases[-1]]
        together = _painted_together(fitted, cases)
        assert len(together) == 3
        for n, (case, images) in enumerate(zip(cases, together, strict=True)):
            _assert_equal(_painted(fitted, case, n), images, within=BATCHED)

    def test_painting_finishes_without_the_image(self, generator: Generator, cohort: Cohort, tmp_path: Path) -> None:
        last = cohort.cases[-1]
        reads = {name: last.images[name] for name in generator.reads_modalities}
        blind = replace(last, id="blind", images=reads, patient="", channels={})
        twins = synthesize(generator, cohort, cohort.cases[:-1], [blind], tmp_path / "synthetic")
        assert [twin.id for twin in twins.cases] == ["blind"]

    def test_the_label_and_the_cases_are_left_untouched(
        self, watched_fit: WatchedFit, fitted: Generator, train: list[Case]
    ) -> None:
        before, after = watched_fit.files
        assert before == after
        facts, kept = _facts(fitted, train[0]), _facts(fitted, train[0])
        fitted.sample_cases([facts], [np.random.default_rng(0)])
        np.testing.assert_array_equal(facts.label, kept.label)
        for name, image in kept.images.items():
            np.testing.assert_array_equal(facts.images[name], image)
        assert before == _contents(train)

    def test_no_global_randomness_is_touched(
        self, watched_fit: WatchedFit, fitted: Generator, train: list[Case]
    ) -> None:
        before, after = watched_fit.randomness
        assert before == after
        before = _randomness()
        _painted(fitted, train[0], 0)
        _painted_together(fitted, train[:2])
        assert before == _randomness()

    def test_a_second_fit_forgets_the_first(self, fitted: Generator, generator: Generator, train: list[Case]) -> None:
        expected = _painted(generator.fit(train[1:]), train[1], 3)
        _assert_equal(expected, _painted(fitted.fit(train[1:]), train[1], 3))

    def test_every_twin_is_finite_and_lies_on_the_grid_of_its_label(
        self, generator: Generator, cohort: Cohort, tmp_path: Path
    ) -> None:
        twins = synthesize(generator, cohort, cohort.cases[:-1], cohort.cases, tmp_path / "synthetic")
        for real, twin in zip(cohort.cases, twins.cases, strict=True):
            assert (twin.id, twin.patient, set(twin.images)) == (real.id, real.patient, set(cohort.modalities))
            self.assert_on_the_grid(real, twin)

    def assert_on_the_grid(self, real: Case, twin: Case) -> None:
        np.testing.assert_array_equal(twin.load_label(), real.load_label())
        for modality, path in twin.images.items():
            np.testing.assert_array_equal(load(path).affine, load(real.require_label_map()).affine)
            assert twin.load_image(modality).shape == real.load_label().shape

    def test_background_is_zero_as_in_real_cases(self, fitted: Generator, train: list[Case]) -> None:
        images = _painted(fitted, train[0], 1)
        real = np.mean([np.mean([case.load_image(m) == 0 for m in images]) for case in train])
        synthetic = np.mean([image == 0 for image in images.values()])
        assert abs(real - synthetic) < 0.15, f"{real:.0%} of real voxels are exactly zero, {synthetic:.0%} of synthetic"
        for name, image in images.items():
            backgrounds = [case.load_image(name) == 0 for case in train]
            nearest = max(_dice(mask, image == 0) for mask in backgrounds if mask.shape == image.shape)
            assert nearest > 0.6, f"The zeros of {name} lie elsewhere than in any training image (Dice {nearest:.2f})."


class ClassGeneratorContract(GeneratorContract):
    """The same laws for generators that paint classes; the tiny cases are grey images of two classes."""

    @pytest.fixture
    def cohort(self, tmp_path: Path) -> Cohort:
        return tiny_classes(tmp_path / "real", count=9)

    def assert_on_the_grid(self, real: Case, twin: Case) -> None:
        assert twin.target == real.target
        for modality, path in twin.images.items():
            assert path.suffix == real.images[modality].suffix
            assert twin.load_image(modality).ndim == real.load_image(modality).ndim

    def test_a_class_that_no_training_case_has_is_refused_or_painted(self, fitted: Generator) -> None:
        """The error is a refusal, never a KeyError."""
        with suppress(Refusal):
            fitted.sample(7, np.random.default_rng(0))


class FindingsGeneratorContract(ClassGeneratorContract):
    """The same laws for generators that paint findings; the tiny cases are grey images of two findings."""

    @pytest.fixture
    def cohort(self, tmp_path: Path) -> Cohort:
        return tiny_findings(tmp_path / "real", count=9)

    def test_a_class_that_no_training_case_has_is_refused_or_painted(  # type: ignore[override]  # other fixtures
        self, generator: Generator, train: list[Case]
    ) -> None:
        """Test cases may have combinations of findings that no training case has, and need twins all the same."""
        images = generator.fit([case for case in train if case.findings != Findings((1, 1))]).sample(
            Findings((1, 1)), np.random.default_rng(0)
        )
        assert all(np.isfinite(image).all() for image in images.values())


def _elsewhere(paint: Callable[[], Images]) -> Images:
    """Return the images that another process paints."""
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("needs a system that can fork")
    receiver, sender = multiprocessing.Pipe()

    def child() -> None:
        torch.set_num_threads(1)  # a forked process lacks the threads of its parent
        sender.send(paint())

    process = multiprocessing.get_context("fork").Process(target=child)  # a spawned one could not see the generator
    process.start()
    painted: Images | None = receiver.recv() if receiver.poll(PATIENCE) else None
    process.kill()
    process.join()
    assert painted is not None, "another process painted nothing"
    return painted


def _contents(cases: list[Case]) -> list[bytes]:
    return [path.read_bytes() for case in cases for path in case.files.values()]


def _randomness() -> tuple[Any, bytes, list[int]]:
    state = pickle.dumps(np.random.get_state())  # noqa: NPY002
    return random.getstate(), state, torch.get_rng_state().tolist()


def _painted(generator: Generator, case: Case, seed: int) -> Images:
    """Return what a generator paints of a case by its label, or also by the images that it declares to read."""
    if generator.reads_modalities:
        return generator.sample_cases([_facts(generator, case)], [np.random.default_rng(seed)])[0]
    return generator.sample(_label(case), np.random.default_rng(seed))


def _painted_together(generator: Generator, cases: list[Case]) -> list[Images]:
    """Return what a generator paints of several cases at once, each with its number as the seed."""
    rngs = [np.random.default_rng(n) for n in range(len(cases))]
    if generator.reads_modalities:
        return generator.sample_cases([_facts(generator, case) for case in cases], rngs)
    return generator.sample_many([_label(case) for case in cases], rngs)


def _facts(generator: Generator, case: Case) -> CaseFacts:
    names = () if case.has_label_map else (str(case.target),)
    return CaseFacts.of(case, _label(case), list(case.images), names, generator.reads_modalities)


def _label(case: Case) -> Any:
    return case.load_label() if case.has_label_map else case.target


def _assert_equal(expected: Images, images: Images, within: float = 0.0) -> None:
    assert expected.keys() == images.keys()
    for modality, image in expected.items():
        if within:
            np.testing.assert_allclose(images[modality], image, rtol=0, atol=within * max(float(np.ptp(image)), 1e-6))
        else:
            np.testing.assert_array_equal(images[modality], image)


def _dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    total = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / total if total else 1.0
