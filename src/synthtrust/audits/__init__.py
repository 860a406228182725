"""Runs in, tables out: each audit asks one question of all runs together."""

from typing import TYPE_CHECKING

from synthtrust.lazy import import_when_asked

if TYPE_CHECKING:
    from synthtrust.audits.amounts import Amounts
    from synthtrust.audits.calibration import Calibration, TwinCalibration
    from synthtrust.audits.fidelity import Fidelity
    from synthtrust.audits.onset import Onset
    from synthtrust.audits.pictures import twin_slices
    from synthtrust.audits.privacy import Privacy
    from synthtrust.audits.shortcuts import Shortcuts
    from synthtrust.audits.size import Size
    from synthtrust.audits.subgroups import Subgroups
    from synthtrust.audits.trust import Trust
    from synthtrust.audits.utility import Utility

import_when_asked(__name__)

__all__ = [
    "Amounts",
    "Calibration",
    "Fidelity",
    "Onset",
    "Privacy",
    "Shortcuts",
    "Size",
    "Subgroups",
    "Trust",
    "TwinCalibration",
    "Utility",
    "twin_slices",
]
