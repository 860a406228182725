"""The text of ``--help``: a line for every option of every group and for every key, as conf describes them."""

import re
import sys
from pathlib import Path
from textwrap import shorten

from synthtrust.door.names import groups, options_of
from synthtrust.door.options import options
from synthtrust.plugins import conf_dir, plugin_options

WIDTH = 118
NAME, KEY_NAME = 26, 34
"""Columns of the name of an option, and of a key with its default; a longer one takes its own."""
FOR_EVALUATION = ("audit", "space", "report")
FOR_TRAINING = ("data", "model", "callbacks", "export", "trainer")
"""Groups that only one of the commands has."""
PLANS = ("controls", "plan", "twin_controls")
"""Experiments of the evaluation; all others train."""
SETS = ("class_folder", "class_table", "folder", "image_set", "labelled_set")
"""Generators that bring a set which was received, the only ones that the evaluation takes."""

ENGINES = {
    "hydra/launcher": "what runs the jobs of a sweep, in place of one after the other",
    "hydra/sweeper": "what chooses the jobs of a sweep, in place of a grid",
}
"""Groups of Hydra itself -> what an option of them is for."""

DEFAULT = re.compile(r"^  - (?:optional )?(\w+): (.*?)(?: +# ?(.*))?$")

USE = """\
Usage: {program} [group=option ...] [key=value ...] [-m]

  -m                  a sweep over values separated by commas: alpha=0.0,0.5,1.0; comes last
  --cfg job           print the whole config with its values, and run nothing; with --resolve, as it will be
  +key=value, ~key    add a key that is not there, take one away
"""
END = """\
Every key of every option with its meaning: docs/reference/options.md of the documentation, or the files in
{conf}.
"""


def help_text(command: str) -> str:
    """Return the help of a command.

    Args:
        command: ``train`` or ``evaluate``.
    """
    path = Path(conf_dir()) / f"{command}.yaml"
    text = path.read_text(encoding="utf-8")
    chosen = {match[1]: match for line in text.splitlines() if (match := DEFAULT.match(line))}
    program = f"synthtrust-{command}" if Path(sys.argv[0]).suffix != ".py" else f"python {command}.py"
    parts = [first_sentence(path), "", USE.format(program=program)]
    parts += ["Groups, and the options of each (* is chosen):", ""]
    others = FOR_EVALUATION if command == "train" else FOR_TRAINING
    for group in groups():
        if group in ("hydra", "paths", "callbacks", "local") or group in others or not options_of(group):
            continue
        match = chosen.get(group)
        default = "" if match is None else match[2].strip()
        parts.append(_line(f"{group}=", match[3] if match and match[3] else "", 0))
        listed = re.findall(r"\w+", default)
        for option, file in _offered(group, command).items():
            mark = "*" if option in listed else " "
            parts.append(_line(f"{mark} {option}", first_sentence(file), 2))
        parts.append("")
    for group, use in ENGINES.items():
        files = sorted((Path(conf_dir()) / group).glob("*.yaml"))
        parts += [_line(f"{group}=", use, 0), *(_line(f"  {file.stem}", first_sentence(file), 2) for file in files), ""]
    parts += ["Keys, with their defaults:", ""]
    parts += [
        _line(f"{option.key}={option.default}", option.meaning, 2, KEY_NAME)
        for option in options(text)
        if option.default
    ]
    return "\n".join([*parts, "", END.format(conf=conf_dir())])


def first_sentence(path: Path) -> str:
    """Return the first sentence of the comment that a config file begins with."""
    comments = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#") or line.startswith("#  "):  # commands follow
            break
        if not line.startswith("# @"):
            comments.append(line.removeprefix("#").strip())
    return re.split(r"(?<=[.?]) (?=[A-Z])", " ".join(comments), maxsplit=1)[0]


def _offered(group: str, command: str) -> dict[str, Path]:
    """Return the options of a group that a command takes, those of plugins behind its own, with their files."""
    options = {option: Path(conf_dir()) / group / f"{option}.yaml" for option in options_of(group)}
    options |= {name: file for name, file in plugin_options(group).items() if name not in options}
    if group == "experiment":
        return {name: file for name, file in options.items() if (name in PLANS) == (command == "evaluate")}
    if group == "generator" and command == "evaluate":
        return {name: file for name, file in options.items() if name in SETS}
    return options


def _line(name: str, meaning: str, indent: int, width: int = NAME) -> str:
    head = f"{' ' * indent}{name:<{width - indent}} "
    return (head + shorten(meaning, max(40, WIDTH - len(head)), placeholder=" ...")).rstrip()
