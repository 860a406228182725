"""The images that a program wrote for a case: all there, whole, and on the grid that was asked for."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case, CaseError
from synthtrust.cases.grid import check_grid

LISTED = 6  # files in a message


def read_outputs(
    case_id: str, out: Path, pattern: str, modalities: Sequence[str], channels: Mapping[str, int], label: Path | None
) -> dict[str, NDArray[np.floating]]:
    """Read the images of a case.

    Args:
        case_id: The case.
        out: The folder that the program was given for this case alone.
        pattern: Path of an image below it, with ``{modality}`` and ``{case}``.
        modalities: The modalities to be read.
        channels: Modality -> channel, where one file holds all.
        label: The label map that the program was given, whose grid the images must have; None for a class.

    Returns:
        Modality -> image, in canonical orientation.

    Raises:
        CaseError: If a file is missing, cut short, no image, or on another grid, or holds values that are not finite.
    """
    files = {name: out / pattern.replace("{modality}", name).replace("{case}", case_id) for name in modalities}
    if missing := [path for path in files.values() if not path.is_file()]:
        written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
        others = f"only {', '.join(written[:LISTED])}" if written else "nothing"
        raise CaseError(
            f"Expected {missing[0].relative_to(out)} in {out}, but the program wrote {others}. Write what is expected "
            "into {out}, or give the names of its files in generator.images."
        )
    if label is None:
        case = Case(case_id, files, class_index=0, channels=channels)
    else:
        case = Case(case_id, files, label)
        check_grid(case)
    return {name: case.load_image(name) for name in modalities}
