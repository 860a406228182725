"""Jobs that share a synthetic set and a cache have one that makes both; a dry run says which, and begins nothing."""

import json
import pickle
from pathlib import Path

import pytest

from helpers.commands import knock, refusal, run_here
from synthtrust.door import Door
from synthtrust.door.dry_run import cost
from synthtrust.door.preparation import first_jobs
from synthtrust.door.sweep import Job

SWEEP = ("experiment=alpha_sweep", "alpha=0.0,0.5,1.0", "seed=0,1")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("synthtrust.door.engines.is_installed", lambda module: True)
    return tmp_path


def swept(*words):
    """Return the jobs of a sweep."""
    configs = knock("train.py", *words, "-m")
    folders = [Path("runs") / f"alpha_{config.alpha}_seed_{config.seed}" for config in configs]
    return [Job(n, (), config, folder) for n, (config, folder) in enumerate(zip(configs, folders))]


@pytest.mark.parametrize(
    ("words", "makers"),
    [
        ((), [0, 1]),  # a set for each seed
        (("generator.seed=0",), [0]),
        (("generator.seed=0", "data.mode=complement,additive"), [0]),
        (("generator.seed=0", "steps=100,200", "data.patch_size=[32,32,32]"), [0]),
        (("generator.seed=0", "split.repeat=0,1"), [0, 1]),
        (("generator=tissue,replay",), [0, 1, 2, 3]),
    ],
    ids=str,
)
def test_the_first_job_with_the_same_cases_and_recipe_makes_what_the_others_find(words, makers, monkeypatch):
    monkeypatch.setattr("synthtrust.door.callback.refuse_shared_folders", lambda jobs: None)
    jobs = swept(*SWEEP, *words)
    firsts = first_jobs(jobs)
    assert sorted({first.number for first in firsts.values()}) == makers
    for job in jobs:
        assert first_jobs([firsts[job.number], job])[job.number] is firsts[job.number]


def test_the_cost_of_a_sweep_follows_from_runs_that_are_there_and_from_jobs_at_once(elsewhere):
    jobs = swept(*SWEEP)
    (config, *_) = knock("train.py", "hydra/launcher=processes", "hydra.launcher.n_jobs=2", *SWEEP, "-m")
    assert cost(jobs, config)[1].startswith("A sweep of 6 runs. How long it takes is not known yet")
    folder = elsewhere / jobs[0].folder
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"seconds": 3600.0, "steps": 500}))
    first, whole, at_once = cost(jobs, config)
    assert first == (
        "Twins and cache are made once for each of: alpha_0.0_seed_1 (for 3), alpha_0.5_seed_0 (for 2). stage=prepare "
        "makes them, and nothing else."
    )
    assert whole == "A sweep of 6 runs (1 finished, 5 new). About 5 h 0 min: 1 earlier took 60 min each."
    assert at_once == "With 2 jobs at once about 3 h 0 min, on 2 machines or devices."


def test_what_a_launcher_sends_to_each_job_is_small(monkeypatch):
    doors = []
    monkeypatch.setattr("synthtrust.door.callback.write_plan", lambda jobs, command: doors.append(jobs))
    monkeypatch.setattr(Door, "current", None)
    knock("train.py", *SWEEP, "-m")
    door = Door()
    (door.jobs,) = doors
    sent = pickle.dumps(door)
    assert len(sent) < 1500 * len(door.jobs)
    assert [job.folder for job in pickle.loads(sent).jobs] == [job.folder for job in door.jobs]
    assert pickle.loads(sent).jobs[2].config.data.mode == "complement"


@pytest.mark.parametrize("multirun", [(), ("-m",)], ids=["run", "sweep"])
def test_a_plan_is_printed_and_nothing_is_begun(elsewhere, capsys, multirun):
    words = SWEEP if multirun else ("alpha=0.5",)
    assert run_here("train.py", *words, "stage=plan", *multirun) == "0"
    text = capsys.readouterr().out
    assert "nothing was begun" in text
    assert text.count("alpha_") >= (12 if multirun else 2)
    assert not any(elsewhere.iterdir())
    assert "Expected `alpha`" in refusal("train.py", "alpha=2", "stage=plan")
