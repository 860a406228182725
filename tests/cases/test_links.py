"""A link in a set leads out of its folder, or stays within it, whatever the folder itself is."""

import re

import pytest

from synthtrust.cases import CaseError
from synthtrust.cases.links import leads_out, refuse_links_out


@pytest.fixture
def folders(tmp_path):
    """Return a set, and a folder of somebody's own beside it, each with a file."""
    for name in ("set", "own"):
        (tmp_path / name / "case").mkdir(parents=True)
        (tmp_path / name / "case" / "a.nii.gz").write_bytes(b"voxels")
    return tmp_path / "set", tmp_path / "own"


def test_what_stays_in_the_set_may_be_a_link(folders, tmp_path):
    shared, own = folders
    (shared / "b").symlink_to(shared / "case")
    (tmp_path / "mounted").symlink_to(shared)
    assert leads_out(shared / "b" / "a.nii.gz", shared) is None
    assert leads_out(tmp_path / "mounted" / "case" / "a.nii.gz", tmp_path / "mounted") is None
    assert leads_out(own / "case" / "a.nii.gz", shared) is None  # written out by whoever gives a table


def test_what_leads_out_is_named_with_its_target(folders):
    shared, own = folders
    target = own / "case" / "a.nii.gz"
    (shared / "file.nii.gz").symlink_to(target)
    (shared / "folder").symlink_to(own / "case")
    (shared / "chain").symlink_to(shared / "folder")
    (shared / "gone").symlink_to(own / "nothing")
    (shared / "v.mhd").write_text("")
    (shared / "v.raw").symlink_to(target)
    up = shared / ".." / "own" / "case" / "a.nii.gz"
    for path in (shared / "file.nii.gz", shared / "folder" / "a.nii.gz", shared / "chain" / "a.nii.gz", up):
        assert leads_out(path, shared) == target
    assert leads_out(shared / "gone", shared) == own / "nothing"
    for path in (shared / "file.nii.gz", shared / "folder", shared / "v.mhd"):
        with pytest.raises(CaseError, match=rf"leads to {re.escape(str(own))}.* which was not followed\. Copy it\."):
            refuse_links_out([shared / "case" / "a.nii.gz", path], shared, "Copy it.")
