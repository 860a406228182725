"""Mixing real and synthetic cases into one training set."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from synthtrust.conventions import CONFOUNDED, MODES, is_tstr, is_whole, validates_on_real
from synthtrust.refusals import Refusal


class HasId(Protocol):
    """Anything with a case id."""

    @property
    def id(self) -> str:
        """What pairs a real case with its twin."""


C = TypeVar("C", bound=HasId)

SYNTHETIC_DRAWS = 1
"""Number of the random stream that synthetic cases without twins are drawn from; real ones have the seed's own."""


@dataclass(frozen=True)
class Mix:
    """How real and synthetic cases make one training set; ``alpha`` is the share of real cases.

    Eq. (4) of the position paper, ``|D_train| = alpha |D_R| + (1 - alpha) |D_S|``, leaves open which cases are drawn.
    With N real cases, N twins and ``n = round(alpha N)``:

    - ``complement``: each case appears exactly once, n of them real and the others as their own twin. The n real ones
      at a smaller alpha are among those at a larger one, for one seed.
    - ``independent``: n real cases and N - n twins, drawn apart: a case may appear twice or not at all.
    - ``additive``: all N real cases, and N - n twins beside them.
    - ``real_only``: the n real cases of ``complement`` and nothing else: what the twins add is the difference.
    - ``duplicate_real``: those n real cases, repeated to N: as many draws, no new content (Pink et al. 2026).
    - ``confounded``: each case appears once, and its class decides how likely it is real:
      ``|D| = alpha |R,C1| + (1 - alpha) |S,C1| + (1 - alpha) |R,C2| + alpha |S,C2|``, reference [8] of that paper. At
      ``alpha=1`` all cases of C1 are real and all of C2 synthetic, at 0 the other way round; at 0.5 the source says
      nothing of the class. Of K classes the first, third, fifth ... are drawn as C1, the others as C2, each by itself.

    Synthetic cases that are the twins of none are drawn by count: K at ``alpha=0``, and ``K - round(alpha K)`` at any
    other share, where K is ``n_synthetic``, or else N, or all there are if these are fewer. Those at a larger alpha are
    among those at a smaller one. ``complement`` and ``independent`` are then the same.

    ``alpha=1`` trains on real cases (TRTR), ``alpha=0`` on synthetic ones (TSTR); but for ``confounded``, which always
    has both, and takes as many synthetic cases of a class as it has real ones.

    Args:
        alpha: Share of real cases, in [0, 1].
        mode: One of the modes above.
        seed: Decides which cases are drawn.
        n_real: N, if not all real cases are to be used; the fewer are among the more, for one seed.
        n_synthetic: K, for synthetic cases that are the twins of none; it may be larger than N.

    Raises:
        Refusal: If ``alpha`` is outside [0, 1] or NaN, the mode is unknown, ``n_real`` is no whole number above 0, or
            ``n_synthetic`` is none of at least 0.

    >>> from types import SimpleNamespace as Case
    >>> real, twins = ([Case(id=i, source=s) for i in "abcd"] for s in ("real", "twin"))
    >>> [(case.id, case.source) for case in Mix(alpha=0.5, seed=0).draw(real, twins)]
    [('a', 'real'), ('c', 'real'), ('b', 'twin'), ('d', 'twin')]
    """

    alpha: float
    mode: str = "complement"
    seed: int = 0
    n_real: int | None = None
    n_synthetic: int | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.alpha, int | float | np.number) and 0 <= self.alpha <= 1):  # NaN fails the comparison
            raise Refusal(f"Expected `alpha`, the share of real cases, in [0, 1], but got {self.alpha}.")
        if self.mode not in MODES:
            raise Refusal(f"Expected `mode` among {list(MODES)}, but got {self.mode!r}.")
        for name, least in (("n_real", 1), ("n_synthetic", 0)):
            if (value := getattr(self, name)) is not None and not is_whole(value, least):
                raise Refusal(f"Expected {name} to be a whole number of at least {least}, or null, but got {value!r}.")

    @property
    def is_tstr(self) -> bool:
        """Whether the training set holds no real case; such scores have no scale without TRTR beside them."""
        return is_tstr(self.alpha, self.mode)

    @property
    def is_trtr(self) -> bool:
        """Whether the training set holds every real case once and no twin, as all modes but one do at alpha 1."""
        return self.alpha == 1 and self.mode != CONFOUNDED

    @property
    def needs_twins(self) -> bool:
        """Whether each real case must have its twin; the two control arms hold real cases alone at every alpha."""
        return self.mode not in ("real_only", "duplicate_real")

    @property
    def of_validation(self) -> "Mix":
        """The mix of validation cases that suits this one: real cases alone where the mode is a kind of real training.

        Those are a complement in every mode, or confounded as the training cases are: each case is validated on once.
        """
        if self.mode == CONFOUNDED:
            return Mix(self.alpha, CONFOUNDED, self.seed)
        return Mix(1.0 if validates_on_real(self.alpha, self.mode) else self.alpha, seed=self.seed)

    def draw(
        self,
        real: Sequence[C],
        synthetic: Sequence[C],
        *,
        without_twin: Collection[str] = (),
        paired: bool = True,
        class_of: Callable[[C], int] | None = None,
    ) -> list[C]:
        """Draw one training set from real and synthetic cases; the order in which they are given plays no part.

        Args:
            real: Real training cases, one per id.
            synthetic: Synthetic ones, one per id, in any order; not looked at unless `needs_twins`.
            without_twin: Ids of real cases that have no twin, such as those of a class that the synthetic set lacks.
                Where their twin would be drawn nothing is: the set is smaller.
            paired: Whether each synthetic case is the twin of a real one.
            class_of: Returns the place of a case's class among all classes, from 0; asked by ``confounded`` alone.

        Returns:
            The drawn cases, in order of id within real and synthetic.

        Raises:
            Refusal: If an id repeats, a case is without its twin, there are fewer cases than ``n_real`` or
                ``n_synthetic``, the latter is given for twins, or nothing is left to train on; or if the mode is
                ``confounded`` and the cases have no classes, or too few synthetic cases are of one.
        """
        reals, others = _by_id(real, "real"), _by_id(synthetic, "synthetic")
        rng = np.random.default_rng(self.seed)
        order = _permuted(sorted(reals), rng)[: self._size("n_real", len(reals))]
        if self.mode == CONFOUNDED:
            drawn_real, drawn_synthetic = self._confounded(order, reals, others, without_twin, class_of, paired=paired)
        elif paired:
            drawn_real, drawn_synthetic = self._with_twins(order, reals, others, without_twin, rng)
        else:
            drawn_real, drawn_synthetic = self._without_twins(order, others)
        if not drawn_real and not drawn_synthetic:
            there = "" if paired else f" real and of {len(others)} synthetic training cases; a larger set has more"
            raise Refusal(
                f"Expected cases to train on, but mode {self.mode!r} with alpha={self.alpha} draws none of "
                f"{len(order)}{there}."
            )
        return [reals[i] for i in sorted(drawn_real)] + [others[i] for i in sorted(drawn_synthetic)]

    def _with_twins(
        self,
        order: list[str],
        reals: Mapping[str, C],
        twins: Mapping[str, C],
        without_twin: Collection[str],
        rng: np.random.Generator,
    ) -> tuple[list[str], list[str]]:
        if self.n_synthetic is not None:
            raise Refusal(
                f"Expected data.n_synthetic=null for twins, of which each real case has one, but got "
                f"{self.n_synthetic}. Choose the number of cases with data.n_real."
            )
        if self.needs_twins and (unpaired := sorted((reals.keys() ^ twins.keys()) - set(without_twin))):
            raise Refusal(f"Expected every case beside its twin, but these ids stand alone: {unpaired[:8]}.")
        drawn_real, drawn_twins = _MODES[self.mode](order, round(self.alpha * len(order)), rng)
        return drawn_real, [i for i in drawn_twins if i not in without_twin]

    def _without_twins(self, order: list[str], others: Mapping[str, C]) -> tuple[list[str], list[str]]:
        drawn_real, _ = _MODES[self.mode](order, round(self.alpha * len(order)), np.random.default_rng(self.seed))
        if not self.needs_twins:
            return drawn_real, []
        n_synthetic = self._size("n_synthetic", len(others), min(len(order), len(others)))
        shuffled = _permuted(sorted(others), np.random.default_rng([self.seed, SYNTHETIC_DRAWS]))
        return drawn_real, shuffled[: n_synthetic - round(self.alpha * n_synthetic)]

    def _confounded(
        self,
        order: list[str],
        reals: Mapping[str, C],
        others: Mapping[str, C],
        without_twin: Collection[str],
        class_of: Callable[[C], int] | None,
        *,
        paired: bool,
    ) -> tuple[list[str], list[str]]:
        if class_of is None:
            raise Refusal(
                "Expected cases with classes for data.mode=confounded, where the class of a case decides its source, "
                "but got cases without. Choose another data.mode."
            )
        if self.n_synthetic is not None:
            raise Refusal(
                "Expected data.n_synthetic=null for data.mode=confounded, which takes as many synthetic cases of a "
                f"class as it has real ones, but got {self.n_synthetic}. Choose the number of cases with data.n_real."
            )
        if paired:
            if alone := sorted((reals.keys() ^ others.keys()) | set(without_twin)):
                raise Refusal(
                    "Expected every case beside its twin for data.mode=confounded, which needs both sources of every "
                    f"class, but these ids stand alone: {alone[:8]}."
                )
            stock = _by_class(order, reals, class_of)
        else:
            rng = np.random.default_rng([self.seed, SYNTHETIC_DRAWS])
            stock = _by_class(_permuted(sorted(others), rng), others, class_of)
        drawn_real: list[str] = []
        drawn_synthetic: list[str] = []
        for place, ids in sorted(_by_class(order, reals, class_of).items()):
            if (n := len(stock.get(place, ()))) < len(ids):
                raise Refusal(
                    "Expected at least as many synthetic as real training cases of each class for "
                    f"data.mode=confounded, but got {n} and {len(ids)} of class number {place}. A larger set has more; "
                    "or choose fewer real ones with data.n_real."
                )
            n_first = round(self.alpha * len(ids))
            n_real = len(ids) - n_first if place % 2 else n_first
            drawn_real += ids[:n_real]
            drawn_synthetic += ids[n_real:] if paired else stock[place][: len(ids) - n_real]
        return drawn_real, drawn_synthetic

    def _size(self, name: str, available: int, default: int | None = None) -> int:
        """Return how many cases are to be used of those that there are."""
        wanted = getattr(self, name)
        if wanted is None:
            return available if default is None else default
        if wanted > available:
            raise Refusal(f"Expected data.{name} of at most {available} training cases, but got {wanted}.")
        return int(wanted)


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


def _by_class(ids: Sequence[str], cases: Mapping[str, C], class_of: Callable[[C], int]) -> dict[int, list[str]]:
    """Return the ids of each class, in their order."""
    groups: dict[int, list[str]] = {}
    for i in ids:
        groups.setdefault(class_of(cases[i]), []).append(i)
    return groups


def _permuted(ids: list[str], rng: np.random.Generator) -> list[str]:
    return [ids[i] for i in rng.permutation(len(ids))]


def _by_id(cases: Sequence[C], source: str) -> dict[str, C]:
    by_id = {case.id: case for case in cases}
    if len(by_id) < len(cases):
        ids = [case.id for case in cases]
        repeated = sorted({i for i in ids if ids.count(i) > 1})
        raise Refusal(f"Expected one {source} case per id, but these repeat: {repeated[:8]}.")
    return by_id
