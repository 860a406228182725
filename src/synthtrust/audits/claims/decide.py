"""Claims decided on the scores of one sweep: what holds, what does not, and what cannot be told."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from synthtrust.audits.claims.claim import Claim
from synthtrust.audits.claims.paper import CLAIMS
from synthtrust.audits.scores import SOURCES, Row, arm_scores
from synthtrust.metrics.functional import holm
from synthtrust.metrics.functional.alpha_study import AlphaStudy
from synthtrust.metrics.functional.factor_intervals import FactorInterval

Answer = Literal["holds", "does not hold", "cannot tell"]
Lack = Literal["", "alphas", "inner_alphas", "regions", "patients", "seeds", "undefined"]
"""What a claim lacks to be tested; empty where it was tested."""
COUNTS = ("n_cases", "n_patients", "n_seeds")


@dataclass(frozen=True)
class ClaimTest:
    """The test of one claim, before the number of claims is taken into account."""

    claim: Claim
    lack: Lack = ""
    needs: tuple[str, ...] = ()
    """Shares of real cases or regions that are not there."""
    numbers: tuple[FactorInterval, ...] = ()
    """One for each part; none where they cannot be computed."""
    p: float = np.nan
    """That the claim does not hold."""
    p_against: float = np.nan
    """That it does."""


def claim_rows(scores: pd.DataFrame, tolerance: float, confidence: float) -> list[Row]:
    """Decide every claim of the paper on the scores of one mix, at two or more alphas.

    A claim holds where every part is shown to lie where it says (intersection-union test), and does not where one is
    shown not to. Answers of either kind are wrong of any claim in at most 1 - ``confidence`` of studies (Holm over the
    claims). Anything else cannot be told.

    Args:
        scores: Those of real cases and of their twins, with the columns alpha, seed, case, patient, source, region and
            dice.
        tolerance: What counts as no difference: of Dice for T1, of standard deviation over mean for T5.
        confidence: Coverage of each interval.

    Returns:
        A row for each part: claim, part, side, tolerance, value, ci_low, ci_high, confidence, n_cases, n_patients,
        n_seeds, and of its claim p and p_against (adjusted), answer, lack (``alphas``, ``inner_alphas``, ``regions``,
        ``patients``, ``seeds`` or ``undefined``; empty where a test was made) and needs, which are lacking.
    """
    sweep = _Sweep(scores, confidence)
    tests = [_test(claim, sweep, tolerance) for claim in CLAIMS]
    p, p_against = holm([test.p for test in tests]), holm([test.p_against for test in tests])
    return [
        {
            "claim": test.claim.code, "part": part.code, "side": part.side, "tolerance": tolerance,
            **_number(test.numbers[i] if test.numbers else None), "confidence": confidence,
            "p": p[n], "p_against": p_against[n], "answer": _answer(p[n], p_against[n], 1 - confidence),
            "lack": test.lack, "needs": test.needs,
        }
        for n, test in enumerate(tests)
        for i, part in enumerate(test.claim.parts)
    ]  # fmt: skip


def fulfilled(rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the codes of the claims that hold."""
    return {str(row["claim"]) for row in rows if row["answer"] == "holds"}


class _Sweep:
    """The scores of all alphas as arrays."""

    def __init__(self, scores: pd.DataFrame, confidence: float) -> None:
        self.alphas: list[float] = sorted(scores["alpha"].unique())
        self.regions: list[str] = scores["region"].unique().tolist()
        self.confidence = confidence
        sides = {alpha: [arm_scores(scores, alpha, source) for source in SOURCES] for alpha in self.alphas}
        self.patients = sides[self.alphas[0]][0].patients
        self.arms = {alpha: list(zip(*(side.scores for side in both), strict=True)) for alpha, both in sides.items()}

    def numbers(self, claim: Claim) -> tuple[FactorInterval, ...]:
        """Return the number of each part."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what is undefined, which the row of the claim says
            studies = [
                AlphaStudy(part.statistic(self.regions), self.arms, self.patients, self.confidence)
                for part in claim.parts
            ]
        return tuple(
            study.contrast(part.weights(study.alphas), 0) for study, part in zip(studies, claim.parts, strict=True)
        )


def _test(claim: Claim, sweep: _Sweep, tolerance: float) -> ClaimTest:
    if lacking := tuple(f"{alpha:g}" for alpha in claim.alphas if alpha not in sweep.alphas):
        return ClaimTest(claim, "alphas", lacking)
    if sum(0 < alpha < 1 for alpha in sweep.alphas) < claim.n_inner:
        return ClaimTest(claim, "inner_alphas", (str(claim.n_inner),))
    if lacking := tuple(name for name in claim.regions if name not in sweep.regions):
        return ClaimTest(claim, "regions", lacking)
    numbers = sweep.numbers(claim)
    if min(number.n_patients for number in numbers) < claim.min_patients:
        return ClaimTest(claim, "patients", (str(claim.min_patients),), numbers)
    if any(number.n_seeds < 2 for number in numbers):
        return ClaimTest(claim, "seeds", numbers=numbers)
    tails = np.array([part.p_values(number, tolerance) for part, number in zip(claim.parts, numbers, strict=True)])
    if np.isnan(tails).any():
        return ClaimTest(claim, "undefined", numbers=numbers)
    p, p_against = float(tails[:, 0].max()), float(tails[:, 1].min())
    return ClaimTest(claim, numbers=numbers, p=p, p_against=min(1.0, len(tails) * p_against))


def _number(number: FactorInterval | None) -> Row:
    if number is None:
        return dict.fromkeys(("value", "ci_low", "ci_high"), np.nan) | dict.fromkeys(COUNTS, 0)
    return {
        "value": number.value, "ci_low": number.low, "ci_high": number.high,
        **{name: getattr(number, name) for name in COUNTS},
    }  # fmt: skip


def _answer(p: float, p_against: float, level: float) -> Answer:
    if p <= level:
        return "holds"
    return "does not hold" if p_against <= level else "cannot tell"
