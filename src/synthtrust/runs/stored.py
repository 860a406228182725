"""The names that a stored config may hold: a run folder from somebody else is data, and must not make us run code.

Hydra calls whatever a ``_target_`` names. Users may name anything on their own command line. From a stored config only
the targets on a closed list are called: readers, splits, generators and models of this project, networks and losses of
MONAI and PyTorch, and the contents of installed plugins.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from inspect import isclass, isfunction
from pathlib import Path
from typing import Any, get_type_hints

from hydra.utils import get_class, get_object
from omegaconf import DictConfig, OmegaConf

from synthtrust.cases import CaseError, Cohort, split
from synthtrust.plugins import plugin_packages

log = logging.getLogger(__name__)

TARGET = "_target_"
HARMLESS = ("_partial_", "_convert_")
"""Other keywords of Hydra that a stored config may hold; this project never writes ``_args_`` or ``_recursive_``."""

FETCHES_CODE = "monai.losses.perceptual"
"""A module whose losses download code from a hub, or load it from a folder that stands in for the hub."""


@dataclass(frozen=True)
class Kind:
    """The kind of object that one key of a config may name."""

    words: str
    """The kind in words, for the message of a refusal."""
    packages: tuple[str, ...]
    """Packages that must define the object; an object that they only import does not count."""
    fits: Callable[[Any], bool]
    """Return whether an object is of this kind."""


MODULE, SCHEDULER = "torch.nn.Module", "torch.optim.lr_scheduler.LRScheduler"


def _returns(kind: type | str) -> Callable[[Any], bool]:
    """Return a test for module-level functions whose return annotation is a given class, or one by name."""

    def fits(named: Any) -> bool:
        if not isfunction(named) or "." in named.__qualname__:
            return False
        returned = get_type_hints(named).get("return")
        return isclass(returned) and issubclass(returned, get_class(kind) if isinstance(kind, str) else kind)

    return fits


def _is_a(*names: str) -> Callable[[Any], bool]:
    """Return a test for subclasses of classes by name, which are imported when it is first made."""
    return lambda named: isclass(named) and issubclass(named, tuple(get_class(name) for name in names))


def _is_network(named: Any) -> bool:
    return _is_a(MODULE)(named) or _returns(MODULE)(named)


def _is_loss(named: Any) -> bool:
    return _is_a(MODULE)(named) and named.__module__ != FETCHES_CODE


LIBRARY = Kind("a class of lightning or synthtrust", ("lightning", "synthtrust"), isclass)
GENERATORS = _is_a("synthtrust.generators.Generator", "synthtrust.generators.importer.Importer")
GENERATOR = Kind("a generator of synthtrust", ("synthtrust.generators",), GENERATORS)

KINDS: Mapping[str, Kind] = {
    "cases": Kind("a reader of synthtrust.cases", ("synthtrust.cases",), _returns(Cohort)),
    "split": Kind("synthtrust.cases.split", ("synthtrust.cases",), lambda named: named is split),
    **dict.fromkeys(("generator", "generator.painter"), GENERATOR),
    "data": Kind("a datamodule of synthtrust.data", ("synthtrust.data",), _is_a("synthtrust.data.MixedCases")),
    "data.augment": Kind("a transform of MONAI or synthtrust", ("monai.transforms", "synthtrust.data"), isclass),
    "model": Kind("a model of synthtrust.models", ("synthtrust.models",), _is_a("lightning.LightningModule")),
    "model.net": Kind("a network of MONAI or PyTorch", ("monai.networks", "torch.nn"), _is_network),
    "model.loss": Kind("a loss of MONAI or PyTorch", ("monai.losses", "torch.nn"), _is_loss),
    "model.optimizer": Kind("an optimizer", ("torch.optim", "monai.optimizers"), _is_a("torch.optim.Optimizer")),
    "model.scheduler": Kind("a learning-rate schedule", ("torch.optim", "monai.optimizers"), _is_a(SCHEDULER)),
    "model.inferer": Kind("an inferer of MONAI", ("monai.inferers",), _is_a("monai.inferers.inferer.Inferer")),
    "trainer": Kind("lightning.Trainer", ("lightning",), _is_a("lightning.Trainer")),
    **dict.fromkeys(("trainer.*", "callbacks.*", "logger.*"), LIBRARY),
}
"""Key of a config -> the kind of object that it may name; keys that are not listed may name nothing."""


def check_stored(
    config: DictConfig, file: Path, own: Collection[str] = (), called: Collection[str] | None = None
) -> None:
    """Refuse a stored config with a target that is not on the closed list.

    Args:
        config: The config as it was read.
        file: The file that it was read from, for the message.
        own: Further targets that are allowed, since the user's own config names them as well.
        called: Nodes that are about to be made, such as ``cases``; None for any. Targets of other nodes are looked at
            by name alone, since telling what they are takes importing them, and a page needs no networks.

    Raises:
        CaseError: If there is such a target, an interpolation, or another keyword of Hydra. Nothing was called.
    """
    plugins = tuple(sorted(plugin_packages()))
    for key, node in _nodes(OmegaConf.to_container(config)):
        if isinstance(node, str) and "${" in node:
            raise _refusal(key, file, "a plain value", node)
        if isinstance(node, dict) and node.get(TARGET) not in own:
            imported = called is None or key.replace("[", ".").partition(".")[0] in called
            _check_node(key, node, file, plugins, imported=imported)


def targets_of(config: DictConfig) -> frozenset[str]:
    """Return every target that a config names."""
    nodes = _nodes(OmegaConf.to_container(config))
    return frozenset(str(node[TARGET]) for _, node in nodes if isinstance(node, dict) and TARGET in node)


def _check_node(key: str, node: Mapping[Any, Any], file: Path, plugins: tuple[str, ...], *, imported: bool) -> None:
    if words := [name for name in node if _is_hydras(name) and name not in (TARGET, *HARMLESS)]:
        raise _refusal(f"{key}.{words[0]}".lstrip("."), file, "nothing", node[words[0]])
    if TARGET not in node:
        return
    kind, target, full_key = _kind_at(key), node[TARGET], f"{key}.{TARGET}".lstrip(".")
    if kind is None:
        raise _refusal(full_key, file, "nothing", target)
    if not isinstance(target, str) or not (
        _fits(target, kind.packages, kind.fits) or _fits(target, plugins, callable)
        if imported
        else _within(target, (*kind.packages, *plugins)) and not _is_private(target)
    ):
        raise _refusal(full_key, file, kind.words, target)


def _fits(target: str, packages: tuple[str, ...], fits: Callable[[Any], bool]) -> bool:
    """Return whether a target is defined in one of the packages and fits; no other package is imported."""
    if not _within(target, packages) or _is_private(target):
        return False
    try:
        named = get_object(target)
    except Exception as error:  # a module may fail in any way when it is imported
        log.debug("%s cannot be imported:", target, exc_info=error)  # the refusal follows
        return False
    return _within(str(getattr(named, "__module__", "")), packages) and fits(named)


def _is_private(target: str) -> bool:
    """Return whether a part of a dotted name is private; such functions ask nothing of what they are given."""
    return any(part.startswith("_") for part in target.split("."))


def _within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _kind_at(key: str) -> Kind | None:
    """Return the kind that a key may name; the keys within an object have the kind of that object."""
    top, *path = key.replace("[", ".").split(".")
    inner = path[0] if path else ""
    return KINDS.get(f"{top}.{inner}", KINDS.get(f"{top}.*")) if inner else KINDS.get(top)


def _nodes(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every part of a plain config with its key."""
    yield key, node
    if isinstance(node, dict):
        for name, value in node.items():
            yield str(name), name
            yield from _nodes(value, f"{key}.{name}" if key else str(name))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _nodes(value, f"{key}[{number}]")


def _is_hydras(name: Any) -> bool:
    return isinstance(name, str) and len(name) > 2 and name.startswith("_") and name.endswith("_")


def _refusal(key: str, file: Path, wanted: str, got: Any) -> CaseError:
    return CaseError(
        f"Expected {wanted} at {key} in {file}, but got {str(got)[:80]!r}, which was not called. Say trusted=true to "
        "evaluate.py if you trust whoever made this folder."
    )
