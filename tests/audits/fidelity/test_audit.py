"""Fidelity finds planted faults, leaves honest sets alone, and says where it cannot know."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from helpers.fake_runs import sentences
from helpers.page_marks import unmarked
from helpers.painted_sets import QUICK, SPACES, N, painted, texture
from helpers.synthetic_sets import CLASSES, PaintedRun, plane
from synthtrust.audits import Fidelity
from synthtrust.audits.spaces import RandomConvolutions
from synthtrust.cases import Cohort
from synthtrust.report import write_report


def verdict(tables, name):
    return tables["verdict"].set_index("subject").loc[name]


def values(tables, table, name, measure):
    rows = tables[table]
    return rows[(rows["set"] == name) & (rows["measure"] == measure)].set_index("space")


def test_an_honest_set_is_supported_with_every_number(tables):
    honest = verdict(tables, "honest")
    assert honest["axis"] == "fidelity"
    assert honest["verdict"] == "SUPPORTED", sentences(honest)
    assert "60 real and 60 synthetic patients" in sentences(honest)
    kid = values(tables, "quality", "honest", "KID")
    assert (kid["limit"] < kid["fault"]).all()
    assert (kid["ci_low"] <= kid["value"]).all()
    for space, row in kid.iterrows():
        assert f"{space} {row['value']:.3g}, at most {row['limit']:.3g}, planted {row['fault']:.3g}" in sentences(
            honest
        )
    coverage = values(tables, "diversity", "honest", "coverage, all cases")
    assert (coverage["limit"] > coverage["fault"]).all()
    assert f"at least {coverage['limit'].iloc[0]:.3f}, planted {coverage['fault'].iloc[0]:.3f}" in sentences(honest)
    assert values(tables, "quality", "honest", "density")["value"].between(0.8, 1.2).all()


def test_what_is_not_shown_is_inconclusive_and_the_numbers_are_said(runs):
    """Sixty patients cannot exclude a shift of a tenth of a standard deviation."""
    audited = Fidelity(SPACES, **QUICK | {"shift": 0.1})([runs["honest"]])
    verdict = audited["verdict"].iloc[0]
    kid = audited["quality"].query("measure == 'KID'")
    assert verdict["verdict"] == "INCONCLUSIVE"
    assert verdict["thresholds"]["shift"] == 0.1
    assert (kid["limit"] > kid["fault"]).all()
    row = kid.iloc[0]
    assert (
        f"KID in {row['space']} is {row['value']:.3g} and may be {row['limit']:.3g}, where all real cases shifted by "
        f"0.1 standard deviations have {row['fault']:.3g}."
    ) in sentences(verdict)
    assert "synthetic ones" in verdict["would_change"]


@pytest.mark.parametrize(
    ("field", "message"),
    [({"shift": 0.0}, "fidelity.shift above 0"), ({"repeats": 1}, "fidelity.repeats of 2 or more")],
)
def test_a_planted_fault_that_is_none_is_refused(field, message):
    with pytest.raises(ValueError, match=message):
        Fidelity(SPACES, **field)


def test_every_number_on_the_page_has_an_interval_or_is_called_described(tables, tmp_path):
    page = write_report(tmp_path, {}, {"fidelity": tables}).read_text(encoding="utf-8")
    assert unmarked(page) == []


def test_a_replay_looks_as_good_and_the_verdict_says_that_privacy_is_another_axis(tables):
    found = verdict(tables, "replay")
    assert found["verdict"] != "NOT SUPPORTED"
    if found["verdict"] == "SUPPORTED":
        assert "A replay of the training cases would look as good" in sentences(found)
    assert (values(tables, "quality", "replay", "KID")["p"] > 0.01).all()  # to unseen patients, not to itself
    assert values(tables, "two_sample_classifier", "replay", "AUC")["value"].max() < 0.7


@pytest.mark.parametrize("name", ["blurred", "noise", "collapsed"])
def test_a_planted_fault_is_not_supported(tables, name):
    found = verdict(tables, name)
    assert found["verdict"] == "NOT SUPPORTED"
    assert "feature spaces by KID" in sentences(found)
    assert values(tables, "two_sample_classifier", name, "AUC")["ci_low"].max() > 0.5 or name == "collapsed"


def test_what_training_cases_differ_in_as_well_is_not_held_against_a_set(tmp_path):
    """The cohort's parts come from two scanners: a perfect generator paints what it was shown."""
    rng = np.random.default_rng(3)
    images = [texture(rng) + (0 if i < N else rng.normal(0, 12, (28, 28))) for i in range(2 * N)]
    cases = tuple(plane(tmp_path / "real", f"p{i:03d}", image, i % 2) for i, image in enumerate(images))
    real, ids = Cohort("two scanners", cases, ("grey",), CLASSES), [case.id for case in cases[:N]]
    fresh = [texture(rng) for _ in cases]
    sets = {"perfect": fresh, "blurred": [gaussian_filter(image, 2.0) for image in fresh]}
    found = Fidelity(SPACES, **QUICK)([painted(tmp_path / name, real, some, ids) for name, some in sets.items()])
    said = found["verdict"].assign(subject=found["verdict"]["subject"].str.rpartition("/")[2]).set_index("subject")
    assert said.loc["perfect", "verdict"] == "INCONCLUSIVE"
    assert "and real training cases" in sentences(said.loc["perfect"])
    assert said.loc["blurred", "verdict"] == "NOT SUPPORTED"


