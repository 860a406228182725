"""What twins add to the same number of real patients: each mix against its count-matched control, share by share."""

from collections.abc import Iterator, Mapping

from synthtrust.audits.scores import Row
from synthtrust.audits.utility.comparison import compare
from synthtrust.audits.utility.estimate import OVERALL
from synthtrust.audits.utility.measures import LOWER_IS_BETTER, Measures
from synthtrust.conventions import CONTROLS, WITH_TWINS_FOR_REAL


def matched_rows(
    arms: Mapping[tuple[str, float, str], Measures], measure: str, confidence: float
) -> Iterator[tuple[str, Row]]:
    """Yield the mode of a mix, and its contrast with a control that holds the same real training cases without twins.

    There is one for each share of real cases below 1 at which both were trained; at 1 they are the same. Each has its
    own interval, and one that holds for all shares of a mix together (Bonferroni). The arms count as trained
    independently, though a mix and its control of one seed share their real cases, which can only make them more alike.

    Args:
        arms: By mode, alpha and source.
        measure: The main measure.
        confidence: Coverage.

    Returns:
        Rows with the columns control, alpha, measure, value, reference (of the control), each with ``_low`` and
        ``_high``, gap, ci_low, ci_high, all_low, all_high, confidence, n_shares (that ``all_*`` hold for), n_cases,
        n_patients, n_seeds and n_seeds_control.
    """
    on_real = {(mode, alpha): measures for (mode, alpha, source), measures in arms.items() if source == "real"}
    for mode in WITH_TWINS_FOR_REAL:
        for control in CONTROLS:
            shares = sorted(a for m, a in on_real if m == mode and a < 1 and (control, a) in on_real)
            for alpha in shares:
                first, second = (on_real[m, alpha][measure, OVERALL] for m in (mode, control))
                ratios = measure not in LOWER_IS_BETTER
                row = compare(first, second, confidence, ratios=ratios)
                together = compare(first, second, 1 - (1 - confidence) / len(shares), ratios=ratios)
                kept = ("value", "value_low", "value_high", "reference", "reference_low", "reference_high")
                yield mode, {
                    "control": control, "alpha": alpha, "measure": measure, **{name: row[name] for name in kept},
                    "gap": row["gap"], "ci_low": row["ci_low"], "ci_high": row["ci_high"],
                    "all_low": together["ci_low"], "all_high": together["ci_high"], "n_shares": len(shares),
                    "confidence": confidence, "n_cases": row["n_cases"], "n_patients": row["n_patients"],
                    "n_seeds": row["n_seeds"], "n_seeds_control": row["n_seeds_reference"],
                }  # fmt: skip
