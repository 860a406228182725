"""The two commands as a user types them, on a cohort small enough for a test.

What only a process of its own can show starts one; all else runs within this process, which has its imports done.
"""

import json
import os
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest
from torch.multiprocessing import start_processes

from helpers.commands import command, run_here
from helpers.network import without_network
from synthtrust.machine import quick_precision
from synthtrust.runs import find_runs, score_cohort

ROOT = Path(__file__).parents[1]
TINY = (
    "cases.n_cases=8", "cases.shape=[24,28,20]", "model.net.channels=[4,8]", "model.net.strides=[2]",
    "data.patch_size=[16,16,16]", "steps=2", "val_every=2", "split.test=2", "split.val=1",
    "trainer.enable_progress_bar=false",
)  # fmt: skip


WATCHED = """
import sys
from synthtrust.cli import evaluate
try:
    evaluate()
finally:
    print("heavy:", sorted({"torch", "lightning", "monai", "torchmetrics"} & {*sys.modules}))
"""
"""``evaluate.py``, which says at its end what it has imported of what only networks need."""


@pytest.fixture
def in_demo(demo, monkeypatch):
    """Stand in the folder in which the demo ran."""
    monkeypatch.chdir(demo)
    return demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Return the folder in which the demo ran, tiny, without a network."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch, without_network():
        patch.chdir(folder)
        assert run_here("train.py", "experiment=demo", *TINY, "alpha=0.0,1.0", "seed=0", "-m") == ""
    return folder


def test_a_sweep_leaves_one_run_per_share_and_the_page_shows_them(in_demo):
    assert sorted(path.name for path in (in_demo / "runs" / "demo").glob("alpha_*")) == [
        "alpha_0.0_seed_0",
        "alpha_1.0_seed_0",
    ]
    with without_network():
        assert run_here("evaluate.py", "runs=runs/demo") == ""
    report = json.loads((in_demo / "reports" / "demo" / "report.json").read_text())
    assert {row["alpha"] for row in report["tables"]["trust"]["factors"]} == {0.0, 1.0}
    assert {row["axis"]: row["verdict"] for row in report["verdicts"]} == dict.fromkeys(
        ("utility", "alignment", "fidelity", "privacy"), "INCONCLUSIVE"
    )  # one seed and two test cases decide nothing
    assert "data:image/" in (in_demo / "reports" / "demo" / "index.html").read_text()


def test_a_share_is_a_number_however_it_is_written(in_demo, capsys):
    assert run_here("train.py", "experiment=demo", *TINY, "alpha=0", "seed=0") == ""
    assert "runs/demo/alpha_0.0_seed_0 is finished" in capsys.readouterr().out
    refused = run_here("train.py", "experiment=demo", *TINY, "alpha=none")
    assert "Expected a number for `alpha`, but got 'none'." in refused


def test_a_run_has_the_precision_that_its_processor_is_quick_in(demo):
    assert {run.facts()["precision"] for run in find_runs(demo / "runs" / "demo")} == {quick_precision("cpu")}


def test_a_page_needs_no_torch_and_is_there_though_a_set_that_nobody_assessed_is_a_failure(in_demo):
    plan = in_demo / "runs" / "demo" / "sweep.json"
    runs = json.loads(plan.read_text())["runs"]  # as of a sweep that was cut short
    plan.write_text(json.dumps({"runs": runs | {"alpha_0.5_seed_0": runs["alpha_1.0_seed_0"]}}))
    asked = ("runs=runs/demo", "audit=[trust,utility]", "folder=reports/failed", "pictures=0")
    done = command(in_demo, "-c", WATCHED, *asked, "fail_on=[leak,unassessed]", PYTHONPATH=os.pathsep.join(sys.path))
    assert done.stderr.strip().endswith(
        "Error: Expected no leak or unassessed, but privacy is not assessed. The page is at reports/failed/index.html."
    )
    assert "heavy: []" in done.stdout
    assert (in_demo / "reports" / "failed" / "index.html").is_file()
    assert "Not finished in runs/demo: alpha_0.5_seed_0. To finish: python train.py" in done.stdout
    facts = json.loads((in_demo / "reports" / "failed" / "report.json").read_text())["facts"]
    assert facts["not_finished"] == ["runs/demo/alpha_0.5_seed_0"]
    (card,) = (in_demo / "reports" / "failed" / "cards").glob("*/trust_card.json")
    assert json.loads(card.read_text())["reading"]["verdict"] == "not assessed"
    assert "Expected fail_on among" in run_here("evaluate.py", "runs=runs/demo", "fail_on=leaks")


