"""Lets every installed plugin bring its own conf: an entry point in group ``synthtrust.conf`` names the package."""

import logging
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

from synthtrust.refusals import MissingFileRefusal

log = logging.getLogger(__name__)

GROUP = "synthtrust.conf"


class PluginConf(SearchPathPlugin):
    """Appends the conf package behind each entry point to Hydra's search path.

    A plugin whose conf package cannot be imported is named in a warning and left out; the others are still offered. So
    is an option that another one of its name hides, from here or from a plugin before.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Add the conf of every plugin; Hydra calls it before it composes."""
        taken = dict.fromkeys(_options_in([conf_dir()]), "synthtrust")
        for plugin in entry_points(group=GROUP):
            if problem := _problem_with(plugin.value):
                log.warning(
                    "Plugin %r brings no options: expected a package of configs at %s, but %s. Repair or uninstall it.",
                    plugin.name, plugin.value, problem,
                )  # fmt: skip
            else:
                search_path.append(provider=plugin.name, path=f"pkg://{plugin.value}")
                for option in _options_in(import_module(plugin.value).__path__):
                    if (first := taken.setdefault(option, plugin.name)) != plugin.name:
                        log.warning(
                            "Plugin %r brings %s, which is not used: %r has an option of this name. Rename it.",
                            plugin.name, option, first,
                        )  # fmt: skip


def find_plugins() -> None:
    """Call before ``hydra.main`` or ``hydra.compose``."""
    Plugins.instance().register(PluginConf)


def plugin_packages() -> frozenset[str]:
    """Return the names of the packages that installed plugins are made of."""
    return frozenset(plugin.value.partition(".")[0] for plugin in entry_points(group=GROUP))


def plugin_options(group: str) -> dict[str, Path]:
    """Return the options that installed plugins bring to a group, with their files; plugins with a fault bring none."""
    options: dict[str, Path] = {}
    for plugin in entry_points(group=GROUP):
        if _problem_with(plugin.value) is None:
            for folder in import_module(plugin.value).__path__:
                for file in sorted((Path(folder) / group).glob("[!_]*.yaml")):
                    options.setdefault(file.stem, file)
    return options


def conf_dir() -> str:
    """Return the folder of the project's own conf: the checkout's, or the copy inside an installed wheel."""
    package_folder = Path(__file__).resolve().parent
    for folder in (package_folder.parents[1] / "conf", package_folder / "conf"):
        if (folder / "train.yaml").is_file():
            return str(folder)
    raise MissingFileRefusal(
        f"Expected conf/train.yaml beside the package at {package_folder}, but there is none. Reinstall it."
    )


def _options_in(folders: Iterable[str]) -> list[str]:
    """Return the options of a conf, such as ``generator/tissue``."""
    files = ((Path(folder), path) for folder in folders for path in Path(folder).rglob("*.yaml"))
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for folder, path in files)


def _problem_with(package: str) -> str | None:
    """Return why a conf package cannot be searched, None when it can; Hydra would stop at the first that cannot."""
    try:
        module = import_module(package)
    except (Exception, SystemExit) as error:  # whatever a stranger's code does when it is imported
        return f"importing it fails with {type(error).__name__}: {error}"
    return None if hasattr(module, "__path__") else "it is a single module"
