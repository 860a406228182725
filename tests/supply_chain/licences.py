"""The packages that a user of this project installs, each with its licence, and whether that goes with Apache-2.0."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"

PERMISSIVE = (
    "Apache", "MIT", "BSD", "0BSD", "ISC", "PSF", "Python Software Foundation", "Zlib", "CC0", "BSL-1.0", "Unlicense",
    "HPND", "Historical Permission Notice", "LLVM-exception",
)  # fmt: skip
"""Words by which licences are known that ask for no more than a notice."""

PER_FILE = ("MPL-2.0", "Mozilla Public License 2.0")
"""Licences whose terms hold for their own files alone: what merely imports them keeps its own licence."""

READ_BY_HAND: Mapping[str, str] = {
    "cycler": "BSD-3-Clause",  # older releases have the text of the licence in the place of its name
    "kiwisolver": "BSD-3-Clause",
    "matplotlib": "PSF-2.0",  # its own licence, which is that of Python with other names
    "scipy": "BSD-3-Clause",
}
"""Package whose metadata do not name a licence -> the licence that its file has."""

VENDORS = ("nvidia-", "cuda-", "triton")
"""Beginnings of the names of packages that a PyTorch for GPUs installs, under terms of the vendor: they are used, and
neither changed nor passed on."""

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Licence:
    """The licence of one package as it is installed."""

    package: str
    version: str
    words: str
    """The licence as the metadata of the package name it."""

    @property
    def goes_with_apache(self) -> bool:
        """Whether a project under Apache-2.0 may depend on the package."""
        return self.package.startswith(VENDORS) or is_accepted(self.words)


def is_accepted(words: str) -> bool:
    """Whether a licence, or every part of it, is permissive or holds for its own files alone.

    >>> is_accepted("MPL-2.0 AND MIT"), is_accepted("GPL-3.0-only"), is_accepted("MIT AND LGPL-2.1")
    (True, False, False)
    >>> is_accepted("Apache-2.0 OR GPL-2.0"), is_accepted("")
    (True, False)
    """
    choices = [re.split(r"\band\b|\bwith\b|;", choice, flags=re.I) for choice in re.split(r"\bor\b", words, flags=re.I)]
    return any(all(_is_known(part) for part in parts) for parts in choices)


def _is_known(part: str) -> bool:
    return any(re.search(rf"(?<![A-Za-z]){re.escape(word)}", part, flags=re.I) for word in (*PERMISSIVE, *PER_FILE))


def licence_of(package: Distribution) -> Licence:
    """Return the licence of an installed package: its expression, else its classifiers, else its free text."""
    metadata, name = package.metadata, canonical(package.metadata["Name"])
    kinds = [line.split(" :: ") for line in metadata.get_all("Classifier") or ()]
    classifiers = [kind[-1] for kind in kinds if kind[0] == "License"]
    text = (metadata.get("License") or "").strip().split("\n")[0]
    candidates = (metadata.get("License-Expression"), "; ".join(classifiers), text, READ_BY_HAND.get(name))
    words = next((words for words in candidates if words and _is_known(words)), None)
    return Licence(name, package.version, words or next(filter(None, candidates), UNKNOWN))


def canonical(name: str) -> str:
    """Return the name of a package as registries compare it.

    >>> canonical("antlr4_python3.runtime")
    'antlr4-python3-runtime'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def promised(extras: Iterable[str] = ()) -> list[str]:
    """Return the requirements of pyproject.toml that every user installs, and those of some extras."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *(line for name in extras for line in project["optional-dependencies"][name])]


def installed(requirements: Iterable[str]) -> Iterator[Distribution]:
    """Give the installed packages of some requirements, and those that they need in their turn, each once."""
    waiting, seen = [Requirement(line) for line in requirements], set()
    while waiting:
        requirement = waiting.pop()
        name = canonical(requirement.name)
        extras = ("", *requirement.extras)
        wanted = requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras)
        if name in seen or not wanted:
            continue
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # for another system, or of an extra
        seen.add(name)
        waiting.extend(Requirement(line) for line in package.requires or ())
        yield package


def licences(requirements: Iterable[str]) -> list[Licence]:
    """Return the licences of all installed packages that some requirements bring, by name."""
    return sorted((licence_of(package) for package in installed(requirements)), key=lambda licence: licence.package)
