"""What no user can act on is not shown, and real warnings are."""

import logging
import warnings

import pytest

from synthtrust.quiet import ANNOUNCERS, quiet_libraries


@pytest.fixture
def quietened():
    levels = {name: logging.getLogger(name).level for name in ANNOUNCERS}
    with warnings.catch_warnings(record=True) as shown:
        warnings.resetwarnings()
        quiet_libraries()
        yield shown
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_deprecations_and_what_is_well_are_left_out(quietened):
    warnings.warn("`isinstance(treespec, LeafSpec)` is deprecated", FutureWarning, stacklevel=1)
    warnings.warn("use the new name", DeprecationWarning, stacklevel=1)
    warnings.warn("The 'train_dataloader' does not have many workers which may be a bottleneck.", stacklevel=1)
    assert quietened == []


def test_real_warnings_are_shown(quietened, caplog):
    warnings.warn("The loss is NaN.", stacklevel=1)
    logging.getLogger("lightning.pytorch.utilities.rank_zero").info("Tip: try another product")
    logging.getLogger("lightning.pytorch").warning("A rank is missing.")
    assert [str(warning.message) for warning in quietened] == ["The loss is NaN."]
    assert "another product" not in caplog.text
    assert "A rank is missing." in caplog.text
