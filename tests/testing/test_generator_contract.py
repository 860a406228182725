"""The laws can fail: each is broken by a generator that does what it forbids."""

import copy
import os
from dataclasses import dataclass

import numpy as np
import pytest

from synthtrust.generators import Generator
from synthtrust.testing import ClassGeneratorContract, tiny_classes
from synthtrust.testing.generator_contract import watch_fit


@dataclass
class Honest(Generator):
    """Paints noise in the outline of the first training case."""

    def fit(self, cases):
        self.inside_ = cases[0].load_image("grey") > 0
        self.level_ = np.mean([case.load_image("grey").mean() for case in cases])
        return self

    def sample(self, label, rng):
        return {"grey": np.where(self.inside_, self.level_ + label + rng.random(self.inside_.shape), 0)}


class TestHonest(ClassGeneratorContract):
    @pytest.fixture
    def generator(self):
        return Honest()


class Hoarding(Honest):
    def fit(self, cases):
        self.seen = [*getattr(self, "seen", []), *cases]
        return super().fit(self.seen)


class Sharing(Honest):
    def sample_many(self, labels, rngs):
        return [self.sample(label, rngs[0]) for label in labels]


class Short(Honest):
    def sample_many(self, labels, rngs):
        return super().sample_many(labels[:1], rngs[:1])


class Global(Honest):
    def sample(self, label, rng):
        np.random.random()  # noqa: NPY002
        return super().sample(label, rng)


class GlobalInTraining(Honest):
    def fit(self, cases):
        np.random.random()  # noqa: NPY002
        return super().fit(cases)


class Overwriting(Honest):
    """Writes into the files that it learns from."""

    def fit(self, cases):
        cases[0].images["grey"].write_bytes(cases[0].images["grey"].read_bytes() + b" ")
        return super().fit(cases)


class Another(Honest):
    """Returns a copy."""

    def fit(self, cases):
        return copy.copy(super().fit(cases))


class GlobalInBatches(Honest):
    def sample_many(self, labels, rngs):
        np.random.random()  # noqa: NPY002
        return super().sample_many(labels, rngs)


class Stubborn(Honest):
    """Learns once."""

    def fit(self, cases):
        return self if hasattr(self, "level_") else super().fit(cases)


class Scattered(Honest):
    """Paints as many zeros as real images have, anywhere."""

    def sample(self, label, rng):
        return {name: rng.permuted(image.ravel()).reshape(image.shape) for name, image in
                super().sample(label, rng).items()}  # fmt: skip


class Foggy(Honest):
    def sample(self, label, rng):
        return {"grey": super().sample(label, rng)["grey"] + 1}


class Forgetful(Honest):
    def sample(self, label, rng):
        return super().sample({0: 0, 1: 1}[label], rng)


class Local(Honest):
    """Paints what depends on the process."""

    def sample(self, label, rng):
        return {name: image + os.getpid() % 97 for name, image in super().sample(label, rng).items()}


class Undeclared(Honest):
    """Takes what is no field."""

    def __init__(self, noise=1.0):
        self.noise = noise


@pytest.fixture
def cohort(tmp_path):
    return tiny_classes(tmp_path / "real", count=9)


@pytest.mark.parametrize(
    ("law", "culprit", "error"),
    [
        ("another_setting_is_another_set", Undeclared, ValueError),
        ("a_second_fit_forgets_the_first", Hoarding, AssertionError),
        ("a_second_fit_forgets_the_first", Stubborn, AssertionError),
        ("many_are_painted_as_one_by_one", Sharing, AssertionError),
        ("many_are_painted_as_one_by_one", Short, AssertionError),
        ("another_process_paints_the_same", Local, AssertionError),
        ("no_global_randomness_is_touched", Global, AssertionError),
        ("no_global_randomness_is_touched", GlobalInBatches, AssertionError),
        ("no_global_randomness_is_touched", GlobalInTraining, AssertionError),
        ("the_label_and_the_cases_are_left_untouched", Overwriting, AssertionError),
        ("fit_returns_itself", Another, AssertionError),
        ("background_is_zero_as_in_real_cases", Foggy, AssertionError),
        ("background_is_zero_as_in_real_cases", Scattered, AssertionError),
        ("a_class_that_no_training_case_has_is_refused_or_painted", Forgetful, KeyError),
    ],
)
def test_a_planted_fault_breaks_its_law(cohort, law, culprit, error):
    train = list(cohort.cases[:-1])
    given = {"generator": culprit(), "cohort": cohort, "train": train, "watched_fit": watch_fit(culprit(), train)}
    given["fitted"] = given["watched_fit"].generator
    check = getattr(ClassGeneratorContract(), f"test_{law}")
    wanted = check.__code__.co_varnames[1 : check.__code__.co_argcount]
    with pytest.raises(error):
        check(**{name: given[name] for name in wanted})
