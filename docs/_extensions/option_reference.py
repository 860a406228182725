"""Writes the reference of all options from the YAML files in conf: key, default, and the comment beside it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

CONF = Path(__file__).parents[2] / "conf"
INTRODUCTION = """# Options

Every option of `train.py` and `evaluate.py`, as the files in `conf/` have them. A group is chosen by its option's name
(`generator=tissue`), a key is set by its dotted name (`generator.seed=1`), and `-m` runs a sweep over values that are
separated by commas. Units stand in brackets, and `${...}` takes the value of another key.
"""


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


def described_options(file: Path) -> list[Option]:
    """Return the options of a config file; what has no comment there is described as in the files that it builds on."""
    return [
        option if option.meaning else replace(option, meaning=_elsewhere(file, option))
        for option in options(file.read_text(encoding="utf-8"))
    ]


def _elsewhere(file: Path, option: Option) -> str:
    """Return what another file says of an option, or what it is an argument of; empty for neither."""
    for base, key in _bases(file, option.key):
        for described in described_options(base):
            if described.key == key and described.meaning:
                return described.meaning
    if option.owner and not option.owner.startswith("synthtrust."):
        return f"argument of `{option.owner}`"
    return ""


def _bases(file: Path, key: str) -> Iterator[tuple[Path, str]]:
    """Give the files that may describe a key of this one, and its name there."""
    group = file.parent
    for default in (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("defaults", []):
        base = group / f"{default}.yaml"
        if base.is_file():
            yield base, key
            yield from _bases(base, key)
    if group.name == "experiment":
        yield from ((CONF / f"{command}.yaml", key) for command in ("train", "evaluate"))
        first, _, within = key.partition(".")
        yield from ((base, within) for base in sorted((CONF / first).glob("*.yaml")))


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


def page() -> str:
    """Return the whole reference as Markdown."""
    parts = [INTRODUCTION]
    parts += [f"## python {command}.py\n\n{_section(CONF / f'{command}.yaml')}" for command in ("train", "evaluate")]
    for group in sorted(path for path in CONF.iterdir() if path.is_dir() and path.name != "hydra"):
        parts.append(f"## {group.name}=\n")
        for file in sorted(group.glob("*.yaml")):
            name = f"{group.name}={file.stem}" if not file.stem.startswith("_") else f"{group.name}: {file.stem[1:]}"
            parts.append(f"### {name}\n\n{_section(file)}")
    return "\n".join(parts)


def _section(file: Path) -> str:
    text = file.read_text(encoding="utf-8")
    prose, commands = _header(text)
    parts = [prose, ""]
    if commands:
        parts += ["```bash", *commands, "```", ""]
    rows = described_options(file)
    if rows:
        parts += ["| key | default | meaning |", "| --- | --- | --- |"]
        parts += [f"| `{row.key}` | {_code(row.default)} | {_cell(row.meaning)} |" for row in rows]
    return "\n".join(parts) + "\n"


def _header(text: str) -> tuple[str, list[str]]:
    """Return the sentences at the head of a file, and the commands among them."""
    prose: list[str] = []
    commands: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        content = line.removeprefix("#").removeprefix(" ")
        if content.startswith(" ") or (commands and commands[-1].endswith("\\")):
            if content.startswith(" " * 12):  # the remark on the command above, for which there was no room behind it
                commands.insert(len(commands) - 1, f"# {content.strip()}")
            else:
                commands += _command_lines(content)
        elif content != "@package _global_":
            prose.append(content.strip())
    return _cell(" ".join(prose)), commands


def _command_lines(line: str) -> list[str]:
    """Return a line of commands as a shell reads it, with the remark behind it as a comment on a line before.

    >>> _command_lines("  python train.py seed=3       another seed")
    ['# another seed', 'python train.py seed=3']
    """
    command, *remark = re.split(r" {3,}", line.strip())
    return [*(f"# {words}" for words in remark), command]


def _code(value: str) -> str:
    return f"`{value.replace('|', chr(92) + '|')}`" if value else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("$", "\\$")
