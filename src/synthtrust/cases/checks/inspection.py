"""Inspection: every case is read to its last voxel, once, before anything is fitted, painted or trained."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from copy import deepcopy
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock

from synthtrust.cases.case import Case
from synthtrust.cases.cohort import RefusedCase
from synthtrust.files import fingerprint, hashes
from synthtrust.machine import readers
from synthtrust.refusals import CaseError
from synthtrust.seals import SEAL, seal_of

log = logging.getLogger(__name__)

VERSION = 1  # of what is remembered of a case; to be raised with every change to what is read of it
HASHES = "hashes.jsonl"  # file with the hashes of files, by their size and times
BLOCK = 512  # cases between two entries: a pass that is killed goes on from there

Facts = dict[str, Any]
"""Facts on a case, as JSON values."""


def inspect(
    cases: Sequence[Case], read: Callable[[Case], Facts], recipe: Any, folder: Path | None = None
) -> Iterator[tuple[Case, Facts | RefusedCase]]:
    """Read cases, several at a time, or return the facts that were stored when they were read before.

    Facts are stored by the content of a case, its name and the way it is read, so that no process reads it again; if
    several processes call this at once, the others wait for the first. Refused cases are read anew each time, since
    they may have become readable by an installed package or by another option.

    Args:
        cases: The cases to read.
        read: Reads a case to its last voxel; an error that it raises becomes a refusal.
        recipe: Whatever else the result of ``read`` depends on, as JSON values.
        folder: Writable folder in which facts are stored; None to store none.

    Yields:
        Each case, in the order given, with its facts or the reason why it cannot be used.
    """
    recipe = [VERSION, version("synthtrust"), recipe]
    with ExitStack() as stack:
        facts = hashed = None
        if folder is not None:
            asked = fingerprint([recipe, [case.id for case in cases]])
            stack.enter_context(FileLock(folder / f".{asked}.lock"))
            facts, hashed = Ledger(folder / "facts.jsonl"), Ledger(folder / HASHES)
            hashes.learn(hashed.entries())
        known = facts.entries() if facts else {}
        pool = stack.enter_context(ThreadPoolExecutor(readers()))

        def inspect_case(case: Case) -> tuple[str | None, Facts | RefusedCase]:
            key = _key(case, recipe) if facts else None
            return key, known[key] if key in known else _facts_or_refusal(case, read)

        for start in range(0, len(cases), BLOCK):
            block = cases[start : start + BLOCK]
            new: dict[str, Facts] = {}
            try:
                for case, (key, result) in zip(block, pool.map(inspect_case, block)):
                    if key is not None and key not in known and not isinstance(result, RefusedCase):
                        new[key] = deepcopy(result)  # whatever the caller makes of it
                    yield case, result
            finally:
                if facts and hashed and new:
                    facts.add(new)
                    hashed.add(hashes.known(path for case in block for path in set(case.files.values())))


def forget_hashes(folder: Path) -> None:
    """Let the next process hash every file, instead of trusting that one of the same size and times is unchanged.

    What was read of the files stays, since it is known by their content.
    """
    (folder / HASHES).unlink(missing_ok=True)


class Ledger:
    """Facts by key in a file of JSON lines, which any number of processes add to."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def entries(self) -> dict[str, Any]:
        """Return all that was added; a line that is cut short or damaged counts as none."""
        entries: dict[str, Any] = {}
        text = self.file.read_text(encoding="utf-8", errors="replace") if self.file.exists() else ""
        for line in filter(None, text.splitlines()):
            with suppress(ValueError, TypeError, AttributeError, RecursionError):
                fact = json.loads(line)
                check = fact.pop(SEAL, None)  # lines of older versions have none
                if check is None or all(check == seal_of([key, value]) for key, value in fact.items()):
                    entries.update(fact)
        return entries

    def add(self, new: Mapping[str, Any]) -> None:
        """Add facts; those of a key that is there are replaced."""
        lines = "".join(f"{json.dumps({key: value, SEAL: seal_of([key, value])})}\n" for key, value in new.items())
        try:
            with FileLock(self.file.with_name(f".{self.file.name}.lock")), self.file.open("a") as file:
                file.write(f"\n{lines}")  # on a line of its own, whatever a killed process has left
        except OSError as error:  # the facts are at hand, and are read again another time
            log.warning("Nothing more can be remembered in %s: %s", self.file, error)


def _key(case: Case, recipe: Any) -> str | None:
    """Name what is read of a case; None if a file cannot be read, which is for the reading to say."""
    try:
        contents = {role: hashes.of(path) for role, path in case.files.items()}
    except OSError:
        return None
    relabel = None if case.relabel is None else sorted(case.relabel.items())
    names = [case.id, case.patient, case.source.value, case.split]
    target = case.findings if case.class_index is None else case.class_index  # neither with a label map or no label
    return fingerprint([recipe, contents, dict(case.channels), relabel, names, target])


def _facts_or_refusal(case: Case, read: Callable[[Case], Facts]) -> Facts | RefusedCase:
    try:
        return read(case)
    except CaseError as error:
        why = str(error)
    except Exception as error:  # whatever an odd file makes of a library: a cohort goes on without it
        files = ", ".join(str(path) for path in dict.fromkeys(case.files.values()))
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        why = f"Expected case {case.id} to be readable, but got {reason} from {files}. Repair or leave it out."
    file = next(iter(case.files.values()))
    return RefusedCase(file.parent if "label" in case.files else file, why, case.id)
