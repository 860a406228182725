"""What is remembered of a volume and has been damaged since is made anew."""

import zipfile

import numpy as np
import pytest

from synthtrust.cases import Splits, find_duplicates, phantom


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Return a split of volumes with a copy, and the folder of what was remembered of them."""
    folder = tmp_path_factory.mktemp("volumes")
    first, second = phantom(folder / "cases", 2, (20, 22, 24), (4.0, 4.0, 4.0), ["flair"]).cases
    splits = Splits((first,), (), (second, first))
    assert [pair.exact for pair in find_duplicates(splits, folder / "kept")] == [True]
    return splits, folder / "kept"


def cut(file):
    file.write_bytes(file.read_bytes()[:40])


def without_a_head(file):
    """Put bytes that are no array, with their right checksum, in the place of one."""
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("content.npy", "fine.npy"):
            archive.writestr(name, b"no array")


def of_another_grid(file):
    np.savez(file, content=np.zeros(32, np.uint8), fine=np.zeros((2, 2, 2), np.float32))


@pytest.mark.parametrize("damage", [cut, without_a_head, of_another_grid])
def test_a_damaged_fingerprint_is_made_anew(compared, damage):
    splits, kept = compared
    files = sorted(kept.glob("look-*.npz"))
    whole = [file.read_bytes() for file in files]
    for file in files:
        damage(file)
    assert [pair.exact for pair in find_duplicates(splits, kept)] == [True]
    for file, content in zip(files, whole):
        with np.load(file) as again:
            assert again["fine"].ndim == 3
        file.write_bytes(content)


def test_a_whole_fingerprint_is_not_made_again(compared, monkeypatch):
    splits, kept = compared
    monkeypatch.setattr("synthtrust.cases.checks.duplicates._brightness", lambda _: pytest.fail("read again"))
    assert [pair.exact for pair in find_duplicates(splits, kept)] == [True]
