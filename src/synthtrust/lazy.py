"""Packages whose contents are imported when they are asked for, so that a page is drawn without importing PyTorch."""

import ast
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any


class LazyPackage(ModuleType):
    """A package that imports an exported object from its module when it is first asked for."""

    _modules: dict[str, tuple[str, str]]
    """Exported name -> the module that defines it, and its name there."""

    def __getattr__(self, name: str) -> Any:
        """Import an exported object and keep it.

        Raises:
            AttributeError: If the package exports no such name.
        """
        if name.startswith("__") or name not in self._modules:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        module, original = self._modules[name]
        exported = getattr(import_module(module), original)
        setattr(self, name, exported)
        return exported

    def __setattr__(self, name: str, value: Any) -> None:
        """Keep a function from being hidden by the module that it stands in where both have one name."""
        if not (isinstance(value, ModuleType) and name in self._modules):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        """Return the names that are here and those that are exported."""
        return sorted({*super().__dir__(), *self._modules})


def import_when_asked(package: str) -> None:
    """Make a package that is being imported a lazy one.

    What it exports is what its file imports for type checkers, under ``if TYPE_CHECKING:``, so that every name stands
    once and tools that only read see plain imports.

    Args:
        package: Its ``__name__``.
    """
    module = sys.modules[package]
    imports = [
        node
        for block in ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")).body
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
    ]
    names = {alias.asname or alias.name: (str(node.module), alias.name) for node in imports for alias in node.names}
    module.__dict__["_modules"] = names
    module.__class__ = LazyPackage
