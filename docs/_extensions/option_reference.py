"""Writes the reference of all options from the YAML files in conf: key, default, and the comment beside it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import yaml

from synthtrust.door.options import Option, options

CONF = Path(__file__).parents[2] / "conf"
INTRODUCTION = """# Options

Every option of `train.py` and `evaluate.py`, as the files in `conf/` have them. A group is chosen by its option's name
(`generator=tissue`), a key is set by its dotted name (`generator.seed=1`), and `-m` runs a sweep over values that are
separated by commas. Units stand in brackets, and `${...}` takes the value of another key.
"""


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


def page() -> str:
    """Return the whole reference as Markdown."""
    parts = [INTRODUCTION]
    parts += [f"## python {command}.py\n\n{_section(CONF / f'{command}.yaml')}" for command in ("train", "evaluate")]
    groups = sorted(path for path in CONF.iterdir() if path.is_dir() and path.name != "hydra")
    for group in (*groups, *sorted(path for path in (CONF / "hydra").iterdir() if path.is_dir())):
        title = group.relative_to(CONF).as_posix()
        parts.append(f"## {title}=\n")
        for file in sorted(group.glob("*.yaml")):
            name = f"{title}={file.stem}" if not file.stem.startswith("_") else f"{title}: {file.stem[1:]}"
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
