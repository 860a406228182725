"""The utility of findings: every measure of each against its absence, and plain means over them."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.fake_runs import PlantedClassifier, tstr_against_trtr, verdict_of
from synthtrust.audits import Utility
from synthtrust.metrics.functional.placements import auc_by_class
from synthtrust.runs import headline

NAMES = ("effusion", "mass", "nodule")


@dataclass
class PlantedFindings:
    """The log odds of each finding are shifted by ``skill`` where it is present."""

    alpha: float = 1.0
    seed: int = 0
    skill: float = 2.0
    n: int = 60
    names: tuple = NAMES
    present: tuple = ()
    mode: str = "complement"
    changed: dict = field(default_factory=dict)

    @property
    def folder(self):
        return Path(f"runs/alpha_{self.alpha:g}_seed_{self.seed}")

    def facts(self):
        return {
            "task": "multilabel", "classes": list(self.names), "cohort": "planted", "alpha": self.alpha,
            "generator": {"_target_": "Tissue", "seed": self.seed}, "overlap": {"status": "none"}, "val": "mix",
        }  # fmt: skip

    def truth(self):
        drawn = np.random.default_rng(5).random((self.n, len(self.names))) < [0.5, 0.3, 0.2][: len(self.names)]
        return np.array(self.present) if len(self.present) else drawn.astype(int)

    def scores(self):
        truth = self.truth()
        rng = np.random.default_rng([self.seed, int(8 * self.alpha)])
        odds = self.skill * truth + rng.normal(size=truth.shape)
        who = {"alpha": self.alpha, "seed": self.seed, "mode": self.mode, "source": "real"}
        rows = [
            {
                **who,
                "case": f"c{m:03d}",
                "patient": f"p{m // 2:03d}",
                "class": name,
                "present": int(truth[m, k]),
                "probability": 1 / (1 + np.exp(-odds[m, k])),
            }
            for m in range(self.n)
            for k, name in enumerate(self.names)
        ]
        return pd.DataFrame(rows).assign(**self.changed)


def arms(**options):
    return [
        PlantedFindings(alpha, seed, skill, **options) for alpha, skill in ((0.0, 1.5), (1.0, 2.0)) for seed in range(3)
    ]


@pytest.fixture(scope="module")
def audit():
    return Utility(n_boot=50)


@pytest.fixture(scope="module")
def tables(audit):
    return audit(arms())


def area(probability, present):
    """Chance that a case which has it scores above one which has not, ties half; written out."""
    yes, no = probability[present == 1][:, None], probability[present == 0][None]
    return ((yes > no) + 0.5 * (yes == no)).mean()


def test_the_area_of_each_finding_is_the_equation_and_the_whole_is_their_mean(tables):
    runs = arms()
    for alpha in (0.0, 1.0):
        by_name = {
            name: np.mean([area(*run.scores().query(f"`class` == '{name}'")[["probability", "present"]].to_numpy().T)
                           for run in runs if run.alpha == alpha])
            for name in NAMES
        }  # fmt: skip
        found = tables["per_class"].query(f"measure == 'auc' and alpha == {alpha}").set_index("class")["value"]
        assert found.to_dict() == pytest.approx(by_name)
        whole = tables["performance"].query(f"measure == 'auc' and alpha == {alpha} and seed == 'all'")["value"].item()
        assert whole == pytest.approx(np.mean(list(by_name.values())))
    name, value = headline(runs[0].scores())
    assert (name, value) == ("Macro AUC", pytest.approx(tables["performance"].query(
        "measure == 'auc' and alpha == 0 and seed == '0'")["value"].item()))  # fmt: skip


def test_rows_are_about_findings_and_the_verdict_about_their_mean(tables):
    assert set(tables["per_class"]["class"]) == set(NAMES)
    assert set(tables["per_class"]["kind"]) == {"finding"}
    positives = PlantedFindings().truth().sum(0)
    of_auc = tables["per_class"].query("measure == 'auc' and alpha == 1").set_index("class")["n_cases"]
    assert of_auc.to_dict() == dict(zip(NAMES, positives))
    row = tstr_against_trtr(tables)
    assert (row["n_cases"], row["n_patients"]) == (60, 30)
    assert verdict_of(tables)["verdict"] in ("NOT SUPPORTED", "INCONCLUSIVE")
    measures = ["auc", "auprc", "balanced_accuracy", "brier", "calibration_error", "f1", "mcc"]
    assert sorted(tables["performance"]["measure"].unique()) == measures


def test_one_finding_is_scored_as_two_classes_are(audit):
    alone = arms(names=("sick",))
    two = []
    for run in alone:
        table = run.scores()
        target = np.where(table["present"], "sick", "well")
        both = [
            table.assign(target=target, **{"class": name, "probability": p}).drop(columns="present")
            for name, p in (("well", 1 - table["probability"]), ("sick", table["probability"]))
        ]
        planted = PlantedClassifier(run.alpha, run.seed, classes=("well", "sick"), generator="Tissue")
        planted.scores = lambda both=both: pd.concat(both, ignore_index=True)
        two.append(planted)
    found, expected = audit(alone), audit(two)
    columns = ["measure", "gap", "ci_low", "ci_high", "value", "reference"]
    same = [
        "auc",
        "balanced_accuracy",
        "mcc",
        "brier",
        "calibration_error",
    ]  # the others are means over both classes there
    pick = [tables["comparison"][columns].set_index("measure").loc[same].astype(float) for tables in (found, expected)]
    pd.testing.assert_frame_equal(*pick)
    columns = ["value", "ci_low", "ci_high", "n_cases"]
    sick = [
        tables["per_class"].query("`class` == 'sick'").set_index(["alpha", "measure"])[columns]
        for tables in (found, expected)
    ]
    pd.testing.assert_frame_equal(sick[0], sick[1].loc[sick[0].index])


def test_the_order_of_findings_plays_no_part(audit, tables):
    turned = []
    for run in arms():
        table = run.scores()
        order = pd.Categorical(table["class"], NAMES[::-1])
        table = table.iloc[np.lexsort((order.codes, table["case"]))]
        run.scores = lambda table=table: table
        turned.append(run)
    found = audit(turned)
    assert list(found["per_class"]["class"].unique()) == list(NAMES[::-1])
    for name, keys in (("per_class", ["alpha", "class", "measure"]), ("performance", ["alpha", "seed", "measure"])):
        mine, theirs = (some[name].set_index(keys)["value"].sort_index() for some in (found, tables))
        pd.testing.assert_series_equal(mine, theirs)


def test_a_finding_that_no_test_case_has_is_named_and_not_averaged_away(audit):
    truth = PlantedFindings().truth()
    truth[:, 2] = 0
    runs = arms(present=tuple(map(tuple, truth)))
    tables = audit(runs)
    auc = tables["per_class"].query("measure == 'auc' and alpha == 1").set_index("class")["value"]
    assert auc.isna().to_dict() == {"effusion": False, "mass": False, "nodule": True}
    row = tstr_against_trtr(tables)
    assert np.isnan(row["gap"])
    assert "no test case of class nodule" in row["note"]
    assert verdict_of(tables)["verdict"] == "INCONCLUSIVE"
    assert np.isnan(headline(runs[0].scores())[1])


def test_areas_take_classes_or_findings():
    rng = np.random.default_rng(0)
    score, classes = rng.random((20, 3)), np.arange(20) % 3
    for one, other in zip(auc_by_class(score, classes), auc_by_class(score, np.eye(3)[classes])):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match=r"classes \(M,\) or findings \(M, C\)"):
        auc_by_class(score, np.zeros((20, 2)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (dict(present=2), "Expected 0 or 1 in a column 'present'"),
        (dict(probability=1.5), "Expected probabilities from 0 to 1"),
        (dict(probability=np.nan), "Expected probabilities from 0 to 1"),
    ],
)
def test_scores_that_contradict_themselves_are_refused(audit, changed, message):
    with pytest.raises(ValueError, match=message):
        audit([PlantedFindings(changed=changed)])


def test_runs_with_another_truth_are_refused(audit):
    truth = PlantedFindings().truth()
    truth[0] = 1 - truth[0]
    with pytest.raises(ValueError, match=r"the same real test cases in every run, but only .* has .'c000 with"):
        audit([PlantedFindings(0.0), PlantedFindings(1.0, present=tuple(map(tuple, truth)))])
