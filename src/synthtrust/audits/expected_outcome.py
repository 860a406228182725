"""What a control generator has to show in the audits, as its own class says."""

import importlib

from synthtrust.generators import controls

GENERATORS = "synthtrust.generators"


def expected_outcome(target: str) -> str:
    """Return what every audit has to find in twins of a control generator, such as ``Replay``.

    Nothing comes back for other generators, for those that inherit it from a control, and for those that are not
    installed on this machine.

    Args:
        target: The class as a run's config names it, such as ``synthtrust.generators.Replay``.

    >>> expected_outcome("synthtrust.generators.Replay").split(",")[0]
    'TSTR equal to TRTR up to seeds'
    >>> expected_outcome("somewhere.else.Painter")
    ''
    """
    module, _, name = target.rpartition(".")
    if module == GENERATORS and name not in controls.__all__:
        return ""  # without importing it, and with some of them PyTorch
    try:
        generator = getattr(importlib.import_module(module), name, None) if module else None
    except ImportError:
        return ""
    return str(vars(generator).get("expected_outcome", "")) if isinstance(generator, type) else ""
