"""Patients as numbers, so that sums over the items of each patient are one call of ``np.bincount``."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from synthtrust.refusals import Refusal


def patient_numbers(patients: Sequence[Hashable] | None, n: int) -> NDArray[np.int64]:
    """Return the patient of each of n items as a number from 0 on, in the order of their first items.

    Args:
        patients: The patient of each item; None if each item is a patient.
        n: Number of items.

    Raises:
        Refusal: If there is not a patient for each item.

    >>> patient_numbers(["b", "a", "b"], 3).tolist(), patient_numbers(None, 3).tolist()
    ([0, 1, 0], [0, 1, 2])
    """
    if patients is None:
        return np.arange(n)
    if len(patients) != n:
        raise Refusal(f"Expected the patient of each of {n} items, but got {len(patients)}.")
    number = {patient: i for i, patient in enumerate(dict.fromkeys(patients))}
    return np.array([number[patient] for patient in patients], dtype=np.int64)
