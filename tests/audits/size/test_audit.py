"""Whether small structures are lost: planted losses over several draws, and what cannot be told."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.fake_runs import PlantedClassifier
from helpers.sized_runs import sized
from synthtrust.audits import Size
from synthtrust.audits.scores import NotApplicableError
from synthtrust.refusals import Refusal


def gap_slope(tables, measure="dice", unit="region"):
    rows = tables["slopes"]
    (row,) = rows[(rows["arm"] != "") & (rows["measure"] == measure) & (rows["region"] == "all")
                  & (rows["unit"] == unit)].to_dict("records")  # fmt: skip
    return row


def reading(tables):
    (row,) = tables["reading"].to_dict("records")
    return row["reading"], [reason.code for reason in row["reasons"]]


@pytest.mark.parametrize(
    ("loses", "expected", "words"),
    [
        ("small", "NOT SUPPORTED", ["dice_lost", "found_identical"]),
        ("nothing", "SUPPORTED", ["dice_kept", "found_identical"]),
        ("all alike", "SUPPORTED", ["dice_kept", "found_identical"]),  # that is a question of utility
    ],
)
def test_a_loss_of_small_structures_is_found_and_no_other(loses, expected, words):
    """Measured over 200 draws of each: slopes from .126 to .153, and within .010 of 0; the limit is .05."""
    audit = Size(min_patients=20)
    for draw in range(5):
        tables = audit(sized(loses, draw=draw))
        assert reading(tables) == (expected, words), draw
        row = gap_slope(tables)
        assert (row["n_items"], row["n_patients"], row["n_seeds"]) == (80, 20, 3)  # two cases of each patient
        assert (row["value"] > 0.08) == (loses == "small")


def test_every_factor_has_a_slope_and_thirds_say_where_it_is_lost():
    tables = Size()(sized("small", has_lesions=True))
    slopes = tables["slopes"].query("unit == 'region' and arm == ''")
    assert set(slopes["measure"]) == {"dice", "found", "T3", "T4"}
    assert set(slopes["region"]) == {"all", "ET", "ED"}
    thirds = tables["thirds"].query("unit == 'region'").set_index("third")["gap"]
    assert thirds["smallest"] < -0.2
    assert abs(thirds["largest"]) < 0.05
    lesions = tables["points"].query("unit == 'lesion'")
    assert len(lesions) == 80
    assert gap_slope(tables, "found", "lesion")["value"] > 0.05
    assert np.allclose(lesions["volume_ml"], tables["points"].query("unit == 'region'")["volume_ml"])
    assert (tables["points"].query("unit == 'region'")["pair_gap"] > 0).all()


@pytest.mark.parametrize(
    ("runs", "code"),
    [
        (sized("nothing", voxels=(900, 1100)), "sizes_alike"),
        (sized("small", seeds=1), "one_seed"),
        (sized("nothing", seeds=2), "few_seeds"),
        (sized("nothing"), "few_patients"),
        (sized("nothing", n=3), "no_interval"),
    ],
    ids=["alike", "one seed", "two seeds", "few patients", "two patients"],
)
def test_doubts_hold_back_what_the_numbers_say(runs, code):
    result, codes = reading(Size()(runs))
    assert result == "INCONCLUSIVE"
    if code == "no_interval":
        assert codes[0] in ("no_interval", "few_patients", "dice_open")
    else:
        assert code in codes


def test_without_tstr_and_trtr_there_are_slopes_and_no_reading():
    tables = Size()([run for run in sized("small") if run.alpha == 1])
    assert tables["reading"].empty
    assert set(tables["slopes"]["arm"]) == {""}


def test_one_training_on_real_cases_serves_both_sets_and_each_has_its_reading():
    runs = sized("small") + [run for run in sized("nothing", generator="Replay") if run.alpha == 0]
    tables = Size(min_patients=20)(runs)
    assert tables["reading"].set_index("generator")["reading"].to_dict() == {
        "Tissue": "NOT SUPPORTED",
        "Replay": "SUPPORTED",
    }


def test_what_has_no_size_is_said_in_one_line():
    with pytest.raises(NotApplicableError, match="classes have no size"):
        Size()([PlantedClassifier()])
    nothing = [replace(run) for run in sized("nothing")]
    for run in nothing:
        table = run.scores().assign(n_reference=0, n_prediction=0, dice=1.0)
        run.scores = lambda table=table: table
    with pytest.raises(NotApplicableError, match="no test case has any"):
        Size()(nothing)
    with pytest.raises(Refusal, match="how large a voxel is"):
        Size()(sized("nothing", spacing=None))


def test_a_region_that_few_cases_have_is_left_out_where_they_lack_it():
    runs = sized("nothing")
    for run in runs:
        table = run.scores()
        rare = (table["region"] == "ED") & (table["case"] > "case05")
        table.loc[rare, ["n_reference", "n_prediction"]] = 0
        table.loc[rare, "dice"] = 1.0
        run.scores = lambda table=table: table
    tables = Size()(runs)
    assert gap_slope(tables)["n_items"] == 40 + 6


def test_copies_of_the_very_same_images_lose_nothing():
    runs = sized("nothing")
    for run in runs:
        table = replace(run, alpha=1.0).scores().assign(alpha=run.alpha)
        run.scores = lambda table=table: table
    assert reading(Size(min_patients=20)(runs)) == ("SUPPORTED", ["dice_identical", "found_identical"])


def test_structures_that_are_no_longer_found_are_lost_whatever_their_dice():
    """Where real training segments the smallest badly, too, there is no Dice to lose, but they are found no more."""
    runs = sized("nothing")
    for run in runs:
        table = run.scores()
        rng = np.random.default_rng([run.seed, int(run.alpha)])
        small = table["n_reference"] < 200
        missed = small & (run.alpha == 0) & (rng.uniform(size=len(table)) < 0.8)
        table["dice"] = np.where(small, np.where(missed, 0.0, 0.03), table["dice"])
        run.scores = lambda table=table: table
    result, codes = reading(Size(min_patients=20)(runs))
    assert (result, codes[0]) == ("NOT SUPPORTED", "found_lost")
