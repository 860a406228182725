"""A peer in a process of its own says what it cost there, as a plain script has it, and its end is an error."""

import os
import time

import pytest

from benchmarks.apart import Apart
from benchmarks.measure import Comparison, Cost, compare
from synthtrust.allocation import LARGE_PAGES


def busy_and_says(seconds: float):
    """Return work that takes so much processor time and returns its process and what is set for its pages."""

    def work():
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass
        return os.getpid(), os.environ.get(LARGE_PAGES)

    return work


def dies():
    return lambda: os._exit(3)


@pytest.fixture
def peer():
    peer = Apart(busy_and_says, 0.05)
    yield peer
    peer.end()


def test_the_cost_is_that_of_the_other_process(peer):
    spent = time.process_time()
    process, _ = peer.measured(cost := Cost())
    spent = time.process_time() - spent
    assert process != os.getpid()
    assert spent < 0.04 < cost.processor[0]
    assert len(cost.processor) == len(cost.wall) == len(cost.memory) == 1
    row = compare(Comparison("station", "work", lambda: sum(range(10**5)), "5 x", peer, "a peer", rounds=2))
    assert len(row.ratios) == 2
    assert min(row.peer.processor) > 0.04


def test_a_plain_script_has_no_large_pages_and_the_product_keeps_them(monkeypatch):
    monkeypatch.setenv(LARGE_PAGES, "1")
    peer = Apart(busy_and_says, 0)
    assert peer()[1] is None
    assert os.environ[LARGE_PAGES] == "1"
    peer.end()


def test_a_peer_that_ends_is_no_result():
    peer = Apart(dies)
    with pytest.raises(RuntimeError, match="Expected a peer that works, but its process ended with 3"):
        peer()
