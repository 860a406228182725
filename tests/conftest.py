"""Fixtures that several rooms share."""

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir

from synthtrust.plugins import conf_dir, find_plugins

CONF = Path(conf_dir())
find_plugins()
torch.set_num_threads(2)


@pytest.fixture
def composed():
    """Compose a config as an entry script would: ``composed("train", "alpha=0.2")``."""

    def _compose(name, *overrides):
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return compose(name, overrides=list(overrides))

    return _compose
