"""One training on real cases alone serves every generator beside it, since it does not depend on who painted."""

import pandas as pd

from synthtrust.cases import Mix


def share_trtr(scores: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Lend each generator without runs at alpha 1 those of another generator, as scored on real test cases.

    Args:
        scores: Those of all runs, with the columns generator, mode, alpha and source. Recipe, real cases and test cases
            have to be the same in all of them, see `synthtrust.audits.scores.gather_scores`.

    Returns:
        The scores with the rows that are lent, and for each generator that borrows the name of the one that lends: the
        first that has such runs. Nobody lends where nobody has them, and nothing is lent to generators without TSTR.

    >>> rows = [("Tissue", "complement", 1.0, "real", 0.9), ("Noise", "complement", 0.0, "real", 0.1)]
    >>> scores, lenders = share_trtr(pd.DataFrame(rows, columns=["generator", "mode", "alpha", "source", "dice"]))
    >>> scores.loc[scores["generator"] == "Noise", "dice"].tolist(), lenders
    ([0.1, 0.9], {'Noise': 'Tissue'})
    """
    trtr = scores[(scores["alpha"] == 1.0) & (scores["mode"] == "complement") & (scores["source"] == "real")]
    if trtr.empty:
        return scores, {}
    lender = trtr["generator"].iloc[0]
    arms = scores[["generator", "mode", "alpha"]].drop_duplicates().itertuples(index=False, name=None)
    with_tstr = {generator for generator, mode, alpha in arms if Mix(alpha, mode).is_tstr}
    borrowers = sorted(with_tstr - set(trtr["generator"]))
    lent = [trtr[trtr["generator"] == lender].assign(generator=name) for name in borrowers]
    return pd.concat([scores, *lent], ignore_index=True), dict.fromkeys(borrowers, str(lender))
