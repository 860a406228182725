"""What a control generator has to show, in the words of its own class."""

import importlib
import inspect
import re


def must_show(target: str) -> str:
    """Return what a generator's docstring promises after "Must show:", or nothing.

    Controls say there what every audit has to find (``Replay``: utility without privacy). Nothing comes back for other
    generators, and for those that are not installed here.

    Args:
        target: The class as a run's config names it, such as ``synthtrust.generators.Replay``.

    >>> must_show("synthtrust.generators.Replay").split(",")[0]
    'TSTR equal to TRTR up to seeds'
    >>> must_show("somewhere.else.Painter")
    ''
    """
    module, _, name = target.rpartition(".")
    try:
        painter = getattr(importlib.import_module(module), name, None) if module else None
    except ImportError:
        return ""
    found = re.search(r"Must show:\s*(.*?)(\n\s*\n|$)", inspect.getdoc(painter) or "", re.DOTALL) if painter else None
    return " ".join(found[1].split()) if found else ""
