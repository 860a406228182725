"""Refusals are errors of their own class, and their messages say what was expected first."""

import ast
from pathlib import Path

import pytest

import synthtrust

SOURCES = sorted(Path(synthtrust.__file__).parent.rglob("*.py"))
REFUSALS = ("CaseError", "MissingFileRefusal", "Refusal")


def beginning(node):
    """Return the text that a message begins with; None where it is made elsewhere."""
    if isinstance(node, ast.JoinedStr):
        node = node.values[0]
    if isinstance(node, ast.BinOp):
        return beginning(node.left)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def messages(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            kind = node.exc.func
            if isinstance(kind, ast.Name) and kind.id in REFUSALS:
                yield node.lineno, beginning(node.exc.args[0])


def test_messages_are_seen():
    assert sum(text is not None for path in SOURCES for _, text in messages(path)) > 200


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: "/".join(path.parts[-2:]))
def test_every_refusal_says_first_what_was_expected(path):
    assert [
        (line, text) for line, text in messages(path) if text is not None and not text.startswith("Expected ")
    ] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: "/".join(path.parts[-2:]))
def test_what_a_user_can_mend_is_raised_as_a_refusal(path):
    """A plain ValueError of this project would be shown with a traceback."""
    raised = [
        (node.lineno, name.id)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise)
        for name in ast.walk(node)
        if isinstance(name, ast.Name) and name.id in ("ValueError", "Exception")
    ]
    assert raised == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: "/".join(path.parts[-2:]))
def test_nothing_is_decided_by_how_a_message_begins(path):
    asked = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("startswith", "match", "fullmatch", "partition", "removeprefix", "contains")
        and any(isinstance(arg, ast.Constant) and str(arg.value).startswith("Expected") for arg in node.args)
    ]
    assert asked == []
