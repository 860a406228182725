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


PARSERS = ("startswith", "endswith", "partition", "rpartition", "removeprefix", "removesuffix", "contains")
"""Methods that read a part of a text."""
SENTENCES = ("note", "notes", "text", "reasons", "would_change")
"""Columns and attributes that hold sentences."""
PACKAGE = Path(synthtrust.__file__).parent
NO_SENTENCES = ("audits/spaces/pretrained.py", "audits/spaces/dino.py")
"""Files that take other texts apart: the names of weights in published files."""
JUDGES = [
    path
    for path in SOURCES
    if path.relative_to(PACKAGE).parts[0] in ("audits", "report", "evaluation.py")
    and path.relative_to(PACKAGE).as_posix() not in NO_SENTENCES
]


def takes_a_text_apart(node):
    """Return whether a call reads a part of a text; the class at the end of a dotted path is no sentence."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    if ast.unparse(node.func) in ("re.search", "re.match", "re.fullmatch", "re.findall"):
        return True
    if node.func.attr not in PARSERS:
        return False
    return not (node.func.attr == "rpartition" and [ast.unparse(argument) for argument in node.args] == ["'.'"])


def compares_a_sentence(node):
    """Return whether a comparison asks what a sentence says; whether there is one may be asked."""
    if not isinstance(node, ast.Compare):
        return False
    sides = [node.left, *node.comparators]
    names = [side.attr for side in sides if isinstance(side, ast.Attribute)]
    names += [side.slice.value for side in sides if isinstance(side, ast.Subscript) and hasattr(side.slice, "value")]
    texts = [side.value for side in sides if isinstance(side, ast.Constant) and isinstance(side.value, str)]
    return any(name in SENTENCES for name in names) and any(texts)


@pytest.mark.parametrize("path", JUDGES, ids=lambda path: "/".join(path.parts[-2:]))
def test_no_audit_and_no_page_recovers_a_fact_from_a_sentence(path):
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    assert [node.lineno for node in nodes if takes_a_text_apart(node) or compares_a_sentence(node)] == []


@pytest.mark.parametrize(
    "line",
    [
        "note.startswith('Shortcut')",
        "rows['note'] != 'needs two seeds'",
        "subject.partition(', mix ')",
        "re.search('n = ', text)",
    ],
)
def test_a_fact_recovered_from_a_sentence_is_seen(line):
    (node,) = (statement.value for statement in ast.parse(line).body)
    assert takes_a_text_apart(node) or compares_a_sentence(node)
