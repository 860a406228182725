"""Docstrings are sentences that a reader understands alone, as help and hover show them."""

import ast
import re
from pathlib import Path

import pytest

import synthtrust

SOURCES = sorted(Path(synthtrust.__file__).parent.rglob("*.py"))


def docstrings(path):
    """Yield line and text of every docstring, those of fields included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: "/".join(path.parts[-2:]))
def test_no_docstring_leaves_out_its_noun(path):
    """A field or an argument that begins with "Of" is a sentence only beside its name."""
    beginnings = [
        (line, text)
        for line, text in docstrings(path)
        if text.startswith("Of ") or re.search(r"^\s+\w+: Of ", text, re.MULTILINE)
    ]
    assert beginnings == []
