"""One training on real cases serves several generators, with the numbers that each would have by itself."""

from helpers.fake_runs import sweep, tstr_against_trtr

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
