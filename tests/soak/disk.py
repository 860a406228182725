"""A disk that is full in the midst of a study: one line, and the same command goes on when there is room."""

import random
import shutil
from pathlib import Path

from soak.kills import undisturbed
from soak.outcomes import Ending, Tally
from soak.processes import in_child
from soak.studies import contents, difference, evaluate, train


def fill(folder: Path, n: int, number: int = 0) -> Tally:
    """Let `n` studies meet a file that may not grow any more, and then let them come to their end with room."""
    tally, draw = Tally("full disk"), random.Random(number)
    expected, _, _ = undisturbed(folder / "undisturbed")
    for study in range(n):
        here, limit = folder / f"study_{study}", round(10 ** draw.uniform(0, 5.2))
        here.mkdir()
        ends = [in_child(work, here, largest_file=limit) for work in (train(), evaluate())]
        attempt = f"files of at most {limit} bytes"
        traced = next((end for end in ends if end.has_traceback), None)
        again = [in_child(work, here) for work in (train(), evaluate())]
        differs = difference(contents(here), expected)
        if any(end.code < 0 for end in ends):
            tally.add(Ending.HANG, attempt, "the command had to be killed, or died")
        elif again[-1].code or again[0].code:
            tally.add(Ending.LOST, attempt, f"with room again: {next(end for end in again if end.code).last_line}")
        elif differs:
            tally.add(Ending.WRONG, attempt, differs)
        elif traced is not None:
            tally.add(Ending.TRACEBACK, attempt, traced.text[-1500:])
        else:
            tally.add(Ending.REFUSED if any(end.code for end in ends) else Ending.READ, attempt)
        shutil.rmtree(here)
    return tally
