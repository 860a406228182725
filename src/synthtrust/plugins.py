"""Lets every installed plugin bring its own conf: an entry point in group ``synthtrust.conf`` names the package."""

from importlib.metadata import entry_points
from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

GROUP = "synthtrust.conf"


class PluginConf(SearchPathPlugin):
    """Appends the conf package behind each entry point to Hydra's search path."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Called by Hydra before it composes."""
        for plugin in entry_points(group=GROUP):
            search_path.append(provider=plugin.name, path=f"pkg://{plugin.value}")


def find_plugins() -> None:
    """Call before ``hydra.main`` or ``hydra.compose``."""
    Plugins.instance().register(PluginConf)


def conf_dir() -> str:
    """Return the folder of the project's own conf: the checkout's, or the copy inside an installed wheel."""
    here = Path(__file__).resolve().parent
    for folder in (here.parents[1] / "conf", here / "conf"):
        if (folder / "train.yaml").is_file():
            return str(folder)
    raise FileNotFoundError(f"Expected conf/train.yaml beside the package at {here}, but there is none. Reinstall it.")
