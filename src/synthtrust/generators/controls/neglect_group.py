"""Neglect group: the real image, in which one group of patients alone has lost its detail."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case
from synthtrust.generators.case_facts import CaseFacts
from synthtrust.generators.controls.blur import blurred
from synthtrust.generators.controls.replay import Replay
from synthtrust.refusals import Refusal


@dataclass
class NeglectGroup(Replay):
    """Gives every case its real image, but blurs those of one group, such as the patients of one scanner.

    The control for a set that serves one group of patients worse than another: the audit of subgroups must see it. The
    group is told by an attribute that the table of the real cases has (``cases.attributes``).
    """

    expected_outcome: ClassVar[str] = (
        "TSTR below TRTR in the neglected group and equal elsewhere, and a larger KID there: the audit of subgroups "
        "shows that groups do not lose alike; privacy not supported, since most images are copies."
    )
    attribute: str = field(kw_only=True)
    """The column that tells the group."""
    group: str = field(kw_only=True)
    """The value of those that are painted badly."""
    sigma: float = 3.0
    """Standard deviation of the Gaussian [voxels]."""

    def __post_init__(self) -> None:
        if self.sigma < 0:
            raise Refusal(f"Expected sigma of at least 0 voxels, but got {self.sigma}.")

    def fit(self, cases: Sequence[Case]) -> Self:
        """Remember which case each label map belongs to, or which cases each class has.

        Raises:
            Refusal: If there are no cases, or none of them is of the group.
        """
        check_group(cases, self.attribute, self.group)
        super().fit(cases)
        return self

    def sample_cases(
        self, cases: Sequence[CaseFacts], rngs: Sequence[np.random.Generator]
    ) -> list[dict[str, NDArray[np.floating]]]:
        """Give the images of each label back, those of the group blurred."""
        painted = self.sample_many([case.label for case in cases], rngs)
        return [
            {name: blurred(image, self.sigma) for name, image in images.items()}
            if case.attributes.get(self.attribute) == str(self.group)
            else images
            for case, images in zip(cases, painted, strict=True)
        ]


def check_group(cases: Sequence[Case], attribute: str, group: str) -> None:
    """Check that some cases are of a group.

    Raises:
        Refusal: If none is.
    """
    values = sorted({case.attributes[attribute] for case in cases if attribute in case.attributes})
    if str(group) not in values:
        actual = f"the values {values[:8]}" if values else "no such attribute"
        raise Refusal(
            f"Expected training cases with {attribute} {group!r}, but they have {actual}. Read the column of a table "
            f"with cases.attributes=[{attribute}], or change generator.group."
        )
