"""An evaluation that is stopped by a signal leaves nothing by halves, and the same command makes the whole page."""

import json
import os
import shutil
import signal
from pydoc import locate

import pytest

from helpers.commands import run_here
from soak.studies import TINY
from synthtrust.evaluation.printing import VARIABLE
from synthtrust.files import ASIDE

COMMAND = (
    "evaluate.py", "runs=runs/train", "audit=[utility]", "audit.utility.n_boot=20", "threads=1", "pictures=1",
    "pictures_predicted=true",
)  # fmt: skip
PLACES = {
    "reading": ("synthtrust.runs.run.read_facts", 2),
    "auditing": ("synthtrust.audits.utility.audit.Utility.__call__", 1),
    "predicting": ("synthtrust.runs.labelling.RunLabeller.label_map", 1),
    "drawing": ("synthtrust.evaluation.pictures.twin_slices", 1),
    "tables": ("synthtrust.report.page.csv_text", 3),
    "cards": ("synthtrust.report.page.write_cards", 1),
    "renaming": ("pathlib.Path.replace", 4),
}
"""Where a signal comes -> the function in which it does, and in which of its calls."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Return a folder with two finished runs, and what the page about them says."""
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run_here("train.py", *TINY, "alpha=0.0,1.0", "-m") == ""
        assert run_here(*COMMAND) == ""
        return folder, page(folder)


def page(folder):
    report = json.loads((folder / "reports" / "train" / "report.json").read_text())
    return report["tables"], report["verdicts"], report["answers"]


def stop_in(patch, name, call, number):
    """Have a signal come in a call of a function; return the calls that it had."""
    home, _, word = name.rpartition(".")
    original, calls = getattr(locate(home), word), []

    def stopping(*args, **options):
        calls.append(args)
        if len(calls) == call:
            os.kill(os.getpid(), number)
        return original(*args, **options)

    patch.setattr(name, stopping)
    return calls


@pytest.mark.parametrize("place", PLACES)
def test_an_evaluation_that_is_stopped_leaves_whole_files_and_the_same_command_goes_on(
    place, study, monkeypatch, capsys
):
    folder, expected = study
    monkeypatch.chdir(folder)
    shutil.rmtree("reports", ignore_errors=True)
    number = signal.SIGINT if list(PLACES).index(place) % 2 else signal.SIGTERM
    with monkeypatch.context() as patch:
        calls = stop_in(patch, *PLACES[place], number)
        assert run_here(*COMMAND) == str(128 + number)
        assert len(calls) == PLACES[place][1]
    assert "the same command goes on: python evaluate.py runs=runs/train" in capsys.readouterr().out
    assert not list(folder.rglob(f"{ASIDE}*"))
    assert not (folder / "reports" / "train" / "index.html").exists()
    for path in folder.glob("reports/**/*.json"):
        json.loads(path.read_text())
    assert run_here(*COMMAND) == ""
    assert page(folder) == expected


def test_an_evaluation_that_is_stopped_while_it_prints_ends_its_browser_and_has_its_page(
    study, tmp_path, monkeypatch, capsys
):
    folder, expected = study
    monkeypatch.chdir(folder)
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/bash\necho $$ > {tmp_path / 'pid'}\nsleep 0.5\nkill -TERM $PPID\nexec sleep 600\n")
    browser.chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(browser))
    assert run_here(*COMMAND, "pdf=true") == "143"
    assert "the same command goes on: python evaluate.py runs=runs/train" in capsys.readouterr().out
    assert not list(folder.rglob(f"{ASIDE}*"))
    assert page(folder) == expected
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