def test_a_collapsed_set_loses_recall_coverage_and_vendi(tables):
    for measure in ("recall", "coverage", "Vendi score"):
        found = values(tables, "diversity", "collapsed", measure)
        assert (found["value"] < found["floor_low"]).sum() >= 2, measure
    alike = values(tables, "diversity", "collapsed", "MS-SSIM between cases")
    assert (alike["value"] > alike["floor_high"]).all()


def test_numbers_stand_beside_their_expectation_and_their_n(tables):
    coverage = values(tables, "diversity", "honest", "coverage")
    missed = np.prod([(30 - i) / (60 - i) for i in range(1, 6)])
    assert coverage["expected"].tolist() == pytest.approx([1 - missed] * 3)  # Naeem et al., at n = 30 on each side
    assert (coverage[["n_real", "n_synthetic"]] == N).all(axis=None)
    frechet = values(tables, "quality", "honest", "Frechet distance")
    assert frechet["note"].str.contains("30 on each side in each draw, 6 coordinates").all()  # 5 rows a coordinate
    assert frechet["ratio"].between(0.5, 2).all()


def test_brightness_alone_is_a_shortcut_and_no_difference_of_content(tables):
    found = values(tables, "two_sample_classifier", "dark", "AUC")
    assert found.loc["global intensity", "value"] > 0.9
    assert found.loc["global intensity", "note"].startswith("Shortcut")
    assert found.loc["random convolutions", "value"] < 0.75  # each image is standardised by itself
    assert verdict(tables, "dark")["verdict"] == "INCONCLUSIVE"
    assert "Global intensity alone" in sentences(verdict(tables, "dark"))


def test_planted_faults_are_noticed_at_this_n(tables):
    controls = tables["controls"].query("set == 'honest'").groupby("measure")["value"].max()
    assert (controls >= 0.8).all()


def test_the_proportion_lists_what_was_trained(tables):
    assert tables["proportion"].query("set == 'honest'")[["alpha", "n_real", "n_synthetic"]].iloc[0].tolist() == [
        0,
        0,
        N,
    ]


@pytest.mark.parametrize(("n", "says"), [(12, "sets was computed: 12 real patients"), (34, "too few to support")])
def test_few_cases_are_inconclusive_and_the_number_is_said(runs, n, says):
    run = runs["honest"]
    some = replace(run, cohort=replace(run.cohort, cases=run.cohort.cases[: N + n]))
    found = Fidelity(SPACES, **QUICK)([some])
    assert found["verdict"]["verdict"].tolist() == ["INCONCLUSIVE"]
    assert says in sentences(found["verdict"])
    if n == 12:
        assert found["quality"]["value"].isna().all()
        assert found["quality"]["note"].str.startswith("Not computed").all()


def test_unknown_training_cases_are_never_supported(runs, tmp_path):
    run = runs["honest"]
    folder = tmp_path / "honest"
    folder.symlink_to(run.folder)
    record = json.loads((run.folder / "manifest.json").read_text()) | {"training_ids": None}
    del record["crc32"]
    copy = tmp_path / "unknown"
    copy.mkdir()
    for path in run.folder.glob("*.png"):
        (copy / path.name).hardlink_to(path)  # links that lead out of a set are refused
    (copy / "manifest.json").write_text(json.dumps(record))
    found = Fidelity(SPACES, **QUICK)([PaintedRun(run.cohort, copy, N)])["verdict"].iloc[0]
    assert found["verdict"] == "INCONCLUSIVE"
    assert "no case counts as unseen" in sentences(found)


def test_the_same_question_gets_the_same_answer(runs, tables):
    again = Fidelity(SPACES, **QUICK | {"threads": 2})([runs["honest"]])
    for name in ("quality", "diversity", "two_sample_classifier"):
        before = tables[name][tables[name]["set"] == "honest"].reset_index(drop=True)
        pd.testing.assert_frame_equal(again[name], before)


def test_images_of_another_size_are_brought_to_the_smaller_one(runs, tmp_path):
    honest = runs["honest"]
    smaller = [np.asarray(Image.open(case.images["grey"]).resize((20, 20)), float) for case in honest.twins.cases]
    ids = [case.id for case in honest.cohort.cases[:N]]
    found = Fidelity(SPACES, **QUICK)([painted(tmp_path / "small", honest.cohort, smaller, ids)])
    assert "All images brought to 20 x 20" in sentences(found["verdict"])
    low = found["quality"].query("space == 'low resolution' and measure == 'KID'").iloc[0]
    assert low["value"] < low["floor_high"]


def test_one_feature_space_is_not_enough():
    with pytest.raises(ValueError, match="at least two feature spaces"):
        Fidelity({"random": RandomConvolutions()})
