"""How much TSTR less TRTR differs between two kinds of patients who were scored with the same networks."""

import numpy as np
from numpy.typing import NDArray

from synthtrust.audits.utility.estimate import Estimate
from synthtrust.metrics.functional.alpha_study import needing_seeds
from synthtrust.metrics.functional.factor_intervals import FactorInterval, jackknife_interval

Arms = tuple[Estimate, Estimate]
"""TSTR and TRTR of the same patients."""


def gap_difference(here: Arms, there: Arms, confidence: float) -> FactorInterval:
    """Return the gap of the patients ``there`` less the gap of those ``here``, with its interval.

    Patients of the two kinds are independent. Networks are the same, so that what a training seed does to both cancels:
    the variance over seeds is that of each arm's difference. With one seed there is no interval.

    Args:
        here: TSTR and TRTR of some patients.
        there: TSTR and TRTR of others, by the same runs in the same order.
        confidence: Coverage of the interval.
    """
    gaps = [float(tstr.values.mean() - trtr.values.mean()) for tstr, trtr in (here, there)]
    difference = gaps[1] - gaps[0]
    without = np.concatenate([difference - _influence(*here), difference + _influence(*there)])
    by_seed = [there[0].values - here[0].values, here[1].values - there[1].values]
    n_cases = here[0].n_cases + there[0].n_cases
    return needing_seeds(jackknife_interval(difference, without, by_seed, n_cases, level=confidence))


def _influence(tstr: Estimate, trtr: Estimate) -> NDArray[np.float64]:
    """Return by how much the gap rises when each patient with a score is left out, ``(P,)``."""
    added = np.nanmean(tstr.patients, axis=0) - np.nanmean(trtr.patients, axis=0)
    added = added[np.isfinite(added)]
    influence: NDArray[np.float64] = (added.mean() - added) / (len(added) - 1)
    return influence
