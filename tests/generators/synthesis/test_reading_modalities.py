"""A generator that reads modalities of a case gets these and no others, and its set says whose images they are."""

from dataclasses import dataclass

import numpy as np
import pytest

from synthtrust.cases import CaseError, load_manifest, read_manifest
from synthtrust.generators import Folder, Generator, LabelledSet, synthesize
from synthtrust.refusals import Refusal
from synthtrust.testing import GeneratorContract, save_nifti, tiny_cohort


@dataclass
class Completion(Generator):
    """Paints FLAIR by what T1ce shows, and keeps what it was given."""

    reads_modalities: tuple[str, ...] = ("t1ce",)
    paints: tuple[str, ...] = ("flair",)

    def fit(self, cases):
        ratios = [case.load_image("flair").sum() / case.load_image("t1ce").sum() for case in cases]
        self.ratio_ = float(np.mean(ratios))
        self.given_ = {}
        return self

    def sample(self, label, rng):
        raise NotImplementedError("It needs T1ce, see sample_cases.")

    def sample_cases(self, cases, rngs):
        self.given_ |= {case.id: (dict(case.images), list(case.modalities)) for case in cases}
        painted = [
            {name: self.ratio_ * case.images["t1ce"] * rng.uniform(0.9, 1.1) for name in self.paints}
            for case, rng in zip(cases, rngs, strict=True)
        ]
        for case in cases:
            case.images["t1ce"][:] = -1  # a careless one writes into what it was given
        return painted


class Careful(Completion):
    """The same, and nothing that it was given is changed."""

    def sample_cases(self, cases, rngs):
        copies = [{name: image.copy() for name, image in case.images.items()} for case in cases]
        painted = super().sample_cases(cases, rngs)
        for case, images in zip(cases, copies, strict=True):
            case.images["t1ce"][:] = images["t1ce"]
        return painted


class TestCompletion(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return Careful()


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return tiny_cohort(tmp_path_factory.mktemp("real"), count=6)


@pytest.fixture(scope="module")
def completed(cohort, tmp_path_factory):
    """Return a set whose FLAIR was painted beside T1ce of each patient, and the generator that did."""
    generator = Completion()
    root = tmp_path_factory.mktemp("synthetic")
    return synthesize(generator, cohort, cohort.cases[:4], cohort.cases, root), generator


def test_it_is_given_what_it_declares_to_read_of_each_case_and_no_more(cohort, completed):
    given = completed[1].given_
    assert sorted(given) == [case.id for case in cohort.cases]
    assert all((list(images), left) == (["t1ce"], ["flair"]) for images, left in given.values())


def test_the_twin_has_the_patients_own_images_as_they_are_beside_the_painted_one(cohort, completed):
    for real, twin in zip(cohort.cases, completed[0].cases, strict=True):
        np.testing.assert_array_equal(twin.load_image("t1ce"), real.load_image("t1ce"))
        assert not np.array_equal(twin.load_image("flair"), real.load_image("flair"))


def test_the_set_says_by_itself_what_is_the_patients_own(cohort, completed):
    twins, _ = completed
    assert twins.patients_own == ("t1ce",)
    record = load_manifest(twins.folder)
    assert record["patients_own"] == {"declared": ["t1ce"], "images": {"t1ce": 6}, "surroundings": 0}
    assert "**Partly synthetic**: of real patients, and not made, are: t1ce." in (twins.folder / "card.md").read_text()
    assert [case.parent for case in read_manifest(twins.folder).cases] == [case.id for case in cohort.cases]


def test_whoever_imports_the_set_has_to_declare_it_and_its_cases_follow_their_patients(cohort, completed, tmp_path):
    root = str(completed[0].folder)
    for importer in (Folder(root=root), LabelledSet(root=root)):
        with pytest.raises(CaseError, match=r"generator\.patients_own=\[t1ce\]"):
            synthesize(importer, cohort, cohort.cases[:4], cohort.cases, tmp_path)
    declared = LabelledSet(root=root, patients_own=["t1ce"])
    own = synthesize(declared, cohort, cohort.cases[:4], cohort.cases, tmp_path)
    assert [case.patient for case in own.cases] == [case.patient for case in cohort.cases]


def test_the_same_set_is_found_and_another_image_that_is_read_is_another_set(cohort, completed, tmp_path):
    root = completed[0].folder.parent
    again = Completion()
    assert synthesize(again, cohort, cohort.cases[:4], cohort.cases, root).folder == completed[0].folder
    assert not hasattr(again, "ratio_")
    other = tiny_cohort(tmp_path / "real", count=6)
    path = other.cases[5].images["t1ce"]
    save_nifti(path, other.cases[5].load_image("t1ce") + 1)
    assert synthesize(Completion(), other, other.cases[:4], other.cases, root).folder != completed[0].folder


@pytest.mark.parametrize(
    ("generator", "why"),
    [
        (Completion(reads_modalities=("pet",)), r"modalities among \['flair', 't1ce'\], but got \['pet'\]"),
        (Completion(reads_modalities="t1ce"), r"as a list of modalities .* but got t1ce"),
        (Completion(reads_modalities=("t1ce", "flair")), r"Expected a modality of .* Completion reads all of them"),
        (Completion(paints=("flair", "t1ce")), r"Expected no painted t1ce of case .*_00000, since .* declares to read"),
        (
            Completion(paints=()),
            r"Expected \['flair', 't1ce'\] for case .*_00000, but the generator painted \['t1ce'\]",
        ),
    ],
    ids=["unknown", "text", "all", "painted as well", "nothing painted"],
)
def test_what_cannot_be_read_or_is_painted_as_well_is_refused(cohort, tmp_path, generator, why):
    with pytest.raises(Refusal, match=why):
        synthesize(generator, cohort, cohort.cases[:4], cohort.cases, tmp_path)
    assert not list(tmp_path.glob("*/manifest.json"))
