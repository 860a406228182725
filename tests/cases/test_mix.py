"""The laws of the mix, Eq. (4): which cases are drawn, and which are never."""

from collections import Counter
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest

from synthtrust.cases import Mix, Refusal

ALPHAS = (0, 0.1, 0.25, 0.3, 0.5, 0.7, 0.75, 0.9, 1)
MODES = ("complement", "independent", "additive", "real_only", "duplicate_real")


class Drawn(NamedTuple):
    id: str
    source: str


REAL, TWINS = ([Drawn(f"case{n:02d}", source) for n in range(21)] for source in ("real", "twin"))
IDS = {case.id for case in REAL}
N = len(IDS)


def _draw(alpha, seed=0, mode="complement"):
    drawn = Mix(alpha, mode, seed).draw(REAL, TWINS)
    return [c.id for c in drawn if c.source == "real"], [c.id for c in drawn if c.source == "twin"]


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("seed", range(3))
def test_complement_draws_each_case_once_real_or_as_its_twin(alpha, seed):
    real, twins = _draw(alpha, seed)
    assert len(real) == round(alpha * N)
    assert Counter(real + twins) == Counter(IDS)


def test_complement_is_nested_over_alpha():
    draws = [set(_draw(alpha, seed=4)[0]) for alpha in ALPHAS]
    assert all(smaller <= larger for smaller, larger in pairwise(draws))


def test_alpha_one_is_all_real_and_alpha_zero_all_synthetic():
    assert Mix(1).draw(REAL, TWINS) == REAL  # TRTR
    assert Mix(0).draw(REAL, TWINS) == TWINS  # TSTR


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("alpha", [0, 0.3, 1])
def test_tstr_is_a_draw_of_twins_and_of_no_real_case(mode, alpha):
    nothing = alpha == 0 and mode in ("real_only", "duplicate_real")
    real, twins = ([], []) if nothing else _draw(alpha, mode=mode)
    assert Mix(alpha, mode).is_tstr == bool(twins and not real)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("alpha", [0.3, 1])
def test_trtr_is_every_real_case_once_and_no_twin(mode, alpha):
    real, twins = _draw(alpha, mode=mode)
    assert Mix(alpha, mode).is_trtr == (real == sorted(IDS) and not twins)


@pytest.mark.parametrize(("mode", "alpha"), [("complement", 0.3), ("independent", 0.3), ("additive", 1.0)])
def test_validation_is_on_each_case_once_and_on_real_ones_where_the_mode_is_real_training(mode, alpha):
    assert Mix(0.3, mode, seed=4).of_validation == Mix(alpha, "complement", seed=4)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("alpha", [0.3, 0.7])
def test_the_order_of_cases_plays_no_part(mode, alpha):
    rng = np.random.default_rng(0)
    real, twins = ([cases[i] for i in rng.permutation(N)] for cases in (REAL, TWINS))
    assert Mix(alpha, mode, 5).draw(real, twins) == Mix(alpha, mode, 5).draw(REAL, TWINS)


@pytest.mark.parametrize("mode", MODES)
def test_the_seed_decides_and_nothing_else(mode):
    np.random.seed(0)  # noqa: NPY002  # the global state that must play no part
    first = _draw(0.4, 1, mode)
    np.random.seed(1)  # noqa: NPY002
    assert _draw(0.4, 1, mode) == first
    assert any(_draw(0.4, seed, mode) != first for seed in range(2, 6))


@pytest.mark.parametrize("alpha", ALPHAS)
def test_independent_draws_as_many_but_apart(alpha):
    real, twins = _draw(alpha, mode="independent")
    assert (len(real), len(twins)) == (round(alpha * N), N - round(alpha * N))
    assert len(set(real)) == len(real)
    assert len(set(twins)) == len(twins)


def test_independent_may_draw_a_case_beside_its_twin():
    assert any(set(real) & set(twins) for real, twins in (_draw(0.5, seed, "independent") for seed in range(3)))


@pytest.mark.parametrize("alpha", ALPHAS)
def test_additive_keeps_every_real_case(alpha):
    real, twins = _draw(alpha, mode="additive")
    assert set(real) == IDS
    assert twins == _draw(alpha)[1]


@pytest.mark.parametrize("alpha", ALPHAS[1:])
def test_the_controls_use_the_real_cases_of_complement_and_no_twin(alpha):
    real = _draw(alpha)[0]
    assert _draw(alpha, mode="real_only") == (real, [])
    repeated, twins = _draw(alpha, mode="duplicate_real")
    assert twins == []
    assert set(repeated) == set(real)
    assert len(repeated) == N
    assert max(Counter(repeated).values()) - min(Counter(repeated).values()) <= 1


def test_the_controls_ask_for_no_twins():
    assert Mix(1, "real_only").draw(REAL, []) == REAL


@pytest.mark.parametrize("mode", ["real_only", "duplicate_real"])
def test_a_mix_of_nothing_is_refused(mode):
    with pytest.raises(ValueError, match="draws none of 21"):
        Mix(0, mode).draw(REAL, TWINS)
    with pytest.raises(ValueError, match="draws none of 21 real and of 0 synthetic training cases"):
        Mix(0.0).draw(REAL, [], paired=False)
    with pytest.raises(ValueError, match="draws none of 0"):
        Mix(1).draw([], [])


