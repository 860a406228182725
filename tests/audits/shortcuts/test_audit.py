"""A planted shortcut is found in every draw, and networks that learned the class alone are not called users of one."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.fake_runs import PlantedSegmenter
from synthtrust.audits import Shortcuts
from synthtrust.audits.scores import NotApplicableError
from synthtrust.audits.shortcuts.kinds import KINDS
from synthtrust.refusals import Refusal
from synthtrust.report import write_report

CLASSES = ("healthy", "ill")


@dataclass
class Confounded:
    """A network of one share alpha: how much its output follows the class, the source, and chance."""

    alpha: float
    seed: int = 0
    skill: float = 1.2
    """By how much the output for a class is higher in its own cases."""
    follows: float = 0.0
    """Difference of the output between both sources at the ends, where the source goes with the class."""
    leaning: float = 0.0
    """What any network adds to the output of a synthetic case, whatever the share."""
    forgets: float = 0.0
    """Share of the skill that is lost at the ends."""
    n: int = 120
    draw: int = 0
    """Of the patients."""
    classes: tuple = CLASSES
    paired: bool = True
    generator: str = "synthtrust.generators.Tissue"

    @property
    def folder(self):
        return Path(f"runs/alpha_{self.alpha:g}_seed_{self.seed}_confounded")

    def facts(self):
        return {
            "task": "classification", "classes": list(self.classes), "cohort": "planted", "alpha": self.alpha,
            "mode": "confounded", "paired": self.paired, "overlap": {"status": "none"}, "val": "mix",
            "generator": {"_target_": self.generator, "seed": self.seed},
            "confounded": {"of": "class", "first": list(self.classes[::2]), "second": list(self.classes[1::2])},
        }  # fmt: skip

    def scores(self):
        patients = np.random.default_rng(self.draw)
        own = np.random.default_rng([self.draw, self.seed, int(4 * self.alpha)])
        place = np.arange(self.n) % len(self.classes)
        tables = []
        for source in ("real", "synthetic"):
            odds = patients.normal(size=(self.n, len(self.classes))) + 0.3 * own.normal(
                size=(self.n, len(self.classes))
            )
            skill = self.skill * (1 - self.forgets * abs(2 * self.alpha - 1))
            odds[np.arange(self.n), place] += skill
            confounding = self.follows * (2 * self.alpha - 1) + 0.1 * own.normal() + self.leaning
            odds[:, 1::2] += confounding * (1 if source == "synthetic" else -1) / 2
            probability = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
            number = np.repeat(np.arange(self.n), len(self.classes))
            prefix = "s" if source == "synthetic" and not self.paired else "c"
            tables.append(
                pd.DataFrame(
                    {
                        "alpha": self.alpha, "seed": self.seed, "mode": "confounded", "source": source,
                        "case": [f"{prefix}{i:04d}" for i in number], "patient": [f"{prefix}p{i:04d}" for i in number],
                        "target": [self.classes[place[i]] for i in number], "class": list(self.classes) * self.n,
                        "probability": probability.ravel(),
                    }
                )
            )  # fmt: skip
        return pd.concat(tables, ignore_index=True)


def planted(*, alphas=(0.0, 0.5, 1.0), seeds=3, **options):
    return [Confounded(alpha, seed, **options) for alpha in alphas for seed in range(seeds)]


def asked(runs, **options):
    tables = Shortcuts(**options)(runs)
    (reading,) = tables["reading"].to_dict("records")
    contrasts = tables["contrasts"].set_index("contrast")
    return reading, contrasts, tables


def codes(reading):
    return [reason.code for reason in reading["reasons"]]


@pytest.mark.parametrize("draw", range(2))
def test_a_network_that_follows_the_source_is_found(draw):
    reading, contrasts, _ = asked(planted(follows=4.0, draw=draw))
    assert reading["reading"] == "NOT SUPPORTED"
    assert codes(reading)[0] == "swap_used"
    assert "source_told" in codes(reading)
    assert contrasts.loc["swap", "lower"] > 0.3
    assert contrasts.loc["swap", "value"] == pytest.approx(contrasts.loc[["swap at 0", "swap at 1"], "value"].mean())


@pytest.mark.parametrize(("draws", "wrong"), [(3, 1), pytest.param(100, 10, marks=pytest.mark.slow)])
def test_networks_that_learned_the_class_alone_are_seldom_called_users_of_a_shortcut(draws, wrong):
    found = [asked(planted(draw=draw))[0]["reading"] for draw in range(draws)]
    assert found.count("NOT SUPPORTED") <= wrong
    assert found.count("SUPPORTED") >= draws / 2


@pytest.mark.parametrize("draw", range(2))
def test_synthetic_cases_that_lean_to_one_class_in_any_network_are_no_shortcut(draw):
    """What cancels between both ends is no confounding: painted images of the healthy may look ill to everybody."""
    reading, contrasts, _ = asked(planted(leaning=1.5, draw=draw))
    assert reading["reading"] != "NOT SUPPORTED"
    assert contrasts.loc["swap at 1", "lower"] > 0.1  # an end by itself would be read wrongly
    assert abs(contrasts.loc["swap", "value"]) < 0.05


def test_a_source_that_is_added_to_the_class_shows_in_the_exchange_and_not_on_real_cases_alone():
    reading, contrasts, _ = asked(planted(follows=3.0))
    assert contrasts.loc["swap", "lower"] > 0.1
    assert abs(contrasts.loc["loss", "value"]) < 0.05
    assert codes(reading)[:2] == ["swap_used", "loss_bounded"]


def test_a_disease_that_confounded_training_does_not_learn_is_a_loss_and_a_share():
    reading, contrasts, _ = asked(planted(forgets=0.8))
    assert reading["reading"] == "NOT SUPPORTED"
    assert codes(reading)[0] == "loss_used"
    loss, share = contrasts.loc["loss"], contrasts.loc["share"]
    balanced = loss["value"] / share["value"]  # what it has above chance
    assert 0.3 < balanced < 0.45
    assert share["ci_low"] < share["value"] < share["ci_high"]


def test_the_kinds_of_test_cases_are_those_of_the_formula():
    runs = planted(follows=2.0, seeds=1)
    _, _, tables = asked(runs)
    scores = runs[-1].scores()
    ill = scores[scores["class"] == "ill"].set_index(["source", "target"])["probability"]
    sources = [("real", "real"), ("synthetic", "synthetic"), ("real", "synthetic"), ("synthetic", "real")]
    for kind, (of_healthy, of_ill) in zip(KINDS, sources, strict=True):
        negative, positive = ill[of_healthy, "healthy"].to_numpy(), ill[of_ill, "ill"].to_numpy()
        expected = (np.sign(positive[:, None] - negative) / 2 + 0.5).mean()
        (row,) = tables["curve"].query(f"alpha == 1 and kind == '{kind}'").to_dict("records")
        assert row["value"] == pytest.approx(expected)


def test_the_interval_of_the_exchange_is_that_of_a_bootstrap_over_patients():
    """Seeds that are all one network leave the patients alone."""
    runs = [replace(Confounded(alpha, follows=1.0, n=120), seed=0) for alpha in (0.0, 0.5, 1.0)]
    twice = []
    for run in runs:
        table = run.scores()
        for seed in range(2):
            other = replace(run, seed=seed)
            other.scores = lambda table=table, seed=seed: table.assign(seed=seed)
            twice.append(other)
    _, contrasts, _ = asked(twice)
    width = contrasts.loc["swap", "ci_high"] - contrasts.loc["swap", "ci_low"]
    output = {}
    for run in (runs[0], runs[2]):
        table = run.scores().query("`class` == 'ill'")
        output[run.alpha] = {source: rows["probability"].to_numpy() for source, rows in table.groupby("source")}
    place = np.arange(120) % 2
    rng = np.random.default_rng(0)

    def area(negative, positive):
        return (np.sign(positive[:, None] - negative) / 2 + 0.5).mean()

    values = []
    for _ in range(400):
        drawn = rng.integers(0, 120, 120)
        no, yes = drawn[place[drawn] == 0], drawn[place[drawn] == 1]
        swaps = [
            area(of["real"][no], of["synthetic"][yes]) - area(of["synthetic"][no], of["real"][yes])
            for of in (output[1.0], output[0.0])
        ]
        values.append((swaps[0] - swaps[1]) / 2)
    assert width / 2 == pytest.approx(1.98 * np.std(values), rel=0.2)


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ({"seeds": 1}, "one_seed"),
        ({"seeds": 2}, "few_seeds"),
        ({"n": 24}, "few_patients"),
        ({"alphas": (0.0, 1.0)}, "no_balanced_mix"),
        ({"alphas": (0.0, 0.5)}, "missing_ends"),
        ({"skill": -0.2}, "nothing_learned"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_supported(options, first):
    reading, _, _ = asked(planted(**options))
    assert reading["reading"] == "INCONCLUSIVE"
    assert first in codes(reading)


def test_a_shortcut_is_found_without_the_balanced_mix():
    assert asked(planted(follows=4.0, alphas=(0.0, 1.0)))[0]["reading"] == "NOT SUPPORTED"


@pytest.mark.parametrize("options", [{"classes": ("a", "b", "c")}, {"paired": False}], ids=str)
def test_three_classes_and_cases_that_are_the_twins_of_none_are_asked_as_well(options):
    used, _, tables = asked(planted(follows=5.0, n=120, **options))
    assert used["reading"] == "NOT SUPPORTED"
    assert (used["first"], used["second"]) == (("a, c", "b") if "classes" in options else CLASSES)
    assert asked(planted(n=120, **options))[0]["reading"] != "NOT SUPPORTED"
    assert set(tables["sources"]["class"]) == set(options.get("classes", CLASSES))


@dataclass
class ConfoundedSegmenter(PlantedSegmenter):
    """Dice falls by some where the source of a case does not go with its volume as in training."""

    follows: float = 0.0
    mode: str = "confounded"

    def __post_init__(self):
        rng = np.random.default_rng([self.seed, int(2 * self.alpha)])
        level = np.random.default_rng(0).uniform(0.7, 0.8, (60, 1))
        large = np.arange(60)[:, None] % 2 == 0
        falls = self.follows * (2 * self.alpha - 1)
        self.real = (level + falls * np.where(large, 1, -1) / 2 + 0.02 * rng.normal(size=(60, 3))).tolist()
        self.synthetic = (level + falls * np.where(large, -1, 1) / 2 + 0.02 * rng.normal(size=(60, 3))).tolist()

    def facts(self):
        return super().facts() | {"mode": "confounded", "confounded": {"of": "ED", "above_ml": 5.0}}

    def volumes(self):
        rows = [(f"case{i}", "test", "real", "ED", 10.0 if i % 2 == 0 else 5.0) for i in range(60)]
        return pd.DataFrame(rows, columns=["case", "part", "source", "region", "volume_ml"])


@pytest.mark.parametrize(("follows", "reading"), [(0.3, "NOT SUPPORTED"), (0.0, "SUPPORTED")])
def test_the_volume_of_a_label_is_a_class_as_well(follows, reading):
    runs = [ConfoundedSegmenter(alpha, seed, follows=follows) for alpha in (0.0, 0.5, 1.0) for seed in range(3)]
    found, contrasts, tables = asked(runs)
    assert found["reading"] == reading
    assert contrasts.loc["swap", "value"] == pytest.approx(follows, abs=0.02)
    assert found["first"] == "more than 5 ml of ED"
    assert tables["sources"].empty


def test_runs_of_other_mixes_and_of_several_confounders_are_refused():
    with pytest.raises(NotApplicableError, match=r"Expected runs of data\.mode=confounded"):
        Shortcuts()([PlantedSegmenter()])
    runs = [ConfoundedSegmenter(alpha) for alpha in (0.0, 1.0)]
    runs[1].facts = lambda: runs[0].facts() | {"confounded": {"of": "ET", "above_ml": 1.0}}
    with pytest.raises(Refusal, match="Expected runs in which one thing decides the source"):
        Shortcuts()(runs)
    runs = [ConfoundedSegmenter(alpha) for alpha in (0.0, 1.0)]
    runs[0].volumes = lambda: pd.DataFrame({"region": ["ET"]})
    with pytest.raises(Refusal, match=r"Expected volumes\.csv with the label ED"):
        Shortcuts()(runs)


def test_the_page_says_which_source_goes_with_which_class_and_what_an_exchange_costs(tmp_path):
    tables = Shortcuts()(planted(follows=4.0, alphas=(0.0, 0.25, 0.5, 1.0), n=80))
    text = write_report(tmp_path, {}, {"shortcuts": tables}).read_text(encoding="utf-8")
    (answer,) = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["answers"]
    assert "do not learn the source in place of the class is NOT SUPPORTED: a shortcut is used. Test" in answer
    for words in ("healthy: real; ill: synthetic", "Exchange of the sources of test cases", "Whether the output tells"):
        assert words in text
    assert (tmp_path / "shortcuts_contrasts.csv").is_file()


def test_the_page_of_a_part_of_a_sweep_has_what_is_there(tmp_path):
    tables = Shortcuts()(planted(alphas=(0.25, 0.75), n=40))
    write_report(tmp_path, {}, {"shortcuts": tables})
    (answer,) = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["answers"]
    assert "No runs at alpha 0 and 1" in answer
    assert "could not be drawn" not in (tmp_path / "index.html").read_text(encoding="utf-8")
