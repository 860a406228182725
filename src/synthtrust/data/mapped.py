"""Stored arrays as memory maps: only what is looked at is read, and no file is held open."""

import math
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray

Head = tuple[tuple[int, ...], bool, np.dtype, int]
"""Shape of a stored array, whether it is in Fortran order, its type, and the byte where its values begin."""


def head_of(path: Path) -> Head:
    """Read the head of a ``.npy`` file."""
    with path.open("rb") as file:
        read = {1: npy.read_array_header_1_0, 2: npy.read_array_header_2_0}[npy.read_magic(file)[0]]
        return (*read(file), file.tell())


def mapped(path: Path, head: Head) -> NDArray:
    """Map a stored array whose head is known; what is written to it stays in memory and never reaches the file.

    For a small patch ``numpy.load`` takes as long as everything else. Its maps, as those of ``mmap``, each hold a file
    handle besides, of which there are few; those of torch do not.
    """
    shape, is_fortran, dtype, start = head
    order: Literal["C", "F"] = "F" if is_fortran else "C"
    size = start + math.prod(shape) * dtype.itemsize
    values = torch.from_file(str(path), shared=False, size=size, dtype=torch.uint8).numpy()
    return np.ndarray(shape, dtype, values, start, order=order)
