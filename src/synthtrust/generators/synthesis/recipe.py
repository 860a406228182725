"""The recipe: everything that determines the content of a synthetic set."""

import json
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from synthtrust.cases import Case, Findings
from synthtrust.cases.content import content_of
from synthtrust.files import fingerprint, hashes
from synthtrust.generators.base import Generator
from synthtrust.generators.importer import Importer
from synthtrust.refusals import Refusal


def recipe_of(
    generator: Generator | Importer,
    train: Sequence[Case],
    paint: Sequence[Case],
    imported_files: Mapping[str, Sequence[Path]] | None = None,
) -> dict[str, Any]:
    """Return everything that determines the content of a synthetic set, as plain JSON values.

    Label maps are represented by the sha256 of their files, classes and findings by themselves.

    Args:
        generator: The generator, with its hyper-parameters.
        train: The cases that it may learn from.
        paint: The cases whose labels are painted on.
        imported_files: The files that an importer found, by case id; it learns from no case.

    Raises:
        Refusal: If the generator takes an argument that is no field of its dataclass, or has a field that is no plain
            JSON value: two different settings could then not be distinguished.
    """
    parameters = _parameters(generator)
    train, imported_files = (train, {}) if imported_files is None else ([], imported_files)
    with ThreadPoolExecutor() as pool:  # hashing leaves the interpreter's lock
        contents = list(pool.map(content_of, train))
        labels = list(pool.map(_label, paint))
        imported = list(
            pool.map(lambda files: fingerprint([hashes.of(path) for path in files]), imported_files.values())
        )
    return {
        **_what_paints(generator),
        "parameters": parameters,
        "train": dict(zip([case.id for case in train], contents, strict=True)),
        "labels": dict(zip([case.id for case in paint], labels, strict=True)),
        **_attributes(generator, paint),
        **_read_images(generator, paint),
        **({"imported": dict(zip(imported_files, imported, strict=True))} if imported_files else {}),
    }


def training_of(recipe: Mapping[str, Any], of_the_painting: Collection[str]) -> dict[str, Any]:
    """Return the part of a recipe that determines the training of its generator.

    Args:
        recipe: From `recipe_of`.
        of_the_painting: Hyper-parameters that only matter when painting.

    >>> training_of({"generator": "A", "parameters": {"lr": 1, "step": 5}, "train": {}, "labels": {"a": 0}}, {"step"})
    {'generator': 'A', 'parameters': {'lr': 1}, 'train': {}}
    """
    parameters = {name: value for name, value in recipe["parameters"].items() if name not in of_the_painting}
    painted = ("labels", "attributes", "reads")
    return {name: value for name, value in recipe.items() if name not in painted} | {"parameters": parameters}


def _what_paints(generator: Generator | Importer) -> dict[str, Any]:
    kind = type(generator)
    return {
        "generator": kind.__qualname__,
        **({} if _is_ours(kind) else {"module": kind.__module__}),  # classes of plugins may share a name
        "version": kind.version,
        "package": _package_of(kind),
    }


def _parameters(generator: Generator | Importer) -> dict[str, Any]:
    kind = type(generator)
    if strange := sorted(set(signature(kind).parameters) - {field.name for field in fields(kind)}):
        raise Refusal(
            f"Expected a dataclass whose fields are all that {kind.__qualname__} takes, but {', '.join(strange)} is "
            "no field: sets with different values of it could not be distinguished. Write @dataclass above the class, "
            "and no __init__."
        )
    unsaid = generator.unsaid if isinstance(generator, Generator) else frozenset()
    left_out = {*generator.not_in_recipe, *unsaid, "follow_links"}  # of any importer, a plugin's too
    values = {name: value for name, value in asdict(generator).items() if name not in left_out}
    for name in values:
        if isinstance(inner := getattr(generator, name), Generator):  # which paints for the other
            values[name] = _what_paints(inner) | {"parameters": _parameters(inner)}
    for name in generator.files_in_recipe & values.keys():
        value = values[name]
        values[name] = [_content(path) for path in value] if isinstance(value, list | tuple) else _content(value)
    return {name: _plain(value, f"{name} of {kind.__qualname__}") for name, value in values.items()}


def _content(value: Any) -> Any:
    """Return the content of a file by its hash; a path of no file as it is, since it is refused where it is read."""
    path = None if value is None else Path(value).expanduser()
    return value if path is None or not path.is_file() else f"sha256:{hashes.of(path)}"


def _plain(value: Any, role: str) -> Any:
    """Return a value as it is after a round trip through JSON."""

    def rather(value: Any) -> Any:
        if isinstance(value, Path | np.generic):
            return str(value) if isinstance(value, Path) else value.item()
        raise TypeError(f"but got {type(value).__name__}")

    try:
        return json.loads(json.dumps(value, default=rather, allow_nan=False))
    except TypeError as error:
        raise Refusal(f"Expected {role} to be numbers, text, or lists or mappings of them, {error}.") from error
    except ValueError as error:
        raise Refusal(f"Expected {role} to be finite, but got {value}.") from error


def _is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == __name__.partition(".")[0]


def _label(case: Case) -> str | int | Findings | None:
    if case.task == "unlabelled":
        return None
    return case.target if case.label_map is None else hashes.of(case.label_map)


def _attributes(generator: Generator | Importer, paint: Sequence[Case]) -> dict[str, Any]:
    """Return what a generator that paints by more than labels may paint by; nothing where no attribute is known."""
    if isinstance(generator, Importer) or type(generator).sample_cases is Generator.sample_cases:
        return {}
    known = {case.id: dict(case.attributes) for case in paint if case.attributes}
    return {"attributes": known} if known else {}


def _read_images(generator: Generator | Importer, paint: Sequence[Case]) -> dict[str, Any]:
    """Return the content of the images that a generator reads to paint others; nothing of one that reads none."""
    if isinstance(generator, Importer) or not generator.reads_modalities:
        return {}
    reads = sorted(generator.reads_modalities)
    return {"reads": {case.id: {name: hashes.of(case.images[name]) for name in reads} for case in paint}}


@cache  # listing the installed packages takes a second
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()


def _package_of(kind: type) -> str:
    """Return the package that a generator comes from, with its version."""
    package = kind.__module__.partition(".")[0]
    names = _distributions().get(package, [package])  # an editable install does not list its modules
    try:
        return ", ".join(f"{name} {version(name)}" for name in names)
    except PackageNotFoundError:
        return package
