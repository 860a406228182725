"""Surfaces and lesions: left by a training, left out on request, and added to runs that were finished without them."""

import json
from pathlib import Path

import pandas as pd
import pytest

from synthtrust.conventions import FACTS, LESIONS, SCORES, SURFACE_COLUMNS
from synthtrust.files import write_json
from synthtrust.refusals import Refusal
from synthtrust.runs import Run, add_surfaces, train_run
from synthtrust.runs.surface_rules import asked_rules

RULES = {"lesion_dilation": 3.0, "lesion_min_volume": 50.0}


@pytest.fixture
def without(copied):
    """Return a finished run as an older version left it, its config, and the tables that it had."""
    run = Run(Path(copied.paths.output))
    scores, lesions, facts = run.scores(), run.lesions(), run.facts()
    scores.drop(columns=list(SURFACE_COLUMNS)).to_csv(run.folder / SCORES, index=False)
    (run.folder / LESIONS).unlink()
    write_json(
        run.folder / FACTS, {name: value for name, value in facts.items() if name not in ("surfaces", "files", "crc32")}
    )
    return run, copied, scores, lesions


def test_a_training_leaves_the_rules_and_every_lesion(finished):
    run = Run(Path(finished[0].paths.output))
    facts, lesions, scores = run.facts(), run.lesions(), run.scores()
    assert facts["surfaces"] == {"tolerance": dict.fromkeys(facts["regions"], max(facts["spacing_mm"])), **RULES}
    per_region = lesions.groupby(["source", "case", "region"]).size()
    counted = scores.set_index(["source", "case", "region"])["n_lesions"]
    assert per_region.eq(counted[counted > 0]).all()
    sums = lesions.groupby(["source", "case", "region"])["n_reference"].sum()
    reference = scores.set_index(["source", "case", "region"])["n_reference"]
    assert sums.eq(reference[reference > 0]).all()
    assert lesions["volume_ml"].gt(0).all()


def test_surfaces_can_be_left_out(configure):
    cfg = configure("surfaces.score=false")
    train_run(cfg)
    run = Run(Path(cfg.paths.output))
    assert "hd95" not in run.scores()
    assert (run.lesions(), "surfaces" in run.facts()) == (None, False)


def test_what_is_added_is_what_the_training_would_have_left(without):
    run, cfg, scores, lesions = without
    add_surfaces([run], {"add": True, "tolerance": None}, cfg.paths.cache)
    pd.testing.assert_frame_equal(run.scores(), scores)
    pd.testing.assert_frame_equal(run.lesions(), lesions)
    assert run.facts()["surfaces"]["tolerance"]["ET"] == max(run.facts()["spacing_mm"])
    before = (run.folder / SCORES).stat().st_mtime_ns
    add_surfaces([run], {"add": True}, cfg.paths.cache)
    assert (run.folder / SCORES).stat().st_mtime_ns == before  # nothing is done twice
    add_surfaces([run], {"add": True, "tolerance": 100.0}, cfg.paths.cache)
    again = run.scores()
    assert set(again["surface_dice"]) <= {0.0, 1.0}  # 0 where a region is not predicted at all
    pd.testing.assert_series_equal(again["dice"], scores["dice"])


def test_a_network_that_predicts_something_else_is_refused(without):
    run, cfg, scores, _ = without
    scores = scores.drop(columns=list(SURFACE_COLUMNS))
    scores.assign(dice=(scores["dice"] + 0.2) % 1).to_csv(run.folder / SCORES, index=False)
    with pytest.raises(Refusal, match="to predict what it was scored for, but the Dice of"):
        add_surfaces([run], {"add": True}, cfg.paths.cache)
    assert not (run.folder / LESIONS).exists()


def test_predictions_of_another_trainer_are_left_as_they_are(without):
    run, cfg, *_ = without
    facts = json.loads((run.folder / FACTS).read_text())
    write_json(run.folder / FACTS, {**facts, "predictions": "somewhere"})
    add_surfaces([run], {"add": True}, cfg.paths.cache)
    assert "hd95" not in run.scores()


def test_rules_without_a_voxel_size_are_refused():
    assert asked_rules({"tolerance": 2.0}, None).tolerance == 2.0
    assert asked_rules({}, None, {"tolerance": {"ET": 1.5}}).tolerance == {"ET": 1.5}
    assert asked_rules({"score": False}, [1.0]) is None
    with pytest.raises(Refusal, match="the voxel size of the training cases"):
        asked_rules({}, None)
