"""The help of both commands has a line for every option, without anything heavy."""

import re

import pytest

from helpers.commands import run_here
from synthtrust.door.help import PLANS, SETS, WIDTH, help_text
from synthtrust.door.names import options_of


def block_of(command, group):
    """Return the names of the options of a group in the help of a command, and its text."""
    text = re.search(rf"^{group}=.*?\n\n", help_text(command), re.MULTILINE | re.DOTALL)[0]
    return [line.removeprefix("  *").split()[0] for line in text.splitlines()[1:] if line.strip()], text


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_every_line_of_the_help_says_what_it_is_about(command):
    listed = help_text(command).partition("Groups, and the options")[2].partition("Every key")[0]
    lines = [line for line in listed.splitlines()[1:] if line.strip()]
    assert len(lines) > 20
    assert [line for line in lines if len(line) > WIDTH + 20 or len(line.split()) < 2] == []
    assert "python" not in listed


@pytest.mark.parametrize("group", ["cases", "generator", "model", "trainer", "logger", "data"])
def test_the_training_has_all_its_options_and_marks_those_that_are_chosen(group):
    names, text = block_of("train", group)
    assert names == options_of(group)
    assert text.count("\n  * ") == 1


def test_each_command_has_the_experiments_and_generators_that_it_takes():
    assert block_of("evaluate", "generator")[0] == list(SETS)
    assert block_of("evaluate", "experiment")[0] == list(PLANS)
    assert not {*block_of("train", "experiment")[0]} & {*PLANS}


def test_the_command_prints_it(capsys):
    assert run_here("train.py", "--help") in ("", "0")
    assert "share of real cases in training" in capsys.readouterr().out
