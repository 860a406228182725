"""Bundle: paints with a bundle of MONAI, such as those of its model zoo, by the bundle's own inference config."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from synthtrust.cases import Case
from synthtrust.generators.command.generator import Command
from synthtrust.refusals import Refusal

PROGRAM = """
import sys
from monai.bundle import run

root, config, *arguments = sys.argv[1:]
run(bundle_root=root, config_file=config, **dict(argument.split("=", 1) for argument in arguments))
"""
"""What ``python -m monai.bundle run`` does, without the package that its command line needs."""

ARGUMENTS = {"label": "{label}", "out": "{out}", "seed": "{seed}"}


@dataclass
class Bundle(Command):
    """Runs the inference config of a bundle once per case, and reads the images that it saves.

    The keys of ``arguments`` are keys of that config, and take the place of what stands there. A bundle reads its
    condition from one of them (by default ``label``) and saves below another (``out``); what its files are called says
    ``images``. The bundle is trained already, and its weights and configs are part of the recipe.
    """

    not_in_recipe: ClassVar[frozenset[str]] = Command.not_in_recipe | {"root", "python", "command"}

    command: str | list[str] = field(init=False, default="")
    """The program and its arguments, which follow from the fields below."""
    shell: bool = field(init=False, default=False)
    """No shell reads it."""
    batch_size: int = field(init=False, default=1)
    """It runs once per case."""
    root: str = ""
    """The folder of the bundle, with ``configs`` and ``models``."""
    config: str = "configs/inference.json"
    """The inference config, below ``root``."""
    python: str = "python"
    """The Python that has MONAI and all that the bundle needs."""
    arguments: dict[str, Any] = field(default_factory=lambda: dict(ARGUMENTS))
    """Key of the config -> its value, in which placeholders of ``Command`` may stand."""

    def __post_init__(self) -> None:
        root = Path(self.root).expanduser()
        values = [f"{name}={value}" for name, value in self.arguments.items()]
        self.command = [self.python, "-c", PROGRAM, str(root.absolute()), str((root / self.config).absolute()), *values]
        own = sorted(path for folder in ("configs", "models") for path in (root / folder).glob("*") if path.is_file())
        self.depends_on = [*(self.depends_on or ()), *map(str, own)]
        super().__post_init__()

    def fit(self, cases: Sequence[Case]) -> Self:
        """See that the bundle is there; nothing is learned here.

        Raises:
            Refusal: If it has no such inference config, or as of `Command`.
        """
        if not (Path(self.root).expanduser() / self.config).is_file():
            raise Refusal(
                f"Expected a bundle with {self.config} at generator.root, but {self.root!r} has none. Give the folder "
                "of the bundle, or its inference config with generator.config."
            )
        return super().fit(cases)
