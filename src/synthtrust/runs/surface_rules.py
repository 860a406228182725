"""By which rules the surfaces and lesions of a run are scored: from its config, or as they are asked for later."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from omegaconf import DictConfig

from synthtrust.metrics import SurfaceRules
from synthtrust.refusals import Refusal
from synthtrust.runs.made import plain

Node = DictConfig | Mapping[str, Any] | None


def asked_rules(
    node: Node, spacing: Sequence[float] | None, stored: Mapping[str, Any] | None = None
) -> SurfaceRules | None:
    """Return the rules that a node ``surfaces`` of a config asks for; None if it says ``score: false``.

    Args:
        node: The node; of a run whose config has none the defaults are meant.
        spacing: Sides of a voxel of the training cases [mm]: a tolerance that is not given is the longest of them.
        stored: The rules of a run that was scored before, which hold for what is not given.

    Raises:
        Refusal: If there is no tolerance and no spacing to take it from, or a number is out of its range.

    >>> asked_rules({"tolerance": None, "lesion_dilation": 2.0}, [1.0, 1.0, 3.0])
    SurfaceRules(tolerance=3.0, lesion_dilation=2.0, lesion_min_volume=50.0)
    """
    given = plain(node) if isinstance(node, DictConfig) else dict(node or {})
    if given.get("score", True) is False:
        return None
    names = [field.name for field in fields(SurfaceRules)]
    values = {name: value for name in names if (value := (stored or {}).get(name)) is not None}
    values |= {name: given[name] for name in names if given.get(name) is not None}
    if "tolerance" not in values:
        if not spacing:
            raise Refusal(
                "Expected the voxel size of the training cases, which the tolerance of surfaces is taken from, but the "
                "run does not say it. Add surfaces.tolerance=1.0, or another distance in mm."
            )
        values["tolerance"] = float(max(spacing))
    return SurfaceRules(**values)
