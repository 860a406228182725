"""Empty regions: how often they occur, and what the rule for them changes."""

from collections.abc import Iterator, Sequence

import pandas as pd

from synthtrust.audits.scores import Row, with_empty_rule


def empty_rows(scores: pd.DataFrame, alphas: Sequence[float]) -> Iterator[Row]:
    """Yield, for each source, region and alpha of one mode, the counts and the mean Dice under both rules."""
    ruled = {rule: with_empty_rule(scores, rule) for rule in ("brats", "nan")}
    for (source, region), rows in scores.groupby(["source", "region"], sort=False):
        means = {
            rule: table.loc[rows.index].groupby("alpha")["dice"].mean().reindex(list(alphas))
            for rule, table in ruled.items()
        }
        orders = [tuple(mean.rank(na_option="bottom")) for mean in means.values()]
        for alpha, at_alpha in rows.groupby("alpha"):
            no_reference, no_prediction = at_alpha["n_reference"] == 0, at_alpha["n_prediction"] == 0
            yield {
                "alpha": alpha, "source": source, "region": region,
                "n_cases": at_alpha["case"].nunique(), "n_seeds": at_alpha["seed"].nunique(),
                "n_empty_reference": int(at_alpha.loc[no_reference, "case"].nunique()),
                "n_empty_prediction": int(no_prediction.sum()),
                "n_both_empty": int((no_reference & no_prediction).sum()),
                "dice_brats": means["brats"][alpha], "dice_nan": means["nan"][alpha],
                "ranking_flips": orders[0] != orders[1],
            }  # fmt: skip
