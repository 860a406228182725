"""Every file that a run has left and reads again is refused by its name when it is damaged, with what to do."""

import random
import re
import shutil
from pathlib import Path

import pytest
import torch

from helpers.tiny_runs import tiny_config
from synthtrust.checkpoints import load_checkpoint
from synthtrust.door import in_one_line
from synthtrust.refusals import Refusal
from synthtrust.runs import find_runs, train_run
from synthtrust.runs.own_files import read_facts, read_table, write_facts
from synthtrust.runs.run import trained_model
from synthtrust.runs.stored_file import PARTS, read_config

READERS = {
    "run.json": read_facts,
    "data.json": read_facts,
    "config.yaml": lambda path: read_config(path, PARTS),
    "scores.csv": lambda path: find_runs(path.parent)[0].scores(),
    "volumes.csv": lambda path: find_runs(path.parent)[0].volumes(),
    "checkpoints/best.ckpt": load_checkpoint,
    "checkpoints/last.ckpt": load_checkpoint,
}
DAMAGES = {
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "other bytes": lambda content: random.Random(0).randbytes(len(content)),
    "zeros": lambda content: bytes(len(content)),
    "a list": lambda content: b"[1, 2]",
    "nothing": lambda content: b"null",
    "a number": lambda content: b"3",
    "no keys": lambda content: b"{}",
}


@pytest.fixture(scope="module")
def run(shared, finished):
    """Return the folder of a finished run, which tests restore."""
    return Path(finished[0].paths.output)


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_named_with_what_to_do(run, name):
    file = run / name
    content = file.read_bytes()
    READERS[name](file)
    try:
        for damage in DAMAGES.values():
            file.write_bytes(damage(content))
            with pytest.raises(Refusal, match=re.escape(str(file))) as refusal:
                READERS[name](file)
            line = in_one_line(refusal.value)
            assert len(line.splitlines()) == 1
            assert "Get it from a copy" in line
    finally:
        file.write_bytes(content)


@pytest.mark.parametrize("name", [name for name in READERS if name != "config.yaml"])
def test_no_flipped_bit_is_another_value(run, name):
    """Of a checkpoint a flipped bit may lie between its parts, where it changes nothing."""
    file = run / name
    content, rng = file.read_bytes(), random.Random(1)
    before = READERS[name](file)
    refused = 0
    try:
        for _ in range(40):
            flipped = bytearray(content)
            flipped[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            file.write_bytes(flipped)
            try:
                assert same(READERS[name](file), before)
            except Refusal:
                refused += 1
    finally:
        file.write_bytes(content)
    assert refused >= (20 if name.endswith(".ckpt") else 36)


def same(first, second):
    if isinstance(first, dict) and "state_dict" in first:
        pairs = zip(first["state_dict"].values(), second["state_dict"].values(), strict=True)
        return all(torch.equal(a, b) for a, b in pairs)
    if isinstance(first, dict):  # the path of the set may be changed; a seal whose name is damaged is none
        return all(first.get(name) == value for name, value in second.items() if name != "twins")
    return first.equals(second)


def test_files_of_older_versions_have_no_checksum_and_are_read(run, tmp_path):
    facts = read_facts(run / "run.json")
    assert facts["files"].keys() >= {"scores.csv", "volumes.csv"}
    assert len(read_table(run / "scores.csv", None)) == len(
        read_table(run / "scores.csv", facts["files"]["scores.csv"])
    )
    text = (run / "run.json").read_text()
    (tmp_path / "run.json").write_text(re.sub(r',\s*"crc32": \d+', "", text))
    assert read_facts(tmp_path / "run.json") == facts


def test_the_set_of_a_run_may_be_moved_by_hand_and_its_ids_may_not_be_changed(run, tmp_path):
    data = read_facts(run / "data.json")
    write_facts(tmp_path / "data.json", data)
    text = (tmp_path / "data.json").read_text()
    (tmp_path / "data.json").write_text(text.replace(data["twins"], "/elsewhere"))
    assert read_facts(tmp_path / "data.json") == data | {"twins": "/elsewhere"}
    (tmp_path / "data.json").write_text(text.replace(data["splits"]["test"][0], data["splits"]["train"][0]))
    with pytest.raises(Refusal, match="its values have changed since"):
        read_facts(tmp_path / "data.json")


def test_a_run_whose_facts_are_damaged_is_not_found_and_is_made_again_as_the_refusal_says(copied, finished):
    folder = Path(copied.paths.output)
    (folder / "run.json").write_text("{")
    with pytest.raises(Refusal, match=r"run\.json as a run leaves it"):
        train_run(copied)
    (folder / "run.json").unlink()
    assert train_run(copied) == finished[1]


def test_a_damaged_config_beside_a_run_is_not_its_business(copied, finished, shared):
    folder = Path(copied.paths.output)
    shutil.copytree(folder, folder.with_name("a_neighbour"))
    (folder.with_name("a_neighbour") / "config.yaml").write_bytes(b"\x00\xff")
    assert train_run(tiny_config(shared, runs=folder.parent)) == finished[1]


def test_weights_of_another_network_are_named(copied):
    (run,) = find_runs(copied.paths.output)
    torch.save({"state_dict": {"other": torch.zeros(1)}}, run.best)
    with pytest.raises(Refusal, match=r"Expected the weights of its network in .*best\.ckpt"):
        trained_model(run, run.cohort)
