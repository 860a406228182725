"""Two ranks over gloo, which score every case once and as one process does, however few cases there are."""

import os
import random
import shutil
import socket
from functools import partial
from pathlib import Path

from torch.multiprocessing import start_processes

from helpers.commands import run_here
from soak.outcomes import Ending, Tally
from soak.processes import in_child
from soak.studies import TINY
from synthtrust.runs import find_runs, score_cohort

SCORED = ["dice", "n_reference", "n_prediction"]


def compare(folder: Path, n: int, number: int = 0) -> Tally:
    """Train `n` runs on two ranks with splits drawn by chance, and score each anew in one process."""
    tally, draw = Tally("two ranks over gloo"), random.Random(number)
    for study in range(n):
        here = folder / f"study_{study}"
        here.mkdir(parents=True)
        test, val = draw.randint(1, 3), draw.randint(1, 2)
        words = (*TINY, f"split.test={test}", f"split.val={val}", f"data.batch_size={draw.randint(1, 3)}")
        trained = in_child(partial(_train_on_two, words), here)
        ended = trained if trained.code else in_child(partial(_differs, test), here)
        attempt = " ".join(words[-3:])
        if ended.has_traceback or ended.code == 3:
            tally.add(Ending.TRACEBACK, attempt, ended.text[-2000:])
        elif ended.code < 0:
            tally.add(Ending.HANG, attempt, ended.last_line)
        elif ended.code:
            tally.add(Ending.WRONG, attempt, ended.last_line)
        else:
            tally.add(Ending.READ, attempt)
        shutil.rmtree(here)
    return tally


def _train_on_two(words: tuple[str, ...]) -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    ranks = ("trainer.devices=2", "trainer.strategy=ddp", "trainer.precision=32-true", *words)
    start_processes(_be_rank, (port, ranks), nprocs=2, start_method="fork")
    return ""


def _be_rank(rank: int, port: str, words: tuple[str, ...]) -> None:
    os.environ |= {"LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    if line := run_here("train.py", *words):
        raise RuntimeError(line)


def _differs(n_tested: int) -> str:
    """Return how the scores of two ranks differ from those of one process; empty if they do not."""
    (run,) = find_runs("runs")
    key = ["case", "region"]
    real = run.scores().query("source == 'real'").set_index(key)[SCORED].sort_index()
    alone = score_cohort(run, run.cohort, "cache", allow_overlap=True).set_index(key)[SCORED]
    if real.index.has_duplicates or len(real.index.unique("case")) != n_tested:
        return f"{len(real.index.unique('case'))} of {n_tested} cases were scored, or one twice"
    return "" if real.equals(alone.loc[real.index]) else "other scores than those of one process"
