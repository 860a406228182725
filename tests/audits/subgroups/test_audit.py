"""Groups that lose alike are called so, a group that synthetic training fails is found, and chance is not called."""

import numpy as np
import pandas as pd
import pytest

from helpers.fake_runs import PlantedClassifier, PlantedSegmenter
from synthtrust.audits import Subgroups
from synthtrust.audits.scores import NotApplicableError
from synthtrust.refusals import MissingFileRefusal, Refusal
from synthtrust.report.subgroups import subgroups_chapter


def planted(rng, loss_of, n=80, seeds=3):
    """Return runs of TSTR and TRTR; ``loss_of`` takes the number of a patient and returns what TSTR loses on it."""
    level = rng.uniform(0.6, 0.8, (n, 1))
    losses = np.array([[loss_of(i)] for i in range(n)])
    effects = 0.01 * rng.standard_normal((2, seeds))
    runs = []
    for arm, alpha in enumerate((0.0, 1.0)):
        for seed in range(seeds):
            dice = level - losses * (alpha == 0) + effects[arm, seed] + 0.03 * rng.standard_normal((n, 1))
            dice = np.repeat(dice, 3, axis=1).clip(0, 1).tolist()
            runs.append(PlantedSegmenter(alpha, seed, dice, dice))
    return runs


@pytest.fixture
def sexes(tmp_path):
    file = tmp_path / "attributes.csv"
    rows = [{"case": f"case{i}", "sex": "female" if i % 2 else "male"} for i in range(80)]
    pd.DataFrame(rows).to_csv(file, index=False)
    return file


def verdicts(runs, file, **options):
    tables = Subgroups(attributes=str(file), volume=False, **options)(runs)
    return dict(zip(tables["answers"]["attribute"], tables["answers"]["verdict"], strict=True)), tables


@pytest.mark.parametrize("seed", range(4))
def test_a_group_that_loses_more_is_found(sexes, seed):
    runs = planted(np.random.default_rng(seed), lambda i: 0.12 if i % 2 else 0.02)
    found, tables = verdicts(runs, sexes)
    assert found == {"sex": "NOT SUPPORTED"}
    (pair,) = tables["pairs"].to_dict("records")
    assert (pair["first"], pair["second"]) == ("female", "male")
    assert pair["ci_low"] < 0.1 < pair["ci_high"]
    gaps = tables["groups"].set_index("group")["gap"]
    assert pair["difference"] == pytest.approx(gaps["male"] - gaps["female"])


@pytest.mark.parametrize("draws", [8, pytest.param(100, marks=pytest.mark.slow)])
def test_groups_that_lose_alike_are_called_alike(sexes, draws):
    found = [verdicts(planted(np.random.default_rng(seed), lambda i: 0.05), sexes)[0]["sex"] for seed in range(draws)]
    assert "NOT SUPPORTED" not in found  # that takes an interval beyond the margin, not only beside 0
    assert found.count("SUPPORTED") >= draws / 2


def test_a_difference_that_is_told_from_none_but_not_from_the_margin_decides_nothing(sexes):
    runs = planted(np.random.default_rng(0), lambda i: 0.05 + 0.045 * (i % 2))
    found, tables = verdicts(runs, sexes)
    (pair,) = tables["pairs"].to_dict("records")
    assert 0 < pair["ci_low"] < 0.05 < pair["ci_high"]
    assert found == {"sex": "INCONCLUSIVE"}
    assert verdicts(runs, sexes, margin=pair["ci_low"] / 2)[0] == {"sex": "NOT SUPPORTED"}
    assert verdicts(runs, sexes, margin=pair["ci_high"] * 1.1)[0] == {"sex": "SUPPORTED"}


@pytest.mark.parametrize(("draws", "most"), [(8, 2), pytest.param(100, 10, marks=pytest.mark.slow)])
def test_a_difference_of_the_margin_is_seldom_decided(sexes, draws, most):
    found = [
        verdicts(planted(np.random.default_rng(seed), lambda i: 0.05 + 0.05 * (i % 2)), sexes)[0]["sex"]
        for seed in range(draws)
    ]
    assert found.count("SUPPORTED") <= most
    assert found.count("NOT SUPPORTED") <= most


