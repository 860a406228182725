"""Mixing real and synthetic cases into one training set."""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol, TypeVar

import numpy as np

from synthtrust.conventions import MODES, WITH_REAL
from synthtrust.refusals import Refusal


class HasId(Protocol):
    """Anything with a case id."""

    @property
    def id(self) -> str:
        """What pairs a real case with its twin."""


C = TypeVar("C", bound=HasId)


def learned_from_twins_alone(alpha: float, mode: str) -> bool:
    """Return whether a training set holds no real case: TSTR, whose scores have no scale without TRTR beside them."""
    return alpha == 0 and mode not in WITH_REAL


def mix(
    real: Sequence[C],
    synthetic: Sequence[C],
    alpha: float,
    seed: int,
    mode: str = "complement",
    *,
    alone: Collection[str] = (),
) -> list[C]:
    """Draw one training set from real cases and their twins; ``alpha`` is the share of real cases.

    Eq. (4) of the position paper, ``|D_train| = alpha |D_R| + (1 - alpha) |D_S|``, leaves open which cases are drawn.
    With N real cases, N twins and ``n = round(alpha N)``:

    - ``complement``: each case appears exactly once, n of them real and the others as their own twin. The n real ones
      at a smaller alpha are among those at a larger one, for one seed.
    - ``independent``: n real cases and N - n twins, drawn apart: a case may appear twice or not at all.
    - ``additive``: all N real cases, and N - n twins beside them.
    - ``real_only``: the n real cases of ``complement`` and nothing else: what the twins add is the difference.
    - ``duplicate_real``: those n real cases, repeated to N: as many draws, no new content (Pink et al. 2026).

    ``alpha=1`` trains on real cases (TRTR), ``alpha=0`` on synthetic ones (TSTR). The order in which cases are given
    plays no part.

    Args:
        real: Real training cases, one per id.
        synthetic: Their twins, one per id, in any order; not asked for by the two control arms.
        alpha: Share of real cases, in [0, 1].
        seed: Decides which cases are drawn.
        mode: One of the modes above.
        alone: Ids of real cases that have no twin, such as those of a class that the synthetic set lacks. Where their
            twin would be drawn nothing is: the set is smaller.

    Returns:
        The drawn cases, in order of id within real and synthetic.

    Raises:
        Refusal: If ``alpha`` is outside [0, 1] or NaN, the mode is unknown, an id repeats, a case is without its
            twin, or nothing is left to train on.

    >>> from types import SimpleNamespace as Case
    >>> real, twins = ([Case(id=i, source=s) for i in "abcd"] for s in ("real", "twin"))
    >>> [(case.id, case.source) for case in mix(real, twins, alpha=0.5, seed=0)]
    [('a', 'real'), ('c', 'real'), ('b', 'twin'), ('d', 'twin')]
    """
    if not (isinstance(alpha, int | float | np.number) and 0 <= alpha <= 1):  # NaN fails the comparison
        raise Refusal(f"Expected `alpha`, the share of real cases, in [0, 1], but got {alpha}.")
    if mode not in MODES:
        raise Refusal(f"Expected `mode` among {list(MODES)}, but got {mode!r}.")
    reals, twins = _by_id(real, "real"), _by_id(synthetic, "synthetic")
    if mode not in ("real_only", "duplicate_real") and (unpaired := sorted((reals.keys() ^ twins.keys()) - set(alone))):
        raise Refusal(f"Expected every case beside its twin, but these ids stand alone: {unpaired[:8]}.")

    ids = sorted(reals)
    n = round(alpha * len(ids))
    rng = np.random.default_rng(seed)
    order = [ids[i] for i in rng.permutation(len(ids))]
    drawn_real, drawn_twins = _MODES[mode](order, n, rng)
    drawn_twins = [i for i in drawn_twins if i not in alone]
    if not drawn_real and not drawn_twins:
        raise Refusal(f"Expected cases to train on, but mode {mode!r} with alpha={alpha} draws none of {len(ids)}.")
    return [reals[i] for i in sorted(drawn_real)] + [twins[i] for i in sorted(drawn_twins)]


Draw = Callable[[list[str], int, np.random.Generator], tuple[list[str], list[str]]]


def _independent(order: list[str], n: int, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    second = [order[i] for i in rng.permutation(len(order))]
    return order[:n], second[: len(order) - n]


def _duplicate_real(order: list[str], n: int, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    return ([order[i % n] for i in range(len(order))] if n else []), []


_MODES: dict[str, Draw] = {
    "complement": lambda order, n, rng: (order[:n], order[n:]),
    "independent": _independent,
    "additive": lambda order, n, rng: (order, order[n:]),
    "real_only": lambda order, n, rng: (order[:n], []),
    "duplicate_real": _duplicate_real,
}


def _by_id(cases: Sequence[C], source: str) -> dict[str, C]:
    by_id = {case.id: case for case in cases}
    if len(by_id) < len(cases):
        ids = [case.id for case in cases]
        repeated = sorted({i for i in ids if ids.count(i) > 1})
        raise Refusal(f"Expected one {source} case per id, but these repeat: {repeated[:8]}.")
    return by_id
