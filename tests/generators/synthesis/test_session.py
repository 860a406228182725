"""Several processes paint one set: each twin once, the same twins as one process, and nobody waits for the dead."""

import os
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch.multiprocessing as mp

from synthtrust.generators import Generator, synthesize
from synthtrust.interrupts import Interrupted, stopped_by_signals
from synthtrust.testing import tiny_classes

N = 8


@dataclass
class Slow(Generator):
    """Paints noise slowly; a diary, which is no hyper-parameter, tells who did what."""

    seconds: float = 0.1
    batch_size: int = 1
    hang: bool = False

    diary = None
    not_in_recipe = frozenset({"hang"})

    def fit(self, cases):
        self._write("fit")
        return self

    def sample(self, label, rng):
        self._write("sample")
        while self.hang:
            time.sleep(0.05)
        time.sleep(self.seconds)
        return {"grey": 255 * rng.random((8, 8))}

    def sample_many(self, labels, rngs):
        self._write(f"batch_of_{len(labels)}")
        return super().sample_many(labels, rngs)

    def _write(self, word):
        with Path(self.diary).open("a") as file:
            file.write(f"{os.getpid()} {word}\n")


@dataclass
class Deep(Slow):
    """Trains slowly, and leaves a checkpoint that a later fit finds."""

    def work_in(self, folder):
        self.home = folder
        return self

    def fit(self, cases):
        if not (self.home / "checkpoint").exists():
            self._write("train")
            time.sleep(0.3)
            self.home.mkdir(parents=True)
            (self.home / "checkpoint").write_text("")
        return super().fit(cases)


@pytest.fixture
def cohort(tmp_path):
    return tiny_classes(tmp_path / "real", count=N)


@pytest.fixture
def diary(tmp_path, monkeypatch):
    monkeypatch.setattr(Slow, "diary", str(tmp_path / "diary"))
    return tmp_path / "diary"


def ask(rank, generator, cohort, root, cases=None):
    synthesize(generator, cohort, cohort.cases[:4], cases or cohort.cases, root)


def at_once(generator, cohort, root, n=2, cases=None):
    return mp.start_processes(ask, args=(generator, cohort, root, cases), nprocs=n, start_method="fork", join=False)


def wait_for(painters):
    while not painters.join():  # it returns when the first of them ends
        pass


def entries(diary):
    return [line.split() for line in diary.read_text().splitlines()]


def count(diary, word):
    return Counter(entry[1] for entry in entries(diary))[word]


def images(root):
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*.png")}


def test_two_processes_paint_each_twin_once_and_as_one_process_would(cohort, tmp_path, diary):
    wait_for(at_once(Slow(), cohort, tmp_path / "two"))
    assert count(diary, "sample") == N
    assert len({pid for pid, word in entries(diary) if word == "sample"}) == 2, "one of them painted nothing"
    ask(0, Slow(), cohort, tmp_path / "one")
    assert images(tmp_path / "two") == images(tmp_path / "one")
    assert len(images(tmp_path / "one")) == N


def test_more_painters_than_twins_and_any_order_change_no_image(cohort, tmp_path, diary):
    ask(0, Slow(seconds=0.02), cohort, tmp_path / "backwards", cases=cohort.cases[:3][::-1])
    diary.unlink()
    wait_for(at_once(Slow(seconds=0.02), cohort, tmp_path / "many", 5, cohort.cases[:3]))
    assert count(diary, "sample") == 3
    assert images(tmp_path / "many") == images(tmp_path / "backwards")


def test_a_generator_with_a_checkpoint_is_trained_once_and_painted_with_by_both(cohort, tmp_path, diary):
    wait_for(at_once(Deep(), cohort, tmp_path / "synthetic"))
    assert (count(diary, "train"), count(diary, "sample")) == (1, N)
    assert len({pid for pid, word in entries(diary) if word == "sample"}) == 2


def test_a_killed_painter_leaves_its_twin_to_others(cohort, tmp_path, diary):
    dying = at_once(Slow(hang=True), cohort, tmp_path / "synthetic", n=1)
    while not diary.exists() or count(diary, "sample") == 0:
        time.sleep(0.02)
    os.kill(dying.pids()[0], signal.SIGKILL)
    ask(0, Slow(), cohort, tmp_path / "synthetic")
    assert count(diary, "sample") == 1 + N
    with pytest.raises(Exception, match="SIGKILL"):
        wait_for(dying)


def test_who_comes_late_waits_for_the_last_twin_and_returns_a_whole_set(cohort, tmp_path, diary):
    first = at_once(Slow(seconds=0.5), cohort, tmp_path / "synthetic", n=1)
    while not diary.exists() or count(diary, "sample") == 0:
        time.sleep(0.02)
    twins = synthesize(Slow(seconds=0.5), cohort, cohort.cases[:4], cohort.cases, tmp_path / "synthetic")
    assert all(twin.images["grey"].exists() for twin in twins.cases)
    assert count(diary, "sample") == N
    wait_for(first)


def test_batches_are_as_large_as_the_generator_says_and_hold_what_is_missing(cohort, tmp_path, diary):
    ask(0, Slow(seconds=0, batch_size=3), cohort, tmp_path / "synthetic")
    assert [count(diary, f"batch_of_{n}") for n in (1, 2, 3)] == [0, 1, 2]
    (manifest,) = (tmp_path / "synthetic").glob("*/manifest.json")
    manifest.unlink()
    (manifest.parent / f"{cohort.cases[4].id}.png").unlink()
    ask(0, Slow(seconds=0, batch_size=3), cohort, tmp_path / "synthetic")
    assert [count(diary, f"batch_of_{n}") for n in (1, 2, 3)] == [1, 1, 2]


def test_nothing_but_the_set_is_left_in_its_folder(cohort, tmp_path, diary):
    wait_for(at_once(Slow(seconds=0.01), cohort, tmp_path / "synthetic"))
    (folder,) = (tmp_path / "synthetic").glob("Slow-*")
    assert {path.name for path in folder.iterdir()} == {
        "card.md", "croissant.json", "manifest.json", *(f"{case.id}.png" for case in cohort.cases)
    }  # fmt: skip
    assert not list((tmp_path / "synthetic").glob(".*/*")), "claims were left"


@dataclass
class Stopped(Slow):
    """Is stopped by a signal amid its third painting."""

    seconds: float = 0.0
    number: int = signal.SIGTERM
    painted = 0
    not_in_recipe = frozenset({"hang", "number"})

    def _write(self, word):
        if word == "sample":
            self.painted += 1
            if self.painted == 3:
                os.kill(os.getpid(), self.number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_amid_painting_keeps_what_is_painted_and_the_next_call_goes_on(tmp_path, number):
    cohort = tiny_classes(tmp_path / "real", N)
    call = cohort, cohort.cases, cohort.cases, tmp_path / "sets"
    with pytest.raises(Interrupted) as end, stopped_by_signals():
        synthesize(Stopped(number=number), *call)
    assert end.value.code == 128 + number
    (folder,) = (tmp_path / "sets").glob("Stopped-*")
    painted = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(painted) == 2
    again = synthesize(Stopped(number=0), *call)
    assert len(again.cases) == N
    assert painted.items() <= {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}.items()