@pytest.mark.parametrize("alpha", [-0.01, 1.01, float("nan"), float("inf"), "0.5", None])
def test_an_alpha_that_is_no_share_is_refused(alpha):
    with pytest.raises(ValueError, match=r"Expected `alpha`.* in \[0, 1\]"):
        Mix(alpha)


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match=r"'additive'.*but got 'half'"):
        Mix(0.5, "half")


@pytest.mark.parametrize("mode", ["complement", "independent", "additive"])
@pytest.mark.parametrize("alpha", [0, 0.5, 1])
def test_a_case_without_its_twin_is_refused(mode, alpha):
    with pytest.raises(ValueError, match=r"stand alone: \['case20'\]"):
        Mix(alpha, mode).draw(REAL, TWINS[:-1])


@pytest.mark.parametrize("mode", ["complement", "independent", "additive"])
@pytest.mark.parametrize("alpha", [0, 0.5, 1])
def test_a_case_that_has_no_twin_is_drawn_as_real_or_not_at_all(mode, alpha):
    alone = {"case19", "case20"}
    mix = Mix(alpha, mode)
    whole, without = mix.draw(REAL, TWINS), mix.draw(REAL, TWINS[:-2], without_twin=alone)
    assert without == [case for case in whole if case.source == "real" or case.id not in alone]


def test_a_twin_without_its_case_is_refused():
    with pytest.raises(ValueError, match=r"stand alone: \['case00'\]"):
        Mix(0.5).draw(REAL[1:], TWINS)


def test_a_case_given_twice_is_refused():
    with pytest.raises(ValueError, match=r"one real case per id.*\['case03'\]"):
        Mix(0.5).draw([*REAL, REAL[3]], TWINS)
    with pytest.raises(ValueError, match=r"one synthetic case per id.*\['case03'\]"):
        Mix(0.5).draw(REAL, [*TWINS, TWINS[3]])


OWN = [Drawn(f"syn{n:03d}", "own") for n in range(60)]


def _draw_own(alpha, mode="complement", seed=0, own=OWN, **sizes):
    drawn = Mix(alpha, mode, seed, **sizes).draw(REAL, own, paired=False)
    return [c.id for c in drawn if c.source == "real"], [c.id for c in drawn if c.source == "own"]


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("mode", ["complement", "independent"])
def test_cases_without_twins_fill_the_training_set_by_count(alpha, mode):
    real, own = _draw_own(alpha, mode)
    assert (len(real), len(own)) == (round(alpha * N), N - round(alpha * N))
    assert real == _draw(alpha)[0]  # the same real cases as beside twins


@pytest.mark.parametrize("seed", range(3))
def test_cases_without_twins_are_nested_over_alpha_and_over_their_number(seed):
    draws = [set(_draw_own(alpha, seed=seed)[1]) for alpha in ALPHAS]
    assert all(smaller >= larger for smaller, larger in pairwise(draws))
    draws = [set(_draw_own(0, "additive", seed, n_synthetic=n)[1]) for n in (0, 5, 21, 60)]
    assert [len(drawn) for drawn in draws] == [0, 5, 21, 60]
    assert all(smaller <= larger for smaller, larger in pairwise(draws))


def test_more_synthetic_than_real_cases_stand_beside_all_real_ones():
    real, own = _draw_own(0, "additive", n_synthetic=60)
    assert (len(real), len(own)) == (N, 60)
    assert len(_draw_own(0.5, "additive", n_synthetic=60)[1]) == 30
    assert _draw_own(1, "additive", n_synthetic=60) == (sorted(IDS), [])


def test_fewer_synthetic_than_real_cases_are_all_drawn_at_alpha_zero():
    few = OWN[:8]
    assert _draw_own(0, own=few) == ([], [case.id for case in few])
    assert len(_draw_own(0.5, own=few)[1]) == 4


@pytest.mark.parametrize("paired", [True, False])
def test_a_smaller_number_of_real_cases_is_part_of_a_larger_one(paired):
    def drawn(n_real):
        cases = Mix(1, seed=3, n_real=n_real).draw(REAL, TWINS if paired else OWN, paired=paired)
        return {case.id for case in cases}

    assert [len(drawn(n)) for n in (1, 5, N)] == [1, 5, N]
    assert drawn(1) <= drawn(5) <= drawn(N) == IDS


def test_a_smaller_number_of_real_cases_has_its_own_twins():
    drawn = Mix(0.5, seed=1, n_real=6).draw(REAL, TWINS)
    assert len({case.id for case in drawn}) == len(drawn) == 6


def test_numbers_of_cases_that_cannot_be_are_refused():
    with pytest.raises(Refusal, match="Expected n_real to be a whole number of at least 1, or null, but got 0"):
        Mix(1, n_real=0)
    with pytest.raises(Refusal, match=r"Expected data.n_real of at most 21 training cases, but got 22"):
        Mix(1, n_real=22).draw(REAL, TWINS)
    with pytest.raises(Refusal, match=r"Expected data.n_synthetic of at most 60 training cases, but got 61"):
        _draw_own(0, n_synthetic=61)
    with pytest.raises(Refusal, match=r"Expected data.n_synthetic=null for twins"):
        Mix(0, n_synthetic=5).draw(REAL, TWINS)
