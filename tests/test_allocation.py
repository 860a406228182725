"""Freed memory stays with a process that has room for it, and nobody's choice is overruled."""

import os
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest

from synthtrust import allocation

ON_GLIBC = platform.libc_ver()[0] == "glibc"

COUNTED = """
import resource
from synthtrust.allocation import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        b"x" * 2**26  # made and freed
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(faults(), keep_freed_memory(), faults())
"""


def counted(**environment: str) -> tuple[int, bool, int]:
    """Return the pages that ten blocks of 64 MiB asked the system for, and again after `keep_freed_memory`."""
    own = {name: value for name, value in os.environ.items() if name not in allocation.CHOSEN_BY_USER}
    script = [sys.executable, "-c", COUNTED]
    words = subprocess.run(script, env=own | environment, check=True, capture_output=True, text=True).stdout.split()
    return int(words[0]), words[1] == "True", int(words[2])


@pytest.mark.skipif(not ON_GLIBC, reason="the C library is not glibc")
def test_what_was_freed_is_not_asked_for_again():
    before, is_kept, after = counted()
    if not before:
        pytest.skip("the system does not count pages")
    assert before > 10 * 2**26 / 2**21 / 2  # however large they are
    assert is_kept
    assert after < 0.3 * before  # the first of the ten blocks is new


@pytest.mark.skipif(not ON_GLIBC, reason="the C library is not glibc")
def test_what_the_user_chose_in_the_environment_stays():
    before, is_kept, after = counted(MALLOC_TRIM_THRESHOLD_="200000")
    assert not is_kept
    assert after > 0.7 * before


@pytest.fixture
def asked(monkeypatch):
    """Put a glibc whose ``mallopt`` keeps its calls below a process with 1 GiB at its peak."""
    calls = []
    taken = SimpleNamespace(
        answers={allocation.M_TRIM_THRESHOLD: 1, allocation.M_MMAP_THRESHOLD: 1, allocation.M_MMAP_MAX: 1}
    )

    def mallopt(parameter, value):
        calls.append((parameter, value))
        return taken.answers[parameter]

    for name in allocation.CHOSEN_BY_USER:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(allocation.ctypes, "CDLL", lambda _: SimpleNamespace(mallopt=mallopt))
    monkeypatch.setattr(allocation.platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setattr(allocation, "peak_memory_gib", lambda: 1.0)
    monkeypatch.setattr(allocation, "available_memory", lambda: 2**31)
    return SimpleNamespace(calls=calls, answers=taken.answers)


def test_memory_is_kept_where_twice_the_peak_is_available(asked, monkeypatch):
    assert allocation.keep_freed_memory()
    assert asked.calls == [(allocation.M_TRIM_THRESHOLD, 2**30), (allocation.M_MMAP_THRESHOLD, 2**30)]
    asked.calls.clear()
    monkeypatch.setattr(allocation, "available_memory", lambda: 2**31 - 1)
    assert not allocation.keep_freed_memory()
    assert asked.calls == []


def test_a_glibc_that_refuses_the_threshold_maps_no_block_by_itself(asked):
    asked.answers[allocation.M_MMAP_THRESHOLD] = 0
    assert allocation.keep_freed_memory()
    assert asked.calls[-1] == (allocation.M_MMAP_MAX, 0)
    asked.answers[allocation.M_TRIM_THRESHOLD] = 0
    assert not allocation.keep_freed_memory()


@pytest.mark.parametrize("name", allocation.CHOSEN_BY_USER)
def test_nothing_is_asked_for_where_the_user_has_chosen(asked, monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert not allocation.keep_freed_memory()
    assert asked.calls == []


def test_nothing_is_asked_of_another_c_library(asked, monkeypatch):
    monkeypatch.setattr(allocation.platform, "libc_ver", lambda: ("", ""))
    assert not allocation.keep_freed_memory()
    assert asked.calls == []


def test_large_pages_are_asked_for_unless_the_user_says_no(monkeypatch):
    monkeypatch.delenv(allocation.LARGE_PAGES, raising=False)
    allocation.use_large_pages()
    assert os.environ[allocation.LARGE_PAGES] == "1"
    monkeypatch.setenv(allocation.LARGE_PAGES, "0")
    allocation.use_large_pages()
    assert os.environ[allocation.LARGE_PAGES] == "0"
