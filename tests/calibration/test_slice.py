"""A small slice of the calibration, every day: the cells that are cheap and that once were wrong."""

import pytest

from calibration.__main__ import chapters
from calibration.study import DESCRIBED, Cell, Promise, markdown, rates

EVERYDAY = [cell for cells in chapters().values() for cell in cells if cell.everyday]


@pytest.mark.parametrize("cell", EVERYDAY, ids=[f"{cell.quantity}, {cell.truth}" for cell in EVERYDAY])
def test_what_is_promised_is_kept(cell):
    for rate in rates(cell, seed=1, repetitions=cell.everyday):
        assert rate.is_kept, f"{rate.outcome}: {rate.rate:.3f} of {rate.n}, promised {rate.promise}"


def test_a_broken_promise_is_seen():
    def fair_coin(rng, repetitions):
        return {"heads": rng.integers(0, 2, repetitions).astype(float)}

    for promise, kept in ((Promise(0.9, 1.0, 0.95), False), (Promise(0.0, 0.5, 0.5), True), (DESCRIBED, True)):
        cell = Cell("Coins", "one coin", "fair", {"heads": promise}, fair_coin, repetitions=400)
        (rate,) = rates(cell, seed=0)
        assert (rate.is_kept, rate.n) == (kept, 400)
        assert ("**no**" in markdown([rate])) is not kept
