"""The recipe tells two settings and two generators apart, and those of this project keep the names of their sets."""

from dataclasses import dataclass, field, make_dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from omegaconf import OmegaConf

from synthtrust.files import fingerprint, sha256_of
from synthtrust.generators import Generator, Noise
from synthtrust.generators.synthesis.recipe import content_of, recipe_of
from synthtrust.testing import tiny_cases


@dataclass
class Painter(Generator):
    """Takes anything."""

    option: object = None

    def fit(self, cases):
        return self

    def sample(self, label, rng):
        return {}


class Undeclared(Painter):
    """Has an option that no recipe would name."""

    def __init__(self, noise=1.0):
        self.noise = noise


def test_a_class_that_takes_what_is_no_field_is_refused():
    with pytest.raises(
        ValueError, match=r"^Expected a dataclass .* Undeclared takes, but noise is no field.*@dataclass"
    ):
        recipe_of(Undeclared(2.0), [], [])


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Path("x/y"), "x/y"),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        ((1, [2.0]), [1, [2.0]]),
        ({"a": None}, {"a": None}),
    ],
)
def test_a_value_is_written_down_as_plain_json(value, plain):
    assert recipe_of(Painter(option=value), [], [])["parameters"]["option"] == plain


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (OmegaConf.create([1, 2]), "to be numbers, text, .*, but got ListConfig"),
        (np.ones(2), "but got ndarray"),
        (float("nan"), "to be finite, but got nan"),
    ],
)
def test_a_value_that_json_has_not_is_one_line(value, why):
    with pytest.raises(ValueError, match=rf"^Expected option of Painter .*{why}\.$"):
        recipe_of(Painter(option=value), [], [])


def test_classes_of_one_name_in_two_modules_have_two_sets():
    there = make_dataclass("Painter", [("option", object, field(default=None))], bases=(Painter,))
    there.__module__ = f"{Painter.__module__}.elsewhere"
    first, second = (recipe_of(kind(), [], []) for kind in (Painter, there))
    assert {key for key in first if first[key] != second[key]} == {"module"}


def test_a_generator_of_this_project_keeps_the_name_of_its_sets():
    recipe = recipe_of(Noise(), [], [])
    assert set(recipe) == {"generator", "version", "package", "parameters", "train", "labels"}
    recipe["package"] = "synthtrust 0.1.0"
    assert fingerprint(recipe) == "67a985eb755d"


def test_what_was_learned_from_arrays_in_the_order_of_their_files_is_something_else(tmp_path):
    """Of files in the canonical orientation nothing has changed, and their sets are found."""

    def without_orientation(case):
        hashes = {role: sha256_of(path) for role, path in case.files.items()}
        return fingerprint([hashes, {}, sorted(case.relabel.items())])

    (case,) = tiny_cases(tmp_path, count=1)
    assert content_of(case) != without_orientation(case)
    for path in case.files.values():
        nib.save(nib.as_closest_canonical(nib.load(path)), path)
    assert content_of(case) == without_orientation(case)
