"""The audit of amounts, on planted scores: synthetic cases are worth as many real ones as the learning curve says."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from helpers.fake_runs import PlantedSegmenter
from synthtrust.audits import Amounts
from synthtrust.audits.scores import NotApplicableError
from synthtrust.audits.sizes import of_one_size
from synthtrust.refusals import Refusal
from synthtrust.report.amounts import amounts_chapter

PATIENTS = 40


@dataclass
class Sized(PlantedSegmenter):
    """A run on so many real and synthetic cases."""

    n_real: int = 20
    n_synthetic: int = 0
    generator: str = "Tissue"

    @property
    def folder(self):
        return Path(f"runs/{self.mode}_{self.n_real}_{self.n_synthetic}_seed_{self.seed}")

    def scores(self):
        """Real cases alone have no synthetic test cases here, as runs with another set, or none, have others."""
        scores = super().scores()
        return scores if self.n_synthetic else scores[scores["source"] == "real"]

    def facts(self):
        drawn = {"real": self.n_real, "synthetic": self.n_synthetic}
        return super().facts() | {
            "drawn": drawn, "generator": {"_target_": self.generator}, "mode": self.mode, "paired": False,
            "n_real": self.n_real, "n_synthetic": self.n_synthetic,
        }  # fmt: skip


def level(n):
    return 0.4 + 0.1 * np.log2(n / 10)


def run(n_real, n_synthetic, dice, seed, mode="additive"):
    rng = np.random.default_rng([n_real, n_synthetic, seed])
    scores = (dice + rng.normal(0, 0.03, (PATIENTS, 3))).clip(0, 1).tolist()
    return Sized(1.0 if not n_synthetic else 0.0, seed, scores, scores, mode, n_real=n_real, n_synthetic=n_synthetic)


@pytest.fixture(scope="module")
def sweep():
    """Return runs in which 100 synthetic cases make 20 real ones as good as 40, and 400 better than all there are."""
    arms = [(n, 0, level(n)) for n in (10, 20, 40, 80)]
    arms += [(20, 100, level(40)), (20, 400, 0.9), (20, 5, level(20))]
    return [run(*arm, seed) for arm in arms for seed in (0, 1, 2)]


@pytest.fixture(scope="module")
def worth(sweep):
    return Amounts()(sweep)["worth"].set_index(["n_real", "n_synthetic"])


def test_synthetic_cases_are_worth_as_many_real_ones_as_the_curve_says(worth):
    row = worth.loc[20, 100]
    assert row["worth_low"] < 40 < row["worth_high"]
    assert row["worth"] == pytest.approx(40, rel=0.1)
    assert row["gain_low"] < 0.1 < row["gain_high"]
    assert row["n_seeds"] == 3


def test_what_lies_beyond_the_curve_has_a_limit_alone(worth):
    row = worth.loc[20, 400]
    assert np.isnan(row["worth"])
    assert (row["worth_low"], row["worth_high"]) == (80, np.inf)


def test_cases_that_add_nothing_are_worth_nothing(worth):
    row = worth.loc[20, 5]
    assert row["worth_low"] < 20 < row["worth_high"]
    assert row["gain_low"] < 0 < row["gain_high"]


def test_real_cases_alone_are_the_curve_and_worth_themselves(worth):
    alone = worth.xs(0, level="n_synthetic")
    assert list(alone.index) == [10, 20, 40, 80]
    assert alone["worth"].isna().all()


def test_the_page_says_it_in_a_sentence(sweep):
    chapter = amounts_chapter(Amounts()(sweep))
    (answer,) = chapter.answers
    assert answer == "20 real and 400 synthetic cases score better than 80 real cases alone, the most that were tried."
    shown = chapter.sections[0].tables[0].frame.set_index(["Real cases", "Synthetic cases"])
    assert shown.loc[(20, 100), "Scores like"].endswith("real cases")
    assert shown.loc[(20, 400), "Scores like"] == "[80, more than 80] real cases"
    assert "<svg" in chapter.sections[0].figures[0].panels[0]


def test_without_a_curve_or_a_mix_it_does_not_apply(sweep):
    with pytest.raises(NotApplicableError, match=r"Train for example with data.n_real=20,40,80 alpha=1"):
        Amounts()([one for one in sweep if one.n_real == 20])
    with pytest.raises(NotApplicableError):
        Amounts()([one for one in sweep if not one.n_synthetic])
    with pytest.raises(Refusal, match="Expected one run for each mode, alpha and seed"):
        Amounts()([*sweep, sweep[0]])


def test_other_audits_are_given_one_number_of_cases(sweep):
    chosen = of_one_size([*sweep, run(40, 0, 0.5, 7, "complement")])
    assert {(one.n_real, one.n_synthetic) for one in chosen} == {(40, 0)}
    assert len(chosen) == 4


def test_a_generator_with_real_cases_alone_lends_them_and_has_no_section(sweep):
    lent = [replace(one, generator="Other") if not one.n_synthetic else one for one in sweep]
    chapter = amounts_chapter(Amounts()(lent))
    assert len(chapter.sections) == len(chapter.answers) == 1
    assert chapter.answers == amounts_chapter(Amounts()(sweep)).answers
