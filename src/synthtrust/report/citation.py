"""How to cite a study of this page: the software with its version, and the paper of the trust factors."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True)
class Reference:
    """One work to be cited."""

    authors: str
    title: str
    kind: str
    """Such as "Software" or "Position paper"."""
    ending: str = "."
    """What ends the title, if it does not end itself."""

    def __str__(self) -> str:
        """Write it as a list of references has it."""
        return f"{self.authors}. {self.title}{self.ending} {self.kind}."


SOFTWARE = "synthtrust: can this synthetic medical image set be trusted?"
PAPER = Reference("Babu et al", "Building Trust in Synthetic Data for Clinical AI", "Position paper")


def references() -> list[Reference]:
    """Return what a study cites: this software in its installed version, and the source of the trust factors.

    >>> [reference.kind.partition(",")[0] for reference in references()]
    ['Software', 'Position paper']
    """
    try:
        release = version("synthtrust")
    except PackageNotFoundError:  # run from its sources
        release = "of unknown version"
    return [Reference("The synthtrust developers", SOFTWARE, f"Software, version {release}", ending=""), PAPER]
