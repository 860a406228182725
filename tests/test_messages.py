"""Refusals are lines that begin with "Expected": the two commands show these without a traceback."""

import ast
from pathlib import Path

import pytest

import synthtrust

SOURCES = sorted(Path(synthtrust.__file__).parent.rglob("*.py"))
REFUSALS = ("CaseError", "ValueError")


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
def test_every_refusal_begins_as_the_commands_know_it(path):
    assert [
        (line, text) for line, text in messages(path) if text is not None and not text.startswith("Expected ")
    ] == []
