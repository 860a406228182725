"""One training on real cases serves several generators, with the numbers that each would have by itself."""

from dataclasses import dataclass

import pytest

from helpers.fake_runs import PlantedSegmenter, shifted, sweep, tstr_against_trtr
from synthtrust.refusals import Refusal

NOISE = "synthtrust.generators.Noise"


def of_noise(tables):
    return {name: table[table["generator"] == "Noise"] for name, table in tables.items() if "generator" in table}


def test_a_generator_is_judged_by_the_trtr_of_another_as_by_its_own(audit):
    """The planted scores at alpha 1 are the same for both generators, as those of a training on patients are."""
    tissue, noise = sweep(1.5, 2.0), sweep(0.2, 2.0, generator=NOISE)
    own = of_noise(audit([*tissue, *noise]))
    lent = of_noise(audit([*tissue, *(run for run in noise if run.alpha < 1)]))

    for column in ("gap", "gap_lower", "gap_upper", "reference", "n_seeds_reference"):
        assert tstr_against_trtr(lent)[column] == tstr_against_trtr(own)[column]
    assert lent["verdict"]["verdict"].tolist() == own["verdict"]["verdict"].tolist()
    assert tstr_against_trtr(lent)["trtr_of"] == "Tissue"
    assert tstr_against_trtr(own)["trtr_of"] == ""
    assert "TRTR was trained beside Tissue" in str(lent["verdict"]["reasons"].iloc[0])
    assert "trained beside" not in str(own["verdict"]["reasons"].iloc[0])


def test_nothing_is_lent_where_nobody_trained_on_real_cases_alone(audit):
    runs = [*sweep(1.5, 2.0), *sweep(0.2, 2.0, generator=NOISE)]
    tables = audit([run for run in runs if run.alpha < 1])
    assert set(tables["verdict"]["verdict"]) == {"not assessed"}


@dataclass
class WithoutTwins(PlantedSegmenter):
    """A segmenter whose synthetic test cases have ids of their own in every set."""

    def facts(self):
        return super().facts() | {"paired": False}

    def scores(self):
        table = super().scores()
        own = table["source"] == "synthetic"
        table.loc[own, ["case", "patient"]] = f"{self.generator} " + table.loc[own, ["case", "patient"]]
        return table


def test_sets_without_twins_share_the_training_on_real_cases(audit):
    """Their synthetic test cases differ; the real ones have to be the same."""
    trained = [WithoutTwins(alpha, seed, generator="EditedMasks") for alpha in (0.0, 1.0) for seed in (0, 1)]
    beside = [WithoutTwins(0.0, seed, generator="LabelledSet") for seed in (0, 1)]
    comparison = audit([*trained, *beside])["comparison"]
    assert comparison.groupby("generator")["trtr_of"].unique().str[0].to_dict() == {
        "EditedMasks": "", "LabelledSet": "EditedMasks",
    }  # fmt: skip

    others = [shifted(run, 0.0, ids=("case0", "case1", "case2", "another")) for run in beside]
    with pytest.raises(Refusal, match="the same real test cases in every run"):
        audit([*trained, *others])
