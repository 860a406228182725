"""The laws of the confounded mix: the class of a case decides its source, and each case is there once."""

from itertools import pairwise
from typing import NamedTuple

import pytest

from synthtrust.cases import Mix, Refusal


class Drawn(NamedTuple):
    id: str
    source: str
    place: int


def made(source, counts, prefix=""):
    return [Drawn(f"{prefix}{place}_{n:02d}", source, place) for place, m in enumerate(counts) for n in range(m)]


def place_of(case):
    return case.place


def counted(drawn, n_classes):
    return [
        tuple(sum(case.place == place and case.source == source for case in drawn) for source in ("real", "twin"))
        for place in range(n_classes)
    ]


@pytest.mark.parametrize("counts", [(20, 12), (9, 9, 9), (5, 8, 3, 4)], ids=str)
@pytest.mark.parametrize("alpha", [0, 0.25, 0.5, 0.8, 1])
def test_the_formula_of_reference_8_is_what_is_drawn(counts, alpha):
    real, twins = made("real", counts), made("twin", counts)
    drawn = Mix(alpha, "confounded", 3).draw(real, twins, class_of=place_of)
    for place, (n_real, n_twins) in enumerate(counted(drawn, len(counts))):
        n_first = round(alpha * counts[place])
        expected = (n_first, counts[place] - n_first)
        assert (n_real, n_twins) == (expected if place % 2 == 0 else expected[::-1])
    assert sorted(case.id for case in drawn) == sorted(case.id for case in real)  # each once, real or as its twin


def test_the_ends_are_each_other_s_opposite_and_shares_are_nested():
    real, twins = made("real", (10, 14)), made("twin", (10, 14))
    at = {a: Mix(a, "confounded", 1).draw(real, twins, class_of=place_of) for a in (0, 0.25, 0.5, 0.75, 1)}
    opposite = {"real": "twin", "twin": "real"}
    assert {(c.id, c.source) for c in at[0]} == {(c.id, opposite[c.source]) for c in at[1]}
    firsts = [{case.id for case in drawn if case.source == "real" and case.place == 0} for drawn in at.values()]
    assert all(smaller <= larger for smaller, larger in pairwise(firsts))


@pytest.mark.parametrize("alpha", [0, 0.5, 1])
def test_it_is_neither_training_on_real_cases_nor_on_synthetic_ones(alpha):
    mix = Mix(alpha, "confounded", 2)
    assert not mix.is_tstr
    assert not mix.is_trtr
    assert mix.needs_twins
    assert mix.of_validation == mix


def test_synthetic_cases_that_are_the_twins_of_none_are_drawn_class_by_class():
    real, others = made("real", (10, 6)), made("twin", (12, 9), prefix="s")
    drawn = Mix(0.3, "confounded").draw(real, others, paired=False, class_of=place_of)
    assert counted(drawn, 2) == [(3, 7), (4, 2)]
    with pytest.raises(Refusal, match=r"at least as many synthetic as real training cases of each class .* 5 and 6"):
        Mix(0.3, "confounded").draw(real, made("twin", (12, 5), prefix="s"), paired=False, class_of=place_of)


@pytest.mark.parametrize(
    ("options", "arguments", "says"),
    [
        ({}, {"class_of": None}, "Expected cases with classes for data.mode=confounded"),
        ({"n_synthetic": 3}, {}, "Expected data.n_synthetic=null for data.mode=confounded"),
        ({}, {"without_twin": ["0_01"]}, r"Expected every case beside its twin .* stand alone: \['0_01'\]"),
    ],
)
def test_what_cannot_be_confounded_is_refused(options, arguments, says):
    real, twins = made("real", (4, 4)), made("twin", (4, 4))
    with pytest.raises(Refusal, match=says):
        Mix(0.5, "confounded", **options).draw(real, twins, **{"class_of": place_of} | arguments)
