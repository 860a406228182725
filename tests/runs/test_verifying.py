"""With ``cases.verify`` files are hashed anew, those of cases and of twins; else size and times are trusted."""

import shutil

import pytest

from synthtrust.cases import CaseError
from synthtrust.cases.checks.inspection import HASHES, Ledger
from synthtrust.files import RememberedFiles
from synthtrust.runs import build_data
from synthtrust.runs.build import chosen_cases, kept_in


@pytest.fixture
def folder(shared, tmp_path):
    """Return a copy of the cases, in which a test may spoil files."""
    shutil.copytree(shared / "real", tmp_path / "spoilt" / "real")
    return tmp_path / "spoilt"


def test_what_was_remembered_of_files_is_forgotten(configure):
    cfg = configure()
    cohort, ledger = chosen_cases(cfg), Ledger(kept_in(cfg) / HASHES)
    ledger.file.parent.mkdir(parents=True)
    ledger.add({RememberedFiles._stamp(next(iter(cohort.cases[0].files.values())))[0]: "a wrong hash"})
    chosen_cases(cfg)
    assert ledger.entries()
    chosen_cases(configure("cases.verify=true"))
    assert not ledger.entries()


def test_a_twin_that_is_not_as_it_was_painted_is_refused(configure):
    paint = ("generator=replay", "duplicates=allow")
    twin = next(iter(build_data(configure(*paint)).parts["train"][1])).images["flair"]
    content = bytearray(twin.read_bytes())
    content[4] ^= 1  # the time in the head of a gzip file: what is read stays the same
    twin.write_bytes(content)
    build_data(configure(*paint))
    with pytest.raises(CaseError, match=r"as it was written, but its sha256 differs"):
        build_data(configure(*paint, "cases.verify=true"))
