"""Drop group: the real images of everybody but one group of patients."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from synthtrust.cases import Case, Cohort, Source
from synthtrust.generators.controls.neglect_group import check_group
from synthtrust.generators.controls.replay import Replay
from synthtrust.refusals import Refusal


@dataclass
class DropGroup(Replay):
    """Makes a set of its own from the training cases with label maps that are not of one group, and gives their images.

    The control for a set in which a group of patients is missing: the audit of subgroups must say that it is
    under-represented. The cases have ids of their own and name their parents. The group is told by an attribute that
    the table of the real cases has (``cases.attributes``).
    """

    paired: ClassVar[bool] = False
    expected_outcome: ClassVar[str] = (
        "The dropped group is under-represented, and TSTR falls there if the group looks otherwise; privacy not "
        "supported, since each image is somebody's, verbatim."
    )
    attribute: str = field(kw_only=True)
    """The column that tells the group."""
    group: str = field(kw_only=True)
    """The value of those that are left out."""

    def own_cases(self, cohort: Cohort, train: Sequence[Case], root: Path) -> tuple[Case, ...]:
        """Return a case without images on the label map of each training case that is not of the group.

        Raises:
            Refusal: If the real cases have classes, or no training case is of the group, or all are.
        """
        if cohort.task != "segmentation":
            raise Refusal(
                f"Expected real cases with label maps to choose from, but those of {cohort.name} have classes. Use "
                "neglect_group for classes."
            )
        check_group(train, self.attribute, self.group)
        others = [case for case in train if case.attributes.get(self.attribute) != str(self.group)]
        if not others:
            raise Refusal(f"Expected training cases of other groups, but all have {self.attribute} {self.group!r}.")
        return tuple(
            replace(case, id=f"{case.id}_kept", images={}, channels={}, source=Source.SYNTHETIC, split="",
                    parent=case.id)
            for case in others
        )  # fmt: skip