def test_the_sweep_again_finds_its_runs(in_demo, capsys):
    finished = in_demo / "runs" / "demo" / "alpha_0.0_seed_0" / "run.json"
    before = finished.stat().st_mtime_ns
    assert run_here("train.py", "experiment=demo", *TINY, "alpha=0.0", "seed=0", "-m") == ""
    assert "is finished" in capsys.readouterr().out
    assert finished.stat().st_mtime_ns == before


def test_a_cohort_is_listed_without_training(in_demo, capsys):
    assert run_here("train.py", *TINY, "model=unet", "cases.list=true", "name=listing") == ""
    assert "8 cases" in capsys.readouterr().out
    assert not (in_demo / "runs" / "listing" / "alpha_0.5_seed_0" / "checkpoints").exists()


def train_as(rank, folder, port, words):
    """Train as one rank of several that a scheduler has started."""
    os.environ |= {"LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.chdir(folder)
    assert run_here("train.py", *words) == ""


def test_two_processes_score_like_one(demo, monkeypatch):
    """Real ddp: three test cases over two ranks, one validation case for both, and the table of a single process."""
    ranks = ("trainer.devices=2", "trainer.strategy=ddp", "trainer.precision=32-true", "split.test=3")
    words = ("experiment=demo", *TINY, *ranks, "trainer.accelerator=cpu", "name=two")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    start_processes(train_as, (demo, port, words), nprocs=2, start_method="fork")  # which have their imports done
    monkeypatch.chdir(demo)
    (run,) = find_runs("runs/two")
    assert run.facts()["devices"] == 2
    real = run.scores().query("source == 'real'").set_index(["case", "region"])[["dice", "n_reference", "n_prediction"]]
    alone = score_cohort(run, run.cohort, "cache", allow_overlap=True).set_index(["case", "region"])[real.columns]
    pd.testing.assert_frame_equal(real, alone.loc[real.index])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["alpha=1.5"], "Expected `alpha`, the share of real cases, in [0, 1], but got 1.5."),
        (["generator=nope"], "Available options in 'generator'"),
        (["cases=brats", "cases.root=nowhere"], "nowhere"),
    ],
)
def test_bad_input_ends_with_a_clear_word(in_demo, arguments, message):
    tiny = [word for word in TINY if not word.startswith("cases.")] if "cases=brats" in arguments else TINY
    assert message in run_here("train.py", "model=unet", *tiny, "name=bad", *arguments)
    assert not (in_demo / "runs" / "bad" / "alpha_0.5_seed_0" / "run.json").exists()


def test_no_runs_to_evaluate_is_said_with_a_code(demo):
    done = command(demo, "evaluate.py", "runs=runs/none")
    assert done.returncode == 1
    assert "Expected finished runs in runs/none" in done.stderr


def test_help_waits_for_no_heavy_import():
    check = (
        "import sys, synthtrust.cli; sys.exit(any(m in sys.modules for m in ('torch', 'monai', 'lightning', 'pandas')))"
    )
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("model", ["swin_unetr_small", "segresnet"])
def test_real_networks_train_and_score_whole_cases(demo, model):
    words = [word for word in TINY if not word.startswith(("model.", "data.patch_size"))]
    done = command(demo, "train.py", *words, f"model={model}", "data.patch_size=[32,64,32]", f"name={model}")
    assert done.returncode == 0, done.stderr
    assert "Mean Dice on 2 real test cases" in done.stdout


def test_the_version_is_printed_at_once(capsys):
    assert run_here("train.py", "--version") == run_here("evaluate.py", "--version") == ""
    assert capsys.readouterr().out == 2 * f"synthtrust {version('synthtrust')}\n"
