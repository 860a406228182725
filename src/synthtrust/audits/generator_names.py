"""The names of generators that stand side by side: by their class, and by what else is needed to tell them apart."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol


class PaintedRun(Protocol):
    """What is needed of a run to name its generator."""

    def facts(self) -> Mapping[str, Any]:
        """Return what it was made from, with the config of its generator."""


def generator_names(runs: Iterable[PaintedRun]) -> list[str]:
    """Return the class name of each run's generator, with more where several share it.

    Two classes of one name are told apart by their modules, and sets that one class has read from several places by the
    ends of their paths.
    """
    painters = [(generator_target(facts), files_of_generator(facts)) for facts in (run.facts() for run in runs)]
    targets: dict[str, set[str]] = {}
    files: dict[str, set[str]] = {}
    for target, path in painters:
        targets.setdefault(target.rpartition(".")[2], set()).add(target)
        files.setdefault(target, set()).add(path)
    names = []
    for target, path in painters:
        class_name = target.rpartition(".")[2]
        name = class_name if len(targets[class_name]) == 1 else target
        names.append(name if len(files[target]) == 1 else f"{name} {distinct_end(path, files[target])}")
    return names


def distinct_end(path: str, paths: Collection[str]) -> str:
    """Return the shortest end of a path that no other path has.

    >>> distinct_end("a/gan/set", {"a/gan/set", "a/diffusion/set"}), distinct_end("a/set", {"a/set", "b/other"})
    ('gan/set', 'set')
    """
    others = [Path(other).parts for other in paths if other != path]
    parts = Path(path).parts
    for length in range(1, len(parts) + 1):
        if all(other[-length:] != parts[-length:] for other in others):
            return str(Path(*parts[-length:]))
    return path


def generator_target(facts: Mapping[str, Any]) -> str:
    """Return the class that painted a run's twins, as its config names it."""
    generator = facts.get("generator")
    target = generator.get("_target_") if isinstance(generator, Mapping) else generator
    return str(target or "unknown generator")


def files_of_generator(facts: Mapping[str, Any]) -> str:
    """Return the file or folder that a generator reads its set or its network from; empty for one that reads none."""
    generator = facts.get("generator")
    if not isinstance(generator, Mapping):
        return ""
    return str(generator.get("file") or generator.get("root") or "")
