"""Numbers as a reader wants them: few digits, a true minus, and a dash for what is not known."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

MISSING = "n/a"


def number(value: float, digits: int = 3, *, sign: bool = False) -> str:
    """Write a number with a fixed count of digits.

    >>> number(0.71449), number(-0.0691667, sign=True), number(float("nan"))
    ('0.714', '−0.069', 'n/a')
    """
    if not math.isfinite(value):
        return MISSING
    rounded = round(value, digits) + 0.0  # + 0.0 turns -0.0 into 0.0
    return f"{rounded:{'+' if sign else ''}.{digits}f}".replace("-", "−")


def probability(p: float) -> str:
    """Write a p; one that would round to zero as below the last digit.

    >>> probability(0.0412), probability(3e-8), probability(float("nan"))
    ('0.041', '< 0.001', '')
    """
    if not math.isfinite(p):
        return ""
    return "< 0.001" if p < 0.0005 else number(p)


def interval(low: float, high: float, digits: int = 3, *, sign: bool = False) -> str:
    """Write an interval, or nothing where there is none.

    >>> interval(0.68, 0.741), interval(float("nan"), 0.7)
    ('[0.680, 0.741]', '')
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"[{number(low, digits, sign=sign)}, {number(high, digits, sign=sign)}]"


def estimate(value: float, low: float, high: float, digits: int = 3, *, sign: bool = False) -> str:
    """Write a number followed by its interval.

    >>> estimate(0.714, 0.68, 0.741)
    '0.714 [0.680, 0.741]'
    """
    return f"{number(value, digits, sign=sign)} {interval(low, high, digits, sign=sign)}".rstrip()


def two_lines(value: float, low: float, high: float, digits: int = 3, *, sign: bool = False) -> str:
    """Write a number for the cell of a table, with its interval on a line below.

    >>> two_lines(0.71, 0.68, 0.741).splitlines(), two_lines(0.71, float("nan"), 0.7)
    (['0.710', '[0.680, 0.741]'], '0.710')
    """
    return f"{number(value, digits, sign=sign)}\n{interval(low, high, digits, sign=sign)}".rstrip()


def short(value: float) -> str:
    """Write an alpha as people type it.

    >>> short(0.5), short(1.0)
    ('0.5', '1')
    """
    return f"{value:g}"


def count(n: int, noun: str) -> str:
    """Write a count with its noun.

    >>> count(1, "seed"), count(40, "case")
    ('1 seed', '40 cases')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def listing(items: Iterable[str], last_word: str = "and") -> str:
    """Join words with commas and a last "and" or "or".

    >>> listing(["privacy", "fidelity"], "or"), listing(["0", "0.5", "1"])
    ('privacy or fidelity', '0, 0.5 and 1')
    """
    *head, last = items
    return f"{', '.join(head)} {last_word} {last}" if head else last


def percent(share: float) -> str:
    """Write a share as a percentage of two digits.

    >>> percent(1 / 110), percent(0.337), percent(1.0)
    ('0.91 %', '34 %', '100 %')
    """
    return f"{100 * share:.2g} %" if share < 0.995 else "100 %"


@dataclass(frozen=True)
class EstimateCell:
    r"""A cell of a table that is a number and its interval: shown with few digits, written to a file with all of them.

    >>> str(EstimateCell(0.714, 0.68, 0.741)), str(EstimateCell(0.02, sign=True)), str(EstimateCell(float("nan")))
    ('0.714\n[0.680, 0.741]', '+0.020', 'n/a')
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    digits: int = 3
    sign: bool = False

    def __str__(self) -> str:
        """Write the number above its interval."""
        limits = interval(self.low, self.high, self.digits, sign=self.sign) if math.isfinite(self.value) else ""
        return f"{number(self.value, self.digits, sign=self.sign)}\n{limits}".rstrip()
