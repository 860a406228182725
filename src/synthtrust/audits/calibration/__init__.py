"""Calibration: what the privacy audit finds of copies that were planted, and how often it accuses where none was."""

from synthtrust.audits.calibration.cases import Calibration
from synthtrust.audits.calibration.twins import TwinCalibration

__all__ = ["Calibration", "TwinCalibration"]
