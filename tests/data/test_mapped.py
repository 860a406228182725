"""A stored array comes back as it was, in either order and of either version, and no file stays open."""

from pathlib import Path

import numpy as np
import pytest
from numpy.lib import format as npy

from synthtrust.data.mapped import head_of, mapped


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize(
    ("dtype", "shape"), [(np.float16, (2, 5, 7, 3)), (np.uint8, (1, 1, 1)), (np.uint8, (40, 300, 9))]
)
def test_an_array_is_mapped_as_it_was_stored(tmp_path, order, version, dtype, shape):
    array = np.asarray(np.random.default_rng(0).integers(0, 99, shape), dtype, order=order)
    with (path := tmp_path / "array.npy").open("wb") as file:
        npy.write_array(file, array, version)
    path.chmod(0o444)  # the cache of another user
    read = mapped(path, head_of(path))
    np.testing.assert_array_equal(read, array)
    assert (read.dtype, read.flags.c_contiguous, read.flags.f_contiguous) == (
        array.dtype,
        array.flags.c_contiguous,
        array.flags.f_contiguous,
    )
    read[:] = 0
    np.testing.assert_array_equal(np.load(path), array)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not list open files")
def test_arrays_that_stay_mapped_hold_no_file_open(tmp_path):
    np.save(path := tmp_path / "array.npy", np.arange(1000))
    head, handles = head_of(path), Path("/proc/self/fd")
    before = len(list(handles.iterdir()))
    arrays = [mapped(path, head) for _ in range(50)]
    assert len(list(handles.iterdir())) <= before + 1
    assert {int(array.sum()) for array in arrays} == {499500}
