"""Mutations of a file: of its bytes, of the bytes inside its compression, of its words, of its values."""

import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies

WORDS = (
    b"nan", b"inf", b"-1", b"0", b"1e400", b"999999999999999999999", b"null", b"true", b'""', b"[]", b"{}", b"../../x",
    b"/dev/null", b"a/b", b"=1+1", b"<script>", b"{{7*7}}", b"${oc.env:HOME}", b"!!python/object/apply:os.getcwd []",
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b",", b";", b'"', b"'", "é".encode(), "\u202e".encode(),
    b"x" * 5000,
)  # fmt: skip
"""What takes the place of a word of a text."""

VALUES = (
    None, True, 0, -1, 1.5, 10**30, float("inf"), "", "x" * 5000, "../../x", "/dev/null", "\x00", "NaN", [], {},
    [[[[]]]], {"a": {}}, ["x", 1], "é", "=1+1", "${oc.env:HOME}",
)  # fmt: skip
"""What takes the place of a value of a JSON file."""


@dataclass(frozen=True)
class Mutation:
    """One change of a file."""

    kind: str
    """A key of ``KINDS``."""
    where: float
    """Where in the file, from 0 to 1."""
    amount: int
    """How many bytes, or which bit."""
    choice: int
    """Which word or value."""


@dataclass(frozen=True)
class Mutated:
    """What is done to one of several files."""

    file: int
    """Which, counted round."""
    mutations: tuple[Mutation, ...]
    is_inside: bool
    """Whether it is done to the bytes inside the compression, so that its checksum is right again."""


def mutated() -> strategies.SearchStrategy[Mutated]:
    """Return how one of several files is changed, in one to four places."""
    places = strategies.builds(
        Mutation,
        strategies.sampled_from(sorted(KINDS)),
        strategies.integers(0, 9999).map(lambda number: number / 10_000),
        strategies.integers(1, 200),
        strategies.integers(0, 1000),
    )
    several = strategies.lists(places, min_size=1, max_size=4).map(tuple)
    return strategies.builds(Mutated, strategies.integers(0, 1000), several, strategies.booleans())


def apply(change: Mutated, path: Path, content: bytes) -> bytes:
    """Return the content of a file after a change."""
    inner, wrap = _unwrapped(path, content) if change.is_inside else (content, bytes)
    for mutation in change.mutations:
        inner = KINDS[mutation.kind](inner, mutation)
    return wrap(inner)


def _unwrapped(path: Path, content: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
    """Return what lies inside a compressed file, and what puts it back."""
    if path.suffix == ".gz":
        return gzip.decompress(content), lambda inner: gzip.compress(inner, 1)
    if path.suffix in (".npz", ".ckpt") and zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        largest = max(members, key=lambda name: len(members[name]))

        def wrap(inner: bytes) -> bytes:
            file = io.BytesIO()
            with zipfile.ZipFile(file, "w") as archive:
                for name, member in {**members, largest: inner}.items():
                    archive.writestr(name, member)
            return file.getvalue()

        return members[largest], wrap
    return content, bytes


def _at(content: bytes, where: float) -> int:
    return min(int(where * len(content)), max(len(content) - 1, 0))


def _flip(content: bytes, mutation: Mutation) -> bytes:
    if not content:
        return content
    at = _at(content, mutation.where)
    return content[:at] + bytes([content[at] ^ 1 << mutation.amount % 8]) + content[at + 1 :]


def _flip_near_the_start(content: bytes, mutation: Mutation) -> bytes:
    """Flip a bit of the first 400 bytes, where most formats have their head."""
    return _flip(content[:400], mutation) + content[400:]


def _cut(content: bytes, mutation: Mutation) -> bytes:
    return content[: _at(content, mutation.where)]


def _remove(content: bytes, mutation: Mutation) -> bytes:
    at = _at(content, mutation.where)
    return content[:at] + content[at + mutation.amount :]


def _repeat(content: bytes, mutation: Mutation) -> bytes:
    at = _at(content, mutation.where)
    return content[: at + mutation.amount] + content[at:]


def _zero(content: bytes, mutation: Mutation) -> bytes:
    at = _at(content, mutation.where)
    return content[:at] + bytes(min(mutation.amount, len(content) - at)) + content[at + mutation.amount :]


def _word(content: bytes, mutation: Mutation) -> bytes:
    """Put another word in the place of one."""
    words = list(re.finditer(rb"[\w.+-]+", content[:100_000]))
    if not words:
        return WORDS[mutation.choice % len(WORDS)]
    match = words[_at(bytes(len(words)), mutation.where)]
    return content[: match.start()] + WORDS[mutation.choice % len(WORDS)] + content[match.end() :]


def _line(content: bytes, mutation: Mutation) -> bytes:
    """Remove a line, say it twice, or let two change places."""
    lines = content.split(b"\n")
    at, other = _at(bytes(len(lines)), mutation.where), mutation.amount % len(lines)
    match mutation.choice % 3:
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[other])
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
    return b"\n".join(lines)


def _value(content: bytes, mutation: Mutation) -> bytes:
    """Put another value in the place of one of a JSON file, remove it, or give it another name."""
    try:
        facts = json.loads(content)
    except ValueError:
        return _word(content, mutation)
    holders = list(_holders(facts))
    if not holders:
        return json.dumps(VALUES[mutation.choice % len(VALUES)]).encode()
    holder, key = holders[_at(bytes(len(holders)), mutation.where)]
    match mutation.amount % 4:
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[str(VALUES[mutation.choice % len(VALUES)])[:50]] = holder.pop(key)
        case _:
            holder[key] = VALUES[mutation.choice % len(VALUES)]
    return json.dumps(facts).encode()


def _holders(value: Any) -> Any:
    """Give each dictionary or list within a value with each of its keys."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in list(inner):
        yield value, key
        yield from _holders(below)


KINDS: dict[str, Callable[[bytes, Mutation], bytes]] = {
    "flip": _flip, "flip near the start": _flip_near_the_start, "cut": _cut, "remove": _remove, "repeat": _repeat,
    "zero": _zero, "word": _word, "line": _line, "value": _value,
}  # fmt: skip
