"""Random SIGKILLs of a training and of an evaluation; the same commands then leave what they leave undisturbed."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

from soak.outcomes import Ending, Tally
from soak.processes import Ended, in_child
from soak.studies import contents, difference, evaluate, train

KILLS_OF_A_STUDY = 5


def undisturbed(folder: Path) -> tuple[dict[str, str], float, float]:
    """Do the study once, and return what it leaves, and the seconds that training and evaluating took."""
    folder.mkdir(parents=True)
    ends = [in_child(work, folder) for work in (train(), evaluate())]
    for end in ends:
        if end.code:
            raise RuntimeError(f"Expected a study to come to its end, but got {end.text[-3000:]}")
    return contents(folder), ends[0].seconds, ends[1].seconds


def kill(folder: Path, n: int, number: int = 0) -> Tally:
    """Kill commands `n` times, at times drawn by chance, and let each study come to its end.

    Args:
        folder: Where the studies lie.
        n: How many kills.
        number: Of the series of draws.
    """
    tally, draw = Tally("SIGKILL of a study"), random.Random(number)
    expected, seconds_of_training, seconds_of_page = undisturbed(folder / "undisturbed")
    for study, kills in enumerate(_groups(n)):
        here = folder / f"study_{study}"
        here.mkdir()
        times = []
        for k in range(kills):
            work, longest = (
                (train(), seconds_of_training) if k % KILLS_OF_A_STUDY < 4 else (evaluate(), seconds_of_page)
            )
            if k % KILLS_OF_A_STUDY == 4:
                in_child(train(), here)
            times.append(draw.uniform(0.02, longest))
            _count(tally, in_child(work, here, kill_after=times[-1]), f"after {times[-1]:.2f} s")
        ending, message = _end(here, expected)
        if ending is not Ending.READ:  # one of the kills did it
            tally.counts[Ending.READ] -= 1
            tally.add(ending, f"killed after {', '.join(f'{seconds:.2f}' for seconds in times)} s", message)
        shutil.rmtree(here)
    return tally


def _groups(n: int) -> Iterator[int]:
    while n > 0:
        yield min(n, KILLS_OF_A_STUDY)
        n -= KILLS_OF_A_STUDY


def _count(tally: Tally, end: Ended, attempt: str) -> None:
    """Count a kill; one that came too late counts, too, since the command came to its end."""
    if end.has_traceback:
        tally.add(Ending.TRACEBACK, attempt, end.text[-2000:])
    elif end.code > 0:
        tally.add(Ending.LOST, attempt, f"the command did not go on: {end.last_line}")
    else:
        tally.add(Ending.READ, attempt)


def _end(folder: Path, expected: dict[str, str]) -> tuple[Ending, str]:
    """Let a study come to its end, and say how it compares with one that nothing disturbed."""
    for work in (train(), evaluate()):
        end = in_child(work, folder)
        if end.has_traceback:
            return Ending.TRACEBACK, end.text[-2000:]
        if end.code:
            return (Ending.HANG if end.code < 0 else Ending.LOST), f"the same command ended with {end.last_line}"
    differs = difference(contents(folder), expected)
    return (Ending.WRONG, differs) if differs else (Ending.READ, "")
