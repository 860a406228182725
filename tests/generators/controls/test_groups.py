"""The controls of groups: one paints a group badly and nobody else, the other leaves a group out."""

from dataclasses import replace

import numpy as np
import pytest

from synthtrust.generators import CaseFacts, DropGroup, NeglectGroup, Replay, synthesize
from synthtrust.refusals import Refusal
from synthtrust.testing import GeneratorContract, tiny_cohort


def with_scanners(cohort):
    cases = [replace(case, attributes={"scanner": "AB"[i % 2]}) for i, case in enumerate(cohort.cases)]
    return replace(cohort, cases=tuple(cases))


@pytest.fixture
def scanners(tmp_path):
    return with_scanners(tiny_cohort(tmp_path / "real", 4))


class TestNeglectGroup(GeneratorContract):
    @pytest.fixture
    def cohort(self, tmp_path):
        return with_scanners(tiny_cohort(tmp_path / "real", count=5))

    @pytest.fixture
    def generator(self):
        return NeglectGroup(attribute="scanner", group="B", sigma=1.0)


def test_the_group_alone_is_blurred(scanners):
    generator, replay = (each.fit(scanners.cases) for each in (NeglectGroup(attribute="scanner", group="B"), Replay()))
    facts = [CaseFacts.of(case, case.load_label(), scanners.modalities) for case in scanners.cases]
    rngs = [np.random.default_rng(0) for _ in facts]
    for case, painted, real in zip(
        scanners.cases, generator.sample_cases(facts, rngs), replay.sample_cases(facts, rngs), strict=True
    ):
        is_painted_anew = {not np.array_equal(painted[name], real[name]) for name in real}
        assert is_painted_anew == {case.attributes["scanner"] == "B"}


def test_a_dropped_group_has_no_case_and_the_others_name_their_parents(scanners, tmp_path):
    made = synthesize(
        DropGroup(attribute="scanner", group="B"), scanners, scanners.cases, scanners.cases, tmp_path / "synthetic"
    )
    kept = [case for case in scanners.cases if case.attributes["scanner"] == "A"]
    assert not made.paired
    assert [case.parent for case in made.cases] == [case.id for case in kept]
    for case, parent in zip(made.cases, kept, strict=True):
        np.testing.assert_array_equal(case.load_image("flair"), parent.load_image("flair"))


def test_groups_that_nobody_is_in_are_refused(scanners, tmp_path):
    with pytest.raises(Refusal, match=r"with scanner 'C', but they have the values \['A', 'B'\]"):
        NeglectGroup(attribute="scanner", group="C").fit(scanners.cases)
    with pytest.raises(Refusal, match="no such attribute"):
        DropGroup(attribute="sex", group="f").own_cases(scanners, scanners.cases, tmp_path)
    alone = [case for case in scanners.cases if case.attributes["scanner"] == "B"]
    with pytest.raises(Refusal, match="Expected training cases of other groups"):
        DropGroup(attribute="scanner", group="B").own_cases(scanners, alone, tmp_path)
    with pytest.raises(Refusal, match="sigma of at least 0"):
        NeglectGroup(attribute="scanner", group="B", sigma=-1)
