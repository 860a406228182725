"""Command lines with placeholders, which are filled in word by word so that no value can become a word of its own."""

import re
import shlex
from collections.abc import Mapping, Sequence

from synthtrust.refusals import CaseError, Refusal

OF_A_CASE = ("label", "class", "out", "seed", "spacing", "case", "attributes", "read")
"""Placeholders of a program that runs once per case."""
BATCH = "batch"
"""Placeholder of a program that runs once per batch."""

EXAMPLE = "python paint.py --label {label} --out {out} --seed {seed}"
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def words_of(command: str | Sequence[str], *, shell: bool) -> list[str]:
    """Return the words of a command; a line for a shell is a single word.

    >>> words_of("paint '{label}' --out {out}", shell=False)
    ['paint', '{label}', '--out', '{out}']

    Raises:
        Refusal: If it is empty, no text, a line that a shell could not split, or a list for a shell; or its
            placeholders are unknown, or are not those that it needs.
    """
    texts = [command] if isinstance(command, str) else command
    if not (isinstance(texts, Sequence) and texts and all(isinstance(text, str) and text.strip() for text in texts)):
        raise Refusal(
            f"Expected generator.command as a line or a list of words, such as {EXAMPLE!r}, but got {command!r}."
        )
    if shell and not isinstance(command, str):
        raise Refusal(f"Expected generator.command as one line for a shell, but got the list {list(command)!r}.")
    try:
        words = shlex.split(command) if isinstance(command, str) and not shell else list(texts)
    except ValueError as error:
        raise Refusal(
            f"Expected generator.command as a line, but it cannot be split: {error} in {command!r}."
        ) from error
    named = placeholders_of(words)
    if unknown := sorted(named - {*OF_A_CASE, BATCH}):
        raise Refusal(
            f"Expected placeholders among {', '.join(f'{{{name}}}' for name in (*OF_A_CASE, BATCH))} in "
            f"generator.command, but got {{{unknown[0]}}}."
        )
    if BATCH in named and len(named) > 1:
        raise Refusal(
            f"Expected {{batch}} alone in generator.command, whose file has the others for each case, but got "
            f"{{{sorted(named - {BATCH})[0]}}} as well."
        )
    if not named & {BATCH, "out"}:
        raise Refusal(
            "Expected {out}, the folder to write the images of a case to, or {batch} in generator.command, but got "
            f"{command!r}. Write for example {EXAMPLE!r}."
        )
    return words


def placeholders_of(words: Sequence[str]) -> set[str]:
    """Return the names of the placeholders in some words."""
    return {name for word in words for name in _PLACEHOLDER.findall(word)}


def filled(words: Sequence[str], values: Mapping[str, str], *, shell: bool) -> list[str]:
    """Return the words with values for their placeholders; for a shell, values are quoted.

    >>> filled(["--label={label}"], {"label": "a b; rm"}, shell=False)
    ['--label=a b; rm']
    >>> filled(["paint {label}"], {"label": "a b; rm"}, shell=True)
    ["paint 'a b; rm'"]

    Raises:
        CaseError: If a value is not known for such cases, or a program could take it for an option.
    """
    named = placeholders_of(words)
    if missing := sorted(named - values.keys()):
        known = ", ".join(f"{{{name}}}" for name in values)
        raise CaseError(
            f"Expected placeholders that such cases have ({known}), but got {{{missing[0]}}} in generator.command."
        )
    if options := [name for name in named if values[name].startswith("-")]:
        raise CaseError(
            f"Expected a value of {{{options[0]}}} that no program takes for an option, but got "
            f"{values[options[0]]!r}. Rename it."
        )
    quoted = {name: shlex.quote(value) if shell else value for name, value in values.items()}
    return [_PLACEHOLDER.sub(lambda match: quoted[match[1]], word) for word in words]
