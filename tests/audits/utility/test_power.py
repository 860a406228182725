"""The power of a study: what a plan promises comes about, and grows with patients, seeds and margin."""

import numpy as np
import pytest

from helpers.commands import refusal, run_here
from synthtrust.audits.utility.plan import power_table
from synthtrust.audits.utility.power import Spread
from synthtrust.metrics.functional import gap_interval


@pytest.mark.parametrize(("patients", "seeds"), [(20, 3), (60, 2)])
def test_studies_succeed_as_often_as_planned(patients, seeds):
    rng, shown, n = np.random.default_rng(0), 0, 400
    for _ in range(n):
        effect = 0.1 * rng.normal(size=patients)
        a = 0.68 + effect + 0.015 * rng.normal(size=(seeds, 1))
        b = np.full(patients, 0.7) + 0.015 * rng.normal(size=(seeds, 1))
        shown += gap_interval(a, b).lower_bound > -0.05
    power = Spread(0.1, 2**0.5 * 0.015).power(0.03, patients, seeds)
    assert shown / n == pytest.approx(power, abs=3 * (power * (1 - power) / n) ** 0.5 + 0.02)


def test_power_grows_with_patients_and_with_seeds():
    table = power_table(Spread(0.2, 0.03), loss=0, margins=[0.05], patients=[10, 40, 160], seeds=[3, 6, 12])
    wide = table.pivot(index="n_patients", columns="n_seeds", values="power").to_numpy()
    assert (np.diff(wide, axis=0) > 0).all()
    assert (np.diff(wide, axis=1) > 0).all()


def test_what_is_said_to_be_enough_is_enough_and_one_patient_less_is_not():
    spread = Spread(0.2, 0.01)
    patients, seeds = spread.enough(0.03, 30, 3)
    assert seeds == 3
    t_test = [spread.patients_needed(0.03, 3), patients]
    assert t_test == [patients] * 2
    assert 130 < patients < 160  # (1.67 * .2 / .03) ** 2 and what the seeds add


def test_more_seeds_are_asked_for_where_no_number_of_patients_would_do():
    patients, seeds = Spread(0.1, 0.05).enough(0.03, 100, 3)
    assert seeds > 3
    assert Spread(0.1, 0.05).patients_needed(0.03, 3) is None
    assert patients <= 400
    assert Spread(0.1, 1.0).enough(0.01, 100, 3) is None


def test_a_plan_is_printed_by_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_here("evaluate.py", "experiment=plan", "plan.margins=[0.05]") == ""
    shown = capsys.readouterr()
    assert "How often a loss below 0.05 is shown" in shown.out + shown.err


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("plan.patients=[1]", "Expected plan.patients to be a list of whole numbers of at least 2"),
        ("plan.sd_patients=-1", "Expected plan.sd_patients to be a number of at least 0"),
        ("plan.margins=[2]", "Expected plan.margins to be a list of numbers from 0 to 1"),
        ("plan.pilot=nowhere", "Expected finished runs in nowhere"),
    ],
)
def test_a_plan_that_cannot_be_made_is_refused(option, message):
    assert message in refusal("evaluate.py", "experiment=plan", option)
