"""A package imports what is asked of it, and a function is not hidden by the module of its name."""

import importlib
import sys

import pytest

LAZY = ("audits", "data", "evaluation", "generators", "metrics", "metrics.functional", "models", "runs")


@pytest.mark.parametrize("name", LAZY)
def test_every_name_that_is_promised_is_there(name):
    package = importlib.import_module(f"synthtrust.{name}")
    assert {*package.__all__} <= {*dir(package)}
    for exported in package.__all__:
        assert getattr(package, exported).__name__ == exported
    with pytest.raises(AttributeError, match=f"module 'synthtrust.{name}' has no attribute 'nothing_of_the_kind'"):
        _ = package.nothing_of_the_kind


@pytest.mark.parametrize("first", ["lazy_probe.curve", "lazy_probe"])
def test_a_module_hides_no_function_whichever_is_imported_first(tmp_path, monkeypatch, first):
    (tmp_path / "lazy_probe").mkdir()
    (tmp_path / "lazy_probe" / "__init__.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "from synthtrust.lazy import import_when_asked\n"
        "if TYPE_CHECKING:\n"
        "    from lazy_probe.curve import curve, curve as line\n"
        "    from lazy_probe.absent import absent\n"
        "import_when_asked(__name__)\n"
    )
    (tmp_path / "lazy_probe" / "curve.py").write_text("def curve():\n    return 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module(first)
    package = sys.modules["lazy_probe"]
    assert ("lazy_probe.curve" in sys.modules) is (first == "lazy_probe.curve")
    assert (package.curve(), package.line()) == (3, 3)
    assert package.curve is package.line
    with pytest.raises(ModuleNotFoundError, match=r"lazy_probe\.absent"):
        _ = package.absent
    for name in ("lazy_probe", "lazy_probe.curve"):
        del sys.modules[name]
