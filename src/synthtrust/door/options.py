"""What a config file says of its own keys: each with its default and the comment beside it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml


@dataclass(frozen=True)
class Option:
    """One key of a config file."""

    key: str
    """Dotted, from the root of the file."""
    default: str
    """As the file writes it; empty for a mapping, whose keys follow."""
    meaning: str
    """The comment beside it or, for lack of one, above it; may be empty."""
    owner: str = ""
    """The ``_target_`` of the nearest mapping around it: what it is an argument of."""


def options(text: str) -> Iterator[Option]:
    """Give the options of a config file in its order, without ``defaults`` and the keys that Hydra reads itself.

    >>> [option] = options("steps: 500 # optimizer steps")
    >>> option.key, option.default, option.meaning
    ('steps', '500', 'optimizer steps')
    """
    root = yaml.compose(text)
    if isinstance(root, yaml.MappingNode):
        yield from _options(root, "", "", text.splitlines())


def _options(node: yaml.MappingNode, path: str, owner: str, lines: list[str]) -> Iterator[Option]:
    owner = next((value.value for key, value in node.value if key.value == "_target_"), owner)
    for key, value in node.value:
        if key.value in ("defaults", "_target_", "_partial_", "_convert_", "hydra"):
            continue
        dotted = f"{path}{key.value}"
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            meaning = _comment(lines, key.start_mark.line, key.end_mark.column)
            if meaning:
                yield Option(dotted, "", meaning, owner)
            yield from _options(value, f"{dotted}.", owner, lines)
        else:
            inline = value.start_mark.line == key.start_mark.line
            meaning = _comment(lines, key.start_mark.line, (value if inline else key).end_mark.column)
            yield Option(dotted, _written(value, lines), meaning, owner)


def _written(value: yaml.Node, lines: list[str]) -> str:
    """Return a value as the file writes it, on one line."""
    start, end = value.start_mark, value.end_mark
    if start.line != end.line:
        return "see the file"
    return lines[start.line][start.column : end.column].strip()


def _comment(lines: list[str], line: int, column: int) -> str:
    """Return the comment behind a column of a line, with the lines that continue it; for lack of one, that above it."""
    behind = re.search(r"(?:^|\s)# ?(.*)$", lines[line][column:])
    if behind:
        words = [behind[1]]
        for following in lines[line + 1 :]:
            continuation = re.match(r"^\s{12,}# ?(.*)$", following)
            if not continuation:
                break
            words.append(continuation[1])
        return " ".join(words).strip()
    above: list[str] = []
    for earlier in reversed(lines[:line]):
        comment = re.match(r"^\s+# (.*)$", earlier)
        if not comment:
            break
        above.insert(0, comment[1])
    return " ".join(above)