def test_few_patients_are_left_out_and_nothing_is_shown_of_them(sexes, tmp_path):
    table = pd.read_csv(sexes)
    table.loc[:4, "sex"] = "other"
    table.to_csv(tmp_path / "three.csv", index=False)
    _, tables = verdicts(planted(np.random.default_rng(0), lambda i: 0.05), tmp_path / "three.csv")
    few = tables["groups"].set_index("group").loc["other"]
    assert not few["shown"]
    assert np.isnan(few["gap"])
    assert tables["answers"]["n_left_out"].tolist() == [1]
    text = subgroups_chapter(tables)
    assert "1 group with too few patients left out" in text.answers[0]
    shown = text.sections[0].tables[0].frame
    assert shown.loc[shown["Group"] == "other", "Patients"].tolist() == ["fewer"]


def test_one_seed_and_two_decide_nothing(sexes):
    assert verdicts(planted(np.random.default_rng(0), lambda i: 0.05, seeds=1), sexes)[0] == {"sex": "INCONCLUSIVE"}
    assert verdicts(planted(np.random.default_rng(0), lambda i: 0.05, seeds=2), sexes)[0] == {"sex": "INCONCLUSIVE"}


def test_thirds_of_the_labelled_volume_need_no_table():
    tables = Subgroups()(planted(np.random.default_rng(0), lambda i: 0.05))
    assert set(tables["answers"]["attribute"]) == {"volume of the regions [voxels]"}


@pytest.mark.parametrize(
    ("rows", "columns", "says"),
    [
        ({"name": ["a"], "sex": ["f"]}, None, "Expected a column 'case' or 'patient'"),
        ({"case": ["case0"], "sex": ["f"]}, ["age"], r"Expected columns \['age'\]"),
        ({"case": ["case0"]}, None, "Expected a column of an attribute"),
        ({"case": ["x", "y"], "sex": ["f", "m"]}, None, "Expected test cases in .* it names"),
        ({"case": ["case0", "case0"], "sex": ["f", "m"]}, None, "'case0' has several"),
        ({"case": [f"case{i}" for i in range(80)], "sex": ["f"] * 80}, None, "two or more values of 'sex'"),
        ({"case": [f"case{i}" for i in range(80)], "name": [f"n{i}" for i in range(80)]}, None, "it identifies them"),
    ],
)  # fmt: skip
def test_tables_that_tell_nothing_are_refused(tmp_path, rows, columns, says):
    pd.DataFrame(rows).to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(Refusal, match=says):
        Subgroups(str(tmp_path / "table.csv"), columns)(planted(np.random.default_rng(0), lambda i: 0.05))


def test_numbers_are_cut_into_thirds_and_a_missing_file_is_named(tmp_path):
    rows = {"patient": [f"of case{i}" for i in range(80)], "age": list(range(20, 100))}
    pd.DataFrame(rows).to_csv(tmp_path / "ages.csv", index=False)
    _, tables = verdicts(planted(np.random.default_rng(0), lambda i: 0.05), tmp_path / "ages.csv")
    assert len(tables["groups"]) == 3
    assert tables["groups"]["n_patients"].sum() == 80
    with pytest.raises(MissingFileRefusal, match=r"ages2\.csv is not there"):
        Subgroups(str(tmp_path / "ages2.csv"))(planted(np.random.default_rng(0), lambda i: 0.05))


def test_classifiers_have_groups_of_a_table_alone(tmp_path):
    runs = [PlantedClassifier(alpha, seed) for alpha in (0.0, 1.0) for seed in range(3)]
    with pytest.raises(NotApplicableError, match="Nothing is known"):
        Subgroups()(runs)
    cases = runs[0].scores()["case"].unique()
    table = {"case": cases, "site": ["a" if i % 3 else "b" for i in range(len(cases))]}
    pd.DataFrame(table).to_csv(tmp_path / "sites.csv", index=False)
    found, _ = verdicts(runs, tmp_path / "sites.csv")
    assert set(found) == {"site"}
