"""Generators are told what is known of a case beside its label; those that ask for labels alone are as they were."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from synthtrust.generators import Command, Generator, synthesize
from synthtrust.testing import tiny_cohort


@dataclass
class ByLabel(Generator):
    """Paints on a label map and asks for nothing else, as plugins before attributes do."""

    def fit(self, cases):
        return self

    def sample(self, label, rng):
        return {name: label + rng.uniform(1, 2, label.shape) for name in ("flair", "t1ce")}


@dataclass
class ByAge(ByLabel):
    """Paints the older the brighter."""

    def sample_cases(self, cases, rngs):
        images = self.sample_many([case.label for case in cases], rngs)
        ages = [float(case.attributes.get("age", 0)) for case in cases]
        return [{name: image + age for name, image in each.items()} for each, age in zip(images, ages, strict=True)]


@pytest.fixture
def plain(tmp_path):
    return tiny_cohort(tmp_path / "real", count=2)


@pytest.fixture
def aged(plain):
    cases = [replace(case, attributes={"age": str(60 + n)}) for n, case in enumerate(plain.cases)]
    return replace(plain, cases=tuple(cases))


def made(generator, cohort, tmp_path):
    return synthesize(generator, cohort, cohort.cases, cohort.cases, tmp_path / "synthetic")


def test_attributes_reach_a_generator_that_paints_by_them(plain, aged, tmp_path):
    without, with_age = (made(ByAge(), cohort, tmp_path) for cohort in (plain, aged))
    for n, (case, other) in enumerate(zip(with_age.cases, without.cases, strict=True)):
        difference = case.load_image("flair") - other.load_image("flair")
        np.testing.assert_allclose(difference, 60 + n, atol=1e-3)


def test_they_are_part_of_its_recipe_and_of_no_other(plain, aged, tmp_path):
    assert made(ByAge(), aged, tmp_path).folder != made(ByAge(), plain, tmp_path).folder
    assert made(ByLabel(), aged, tmp_path).folder == made(ByLabel(), plain, tmp_path).folder


def test_a_program_gets_them_as_json(aged, tmp_path):
    written = tmp_path / "written"
    written.mkdir()
    images = " ".join(f"&& cp {{label}} {{out}}/{name}.nii.gz" for name in ("flair", "t1ce"))
    line = f"printf %s {{attributes}} > {written}/{{case}}.json {images}"
    made(Command(command=line, shell=True), aged, tmp_path)
    ages = {path.stem: json.loads(path.read_text())["age"] for path in written.iterdir()}
    assert ages == {case.id: case.attributes["age"] for case in aged.cases}
