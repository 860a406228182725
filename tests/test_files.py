"""Files are whole or not there."""

import errno
import hashlib
import json
import os

import pytest

from synthtrust.files import (
    DAY,
    RememberedFiles,
    aside,
    fingerprint,
    folder_aside,
    remove_leftovers,
    sha256_of,
    write_json,
    write_text,
)


def _die_while_writing(target):
    with aside(target) as temporary:
        temporary.write_text("half of")
        raise RuntimeError("killed")


def test_nothing_is_left_when_the_block_fails(tmp_path):
    with pytest.raises(RuntimeError, match="killed"):
        _die_while_writing(tmp_path / "scores.csv")
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_stays_when_the_block_fails(tmp_path):
    target = tmp_path / "scores.csv"
    target.write_text("before")
    with pytest.raises(RuntimeError, match="killed"):
        _die_while_writing(target)
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_what_was_there_is_replaced_when_the_block_ends(tmp_path):
    target = tmp_path / "scores.csv"
    target.write_text("before")
    with aside(target) as temporary:
        temporary.write_text("after")
        assert target.read_text() == "before"
    assert target.read_text() == "after"
    assert list(tmp_path.iterdir()) == [target]


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), aside(tmp_path / "scores.csv"):
        pass


def test_the_temporary_name_keeps_the_suffixes_and_the_folder(tmp_path):
    with aside(tmp_path / "new" / "image.nii.gz") as temporary:
        assert temporary.parent == tmp_path / "new"
        assert temporary.suffixes[-2:] == [".nii", ".gz"]
        assert temporary.name.startswith(".")  # hidden from readers that search by name
        temporary.touch()


def test_text_is_written_as_it_is(tmp_path):
    write_text(tmp_path / "note.txt", "α = ½\n")
    assert (tmp_path / "note.txt").read_bytes() == "α = ½\n".encode()


def test_json_refuses_nan_and_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "facts.json", {"dice": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_json_is_read_back(tmp_path):
    write_json(tmp_path / "facts.json", {"dice": 0.5, "ids": ["a"]})
    assert json.loads((tmp_path / "facts.json").read_text()) == {"dice": 0.5, "ids": ["a"]}


def test_sha256_is_that_of_the_bytes(tmp_path):
    (tmp_path / "file").write_bytes(b"bytes")
    assert sha256_of(tmp_path / "file") == hashlib.sha256(b"bytes").hexdigest()


def test_a_fingerprint_is_of_the_facts_and_not_of_their_order():
    assert fingerprint({"a": 1, "b": [2, 3]}) == fingerprint({"b": [2, 3], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
    assert fingerprint([1, 2]) != fingerprint([2, 1])
    assert len(fingerprint({})) == 12


def _cut_short(target):
    """Write a folder as a process does that is killed in the middle: nothing is tidied up."""
    block = folder_aside(target)
    block.__enter__().joinpath("half").touch()
    return block  # it would tidy up when it is forgotten


def test_what_a_killed_process_left_is_in_nobodys_way_whatever_its_number(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: 1)  # in a container
    killed = [_cut_short(tmp_path / "set") for _ in range(2)]
    with folder_aside(tmp_path / "set") as temporary:
        temporary.joinpath("whole").touch()
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["whole"]
    assert len(list(tmp_path.iterdir())) == 1 + len(killed)
    remove_leftovers(tmp_path, "set", older_than=DAY)
    assert len(list(tmp_path.iterdir())) == 1 + len(killed)
    remove_leftovers(tmp_path, "set")
    assert list(tmp_path.iterdir()) == [tmp_path / "set"]


def test_bytes_are_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    before = []
    monkeypatch.setattr(
        os, "fsync", lambda number: before.append(sorted(path.name[-4:] for path in tmp_path.iterdir()))
    )
    write_text(tmp_path / "a.txt", "whole")
    with folder_aside(tmp_path / "set") as temporary:
        (temporary / "deep").mkdir()
        (temporary / "deep" / "file").touch()
    assert len(before) == 2
    assert not {"a.txt", "set"} & {name for names in before[:1] for name in names}


def test_an_error_without_a_name_gets_that_of_the_file(tmp_path):
    for error in (OSError(errno.ENOSPC, "No space left on device"), OSError("1000 requested and 131 written")):
        with pytest.raises(OSError, match=r"No space left on device: '.*/a.npy'"), aside(tmp_path / "a.npy"):
            raise error
    with pytest.raises(OSError, match=r"^something else$"), aside(tmp_path / "a.npy"):
        raise OSError("something else")


def test_a_file_of_two_writers_is_that_of_the_last(tmp_path):
    with aside(tmp_path / "note.txt") as first, aside(tmp_path / "note.txt") as second:
        first.write_text("one")
        second.write_text("other")
    assert (tmp_path / "note.txt").read_text() == "one"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"bytes")
    return path


def test_a_file_is_hashed_once_and_again_when_it_changes(file, monkeypatch):
    monkeypatch.setattr("synthtrust.files.SETTLED", -1.0)
    hashed = []
    hashes = RememberedFiles(lambda path: hashed.append(path) or sha256_of(path))
    assert {hashes.of(file), hashes.of(str(file))} == {sha256_of(file)}
    assert len(hashed) == 1
    times = file.stat().st_mtime_ns
    file.write_bytes(b"bites")
    os.utime(file, ns=(times, times))  # of the same length, and as old as before, as a copy may be
    assert hashes.of(file) == sha256_of(file)
    assert len(hashed) == 2


def test_a_file_that_has_just_changed_is_hashed_again(file):
    hashes = RememberedFiles(sha256_of)
    hashes.of(file)
    assert hashes.known([file]) == {}


def test_what_one_process_has_hashed_another_can_learn(file, monkeypatch):
    monkeypatch.setattr("synthtrust.files.SETTLED", -1.0)
    first, second = RememberedFiles(sha256_of), RememberedFiles(lambda path: pytest.fail("hashed again"))
    first.of(file)
    second.learn(first.known([file]))
    assert second.of(file) == hashlib.sha256(b"bytes").hexdigest()
