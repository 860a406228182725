"""Generators paint findings: the contract, combinations nobody has, and what each finding looks like."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.plane_images import save
from synthtrust.cases import Case, CaseError, Findings, read_manifest
from synthtrust.generators import ClassDiffusion, ClassFolder, ClassMixture, synthesize
from synthtrust.generators.class_diffusion.conditions import Conditions
from synthtrust.generators.class_diffusion.intensity_range import IntensityRange
from synthtrust.generators.controls.blur import Blur
from synthtrust.generators.controls.label_shuffle import LabelShuffle
from synthtrust.generators.controls.mean import Mean
from synthtrust.generators.controls.noise import Noise
from synthtrust.generators.controls.noisy_replay import NoisyReplay
from synthtrust.generators.controls.replay import Replay
from synthtrust.generators.memory import of_class
from synthtrust.generators.synthesis.recipe import content_of, recipe_of
from synthtrust.testing import FindingsGeneratorContract, tiny_findings

TINY = dict(channels=(8, 8), num_res_blocks=1, timesteps=20, sampling_steps=3, max_steps=3, batch_size=4, lr=1e-3)
CONTROLS = (Replay(), NoisyReplay(), Blur(), Noise(), Mean(), LabelShuffle())


class TestReplay(FindingsGeneratorContract):
    @pytest.fixture
    def generator(self):
        return Replay()


class TestClassMixture(FindingsGeneratorContract):
    @pytest.fixture
    def generator(self):
        return ClassMixture(min_members=2, n_mixture=1)


class TestGuidedClassDiffusion(FindingsGeneratorContract):
    @pytest.fixture
    def generator(self):
        return ClassDiffusion(**TINY | dict(max_steps=2), guidance=2.0)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return tiny_findings(tmp_path_factory.mktemp("findings"), count=80)


def bars(images):
    """How much brighter the rows of both findings are than those around them, ``(N, 2)``."""
    stack = np.stack([image["grey"] for image in images])
    middle = stack[:, :, 5:11].mean(axis=2)
    return np.stack([middle[:, row] - middle[:, [row - 2, row + 2]].mean(axis=1) for row in (5, 11)], axis=1)


def paint(generator, label, n=20):
    return generator.sample_many([Findings(label)] * n, [np.random.default_rng(seed) for seed in range(n)])


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: type(control).__name__)
def test_every_control_makes_a_set_of_findings(control, cohort, tmp_path):
    twins = synthesize(control, cohort, cohort.cases[:8], cohort.cases[:12], tmp_path)
    assert (twins.task, twins.labels) == ("multilabel", cohort.labels)
    assert [twin.findings for twin in twins.cases] == [case.findings for case in cohort.cases[:12]]
    assert read_manifest(twins.folder, verify=True).cases == twins.cases
    card = (twins.folder / "card.md").read_text()
    assert "Each has the id of the real case whose findings it shows." in card
    assert "the findings alone" in card
    assert "| findings | effusion 0, mass 1 |" in card


@pytest.mark.parametrize("generator", [Replay(), Mean(), ClassMixture(min_members=10)], ids=lambda g: type(g).__name__)
def test_each_finding_is_painted_where_it_is_asked_for(generator, cohort):
    generator.fit(cohort.cases)
    for label in ((0, 0), (0, 1), (1, 0), (1, 1)):
        np.testing.assert_array_equal(bars(paint(generator, label)).mean(axis=0) > 50, np.array(label) == 1)


def test_shuffled_images_do_not_know_their_findings(cohort):
    shown = bars(paint(LabelShuffle().fit(cohort.cases), (1, 1), n=200)) > 50
    np.testing.assert_allclose(shown.mean(axis=0), 0.5, atol=0.12)  # three standard errors


def test_findings_that_nobody_has_get_those_that_differ_least():
    known = {Findings((0, 0, 1)): "a", Findings((1, 1, 1)): "b", Findings((0, 0, 0)): "c"}
    asked = {(0, 0, 1): "a", (1, 0, 0): "c", (1, 1, 0): "b", (0, 1, 1): "a"}  # of two as alike the first in order
    assert {label: of_class(known, Findings(label)) for label in asked} == asked
    with pytest.raises(ValueError, match=r"Expected 3 findings, as the training cases have, but got \(0, 1\)"):
        of_class(known, Findings((0, 1)))


def test_a_mixture_says_which_combinations_are_too_rare(cohort):
    few = [case for case in cohort.cases if case.findings != Findings((1, 1))][:59]
    both = [case for case in cohort.cases if case.findings == Findings((1, 1))][:3]
    generator = ClassMixture(min_members=10).fit([*few, *both])
    assert "1 of 4 combinations of findings, with 3 of 62 training images" in generator.remarks["findings"]
    assert (bars(paint(generator, (1, 1))).mean(axis=0) > 50).sum() == 1  # painted as one of the most alike
    assert not ClassMixture(min_members=10).fit(few).remarks
    with pytest.raises(ValueError, match="min_members=30 images of some combination of findings, but got 20 of the"):
        ClassMixture(min_members=30).fit(few)


def test_the_network_is_told_the_sum_of_all_findings_and_zeros_for_nothing():
    conditions = Conditions(3, findings=True)
    network = ClassDiffusion(**TINY)._new_network(_frame(conditions))
    embedding = network.class_embedding
    alone = [embedding(torch.from_numpy(conditions.of([Findings(row)]))) for row in np.eye(3, dtype=int)]
    none, both = (embedding(torch.from_numpy(conditions.of([Findings(row)]))) for row in ((0, 0, 0), (1, 0, 1)))
    torch.testing.assert_close(both, alone[0] + alone[2] - none)
    assert (embedding(torch.from_numpy(conditions.nothing)) == 0).all()
    assert (none != 0).any()  # "no finding" is told; nothing is not


def _frame(conditions):
    return IntensityRange(("grey",), conditions, np.zeros((1, 8, 8), np.float32), np.ones((1, 8, 8), np.float32))


def test_a_diffusion_model_learns_what_each_finding_looks_like(tmp_path):
    """The first makes the left half bright, the second the right half; nobody has both."""
    rng, cases = np.random.default_rng(0), []
    for n in range(30):
        label = Findings(((0, 0), (0, 1), (1, 0))[n % 3])
        image = rng.normal(60, 15, (8, 8)) + 130 * np.repeat(label, 4)
        path = save(tmp_path / f"{n}.png", image.clip(1, 255).astype(np.uint8))
        cases.append(Case(path.stem, {"grey": path}, findings=label))
    settings = TINY | dict(channels=(16, 16), max_steps=50, batch_size=16, lr=1e-2, ema_decay=0.9, sampling_steps=5)
    generator = ClassDiffusion(**settings).fit(cases)
    halves = {
        label: np.mean([image["grey"].reshape(8, 2, 4).mean((0, 2)) for image in paint(generator, label, n=12)], axis=0)
        for label in ((0, 0), (0, 1), (1, 0), (1, 1))
    }
    for label in ((0, 0), (0, 1), (1, 0)):
        assert halves[label] == pytest.approx(60 + 130 * np.array(label), abs=35)
    assert halves[1, 1].mean() > halves[0, 0].mean() + 40


def test_another_finding_is_another_recipe_and_another_content(cohort):
    case = next(case for case in cohort.cases if case.findings == Findings((0, 1)))
    other = replace(case, findings=Findings((1, 0)))
    assert content_of(case) != content_of(other)
    recipes = [recipe_of(Replay(), [], [painted]) for painted in (case, other)]
    assert recipes[0]["labels"] != recipes[1]["labels"]


def test_folders_of_classes_cannot_say_findings(cohort, tmp_path):
    with pytest.raises(
        CaseError, match=r"Expected cases with a class, .* have findings.*generator=class_diffusion_small"
    ):
        ClassFolder(root=str(tmp_path)).own_cases(cohort)
