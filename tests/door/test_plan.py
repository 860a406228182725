"""What a sweep says before it begins, while it runs, and of what is missing in the end."""

import json

import pytest
from omegaconf import OmegaConf

from synthtrust.door.plan import announcement, planned, write_plan
from synthtrust.door.sweep import Job
from synthtrust.door.table import Ended, print_table, scores_of, write_status
from synthtrust.door.unfinished import unfinished_in


@pytest.fixture
def jobs(tmp_path):
    """Return the jobs of a sweep over three shares of real cases."""
    home = tmp_path / "runs" / "swept"
    return [
        Job(number, (f"alpha={alpha}",), OmegaConf.create({"alpha": alpha, "steps": 4}), home / f"alpha_{alpha}_seed_0")
        for number, alpha in enumerate((0.0, 0.5, 1.0))
    ]


def finish(job, seconds=60.0, steps=4, real=0.8, **facts):
    job.folder.mkdir(parents=True, exist_ok=True)
    test = {"measure": "Mean Dice", "real": real, "synthetic": 0.84}
    (job.folder / "run.json").write_text(json.dumps({"seconds": seconds, "steps": steps, "test": test, **facts}))


def begin(job):
    (job.folder / "checkpoints").mkdir(parents=True)
    (job.folder / "config.yaml").write_text("alpha: 0.5\n")
    (job.folder / "checkpoints" / "last.ckpt").touch()


def test_a_new_sweep_says_how_many_runs_it_has_and_that_its_time_is_not_known(jobs):
    line = announcement(jobs, planned(jobs))
    assert line.startswith("A sweep of 3 runs. How long it takes is not known yet")


def test_a_sweep_that_goes_on_says_what_is_left_and_how_long_that_takes(jobs):
    finish(jobs[0], seconds=240)
    begin(jobs[1])
    assert announcement(jobs, planned(jobs)) == (
        "A sweep of 3 runs (1 finished, 1 cut short, 1 new). About 8 min: 1 earlier took 4 min each."
    )


def test_runs_of_another_length_and_damaged_ones_are_no_measure(jobs):
    finish(jobs[0], steps=400)
    jobs[1].folder.mkdir(parents=True)
    (jobs[1].folder / "run.json").write_text("{")
    assert planned(jobs).known == []


def test_a_finished_sweep_has_nothing_to_do(jobs):
    for job in jobs:
        finish(job)
    assert announcement(jobs, planned(jobs)) == "A sweep of 3 runs (3 finished)."


def test_what_is_missing_is_named_with_the_command_that_makes_it(jobs):
    write_plan(jobs[:2], "python train.py alpha=0.0,0.5 -m")
    write_plan(jobs[2:], "python train.py alpha=1.0 -m")
    home = jobs[0].folder.parent
    assert unfinished_in(home)[0].commands == ("python train.py alpha=0.0,0.5 -m", "python train.py alpha=1.0 -m")
    finish(jobs[2])
    begin(jobs[1])
    assert [missing.line() for missing in unfinished_in(home.parent)] == [
        f"Not finished in {home}: alpha_0.0_seed_0, alpha_0.5_seed_0. To finish: python train.py alpha=0.0,0.5 -m"
    ]


def test_a_single_run_that_was_cut_short_is_missing_too_and_a_damaged_plan_is_none(jobs):
    begin(jobs[0])
    (jobs[0].folder.parent / "sweep.json").write_text("[")
    (missing,) = unfinished_in(jobs[0].folder.parent)
    assert missing.line().endswith("alpha_0.0_seed_0. To finish: the command that began them")
    finish(jobs[0])
    assert unfinished_in(jobs[0].folder.parent) == []


def test_the_table_shows_scores_and_times_and_what_an_interruption_left(jobs, capsys):
    finish(jobs[0], seconds=200)
    write_status(jobs[0].folder, Ended("finished"))
    assert print_table(jobs, begun=[0, 1])
    rows = {row.split()[1]: row for row in capsys.readouterr().out.splitlines() if "alpha_" in row}
    assert [word in rows["alpha_0.0_seed_0"] for word in ("finished", "0.800", "0.840", "3 min")] == [True] * 4
    assert "interrupted" in rows["alpha_0.5_seed_0"]
    assert "not started" in rows["alpha_1.0_seed_0"]


@pytest.mark.parametrize("text", ["", "[1]", '{"status": 1', "null", '{"status": "finished"}', "\x00\xff"])
def test_a_status_that_is_none_is_a_failure_that_names_its_file(jobs, capsys, text):
    begin(jobs[0])
    (jobs[0].folder / "status.json").write_text(text)
    assert not print_table(jobs[:1])
    shown = " ".join(capsys.readouterr().out.split())
    assert "no status" in shown
    assert "cannot be read" in shown


@pytest.mark.parametrize(
    "command",
    [
        "rm -rf ~",
        "python train.py a=0; curl x | sh",
        "python train.py \x1b[2J",
        "python -c 1",
        "'",
        3,
        "python a.py",
    ],
)
def test_a_strangers_command_is_not_advised(jobs, command):
    write_plan(jobs, "python src/train.py 'name=a b' -m")
    plan = jobs[0].folder.parent / "sweep.json"
    assert unfinished_in(plan.parent)[0].commands == ("python src/train.py 'name=a b' -m",)
    plan.write_text(json.dumps({"runs": {job.folder.name: command for job in jobs}}))
    (missing,) = unfinished_in(plan.parent)
    assert (len(missing.runs), missing.commands) == (3, ())


def test_tstr_is_not_printed_without_trtr(jobs):
    finish(jobs[0])
    assert scores_of(jobs[0], jobs[:2]).line() == "Mean Dice 0.840 on synthetic test cases"
    assert scores_of(jobs[0], jobs).line() == "Mean Dice 0.800 on real and 0.840 on synthetic test cases"
    assert scores_of(jobs[1], jobs) is None
