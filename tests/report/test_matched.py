"""What the page says about twins beside the same real cases."""

import json
import re

import pytest

from helpers.commands import knock, run_here
from helpers.fake_runs import with_controls
from helpers.page_marks import unmarked, without_terms
from synthtrust.audits import Utility
from synthtrust.report import write_report

TINY = (
    "cases.n_cases=8", "cases.shape=[24,28,20]", "model=unet", "model.net.channels=[4,8]", "model.net.strides=[2]",
    "data.patch_size=[16,16,16]", "data.batch_size=1", "steps=2", "val_every=2", "split.test=2", "split.val=1",
    "generator=replay", "trainer.enable_progress_bar=false", "trainer.accelerator=cpu", "seed=0,1",
)  # fmt: skip


def write(folder, runs):
    page = write_report(folder, {}, {"utility": Utility(n_boot=50)(runs)})
    assert unmarked(page.read_text(encoding="utf-8")) == []
    text = re.sub(r"<style.*?</style>", "", without_terms(page.read_text(encoding="utf-8")), flags=re.DOTALL)
    return text, json.loads(page.with_name("report.json").read_text())["answers"]


@pytest.mark.parametrize(
    ("added", "seeds", "sentence"),
    [
        (0.1, 3, "twins are shown to add at α = 0.2 (of 2 shares tried; limits that hold for all of them together)."),
        (-0.1, 3, "twins are shown to cost at α = 0.2 (of 2 shares tried"),
        (0.0, 3, "twins are not shown to add or cost (of 2 shares tried"),
        (0.1, 1, "twins were not judged: with one training seed another training may make the difference."),
    ],
)
def test_the_answer_says_where_twins_add_something(tmp_path, added, seeds, sentence):
    _, answers = write(tmp_path, with_controls(added, seeds=seeds))
    assert any(f"Against the same real cases without twins, {sentence}" in answer for answer in answers)


def test_the_curve_of_the_control_stands_in_the_figure_of_its_mix(tmp_path):
    text, _ = write(tmp_path / "with", with_controls())
    alone, _ = write(tmp_path / "without", [run for run in with_controls() if run.mode == "complement"])
    assert "Dashed, in grey: the same real cases without twins" in text
    assert text.count("From synthetic to real training cases</a></h2>") == 1  # no chapter of its own
    assert "What twins add to the same real cases" in text
    assert "Whether twins add anything to the real cases beside them is not told here" not in text
    assert "Whether twins add anything to the real cases beside them is not told here" in alone
    assert "Dashed, in grey" not in alone
    assert text.count("stroke-dasharray") > alone.count("stroke-dasharray")


def test_the_controls_of_the_sweep_are_trained_once_and_beside_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sweep, controls = (knock("train.py", f"experiment=alpha_{name}", "-m") for name in ("sweep", "controls"))
    folders = [job.hydra.sweep.dir + "/" + job.hydra.sweep.subdir for job in (*sweep, *controls)]
    assert len(set(folders)) == 11 * 3 + 9 * 3
    assert "runs/alpha_sweep/alpha_0.1_seed_2_real_only" in folders
    assert {job.data.mode for job in controls} == {"real_only"}
    assert {job.alpha for job in controls} == {job.alpha for job in sweep} - {0.0, 1.0}  # nobody, and TRTR


@pytest.mark.slow
def test_a_sweep_and_its_controls_make_one_page_by_the_commands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_here("train.py", "experiment=alpha_sweep", *TINY, "alpha=0.0,0.5,1.0", "-m") == ""
    assert run_here("train.py", "experiment=alpha_controls", *TINY, "alpha=0.5", "-m") == ""
    assert sorted(path.name for path in (tmp_path / "runs" / "alpha_sweep").glob("alpha_0.5*")) == [
        f"alpha_0.5_seed_{seed}{mode}" for seed in (0, 1) for mode in ("", "_real_only")
    ]
    asked = ("runs=runs/alpha_sweep", "audit=[utility,trust]", "audit.utility.n_boot=20", "pictures=0")
    assert run_here("evaluate.py", *asked) == ""
    page = (tmp_path / "reports" / "alpha_sweep" / "index.html").read_text(encoding="utf-8")
    assert "What twins add to the same real cases" in page
    assert "Against the same real cases without twins" in page
