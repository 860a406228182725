"""Every set has a card for people, and says when and on what it was made."""

import shutil
from dataclasses import dataclass, replace

import pytest
from markdown_it import MarkdownIt

from synthtrust.cases import CaseError, load_manifest, read_manifest
from synthtrust.files import sha256_of
from synthtrust.generators import Replay, synthesize
from synthtrust.generators.controls.noisy_replay import NoisyReplay
from synthtrust.generators.synthesis.card import made_on, write_card
from synthtrust.testing import tiny_cohort


@pytest.fixture
def made(tmp_path):
    cohort = tiny_cohort(tmp_path / "real", count=3)
    twins = synthesize(NoisyReplay(seed=4), cohort, cohort.cases[:2], cohort.cases, tmp_path / "synthetic")
    return cohort, twins.folder


def test_the_card_says_what_a_reader_must_know(made):
    cohort, folder = made
    text = (folder / "card.md").read_text()
    for fact in (
        "3 synthetic cases",
        "NoisyReplay",
        "| seed | 4 |",
        "| noise | 0.1 |",
        "2 cases, named in the manifest",
        "NCR 1, ED 2, ET 3",
        cohort.licence.rstrip("."),
        "Not for clinical use",
        "unedited label map of a real patient",
        "not assessed",
        "verify=True",
        "synthtrust 0.",
    ):
        assert fact in text, fact
    assert "{" not in text


def test_a_card_that_was_changed_by_hand_is_found_out(made):
    _, folder = made
    read_manifest(folder, verify=True)
    (folder / "card.md").write_text((folder / "card.md").read_text().replace("3 synthetic cases", "4 synthetic cases"))
    with pytest.raises(CaseError, match=r"card\.md as it was written"):
        read_manifest(folder, verify=True)


def test_the_manifest_knows_its_card_and_is_written_after_it(made):
    _, folder = made
    record = load_manifest(folder)
    assert record["card"] == {"file": "card.md", "sha256": sha256_of(folder / "card.md")}
    assert (folder / "manifest.json").stat().st_mtime_ns >= (folder / "card.md").stat().st_mtime_ns


def test_time_and_hardware_are_recorded(made):
    made_ = load_manifest(made[1])["made_on"]
    assert made_["twins"] == 3
    assert made_["seconds"] >= 0
    assert made_["cores"] > 0
    assert set(made_on(0, 1.0)) == set(made_)


def test_a_set_without_its_card_is_unfinished_and_completed(made, tmp_path):
    """Killed between the card and the manifest: both are written again, and no twin is painted anew."""
    cohort, folder = made
    (folder / "manifest.json").unlink()
    (folder / "card.md").unlink()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.nii.gz")}
    synthesize(NoisyReplay(seed=4), cohort, cohort.cases[:2], cohort.cases, tmp_path / "synthetic")
    assert (folder / "card.md").exists()
    assert load_manifest(folder)["made_on"]["twins"] == 0
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*.nii.gz")}


def test_a_training_beside_the_twins_is_no_part_of_the_set(tmp_path):
    @dataclass
    class Deep(Replay):
        def work_in(self, folder):
            folder.mkdir()
            (folder / "last.ckpt").write_text("patients")

    cohort = tiny_cohort(tmp_path / "real", count=2)
    folder = synthesize(Deep(), cohort, cohort.cases, cohort.cases, tmp_path / "all").folder
    assert load_manifest(folder)["not_of_the_set"] == [".fit"]
    assert "can remember patients" in (folder / "card.md").read_text()
    shared = shutil.copytree(folder, tmp_path / "shared", ignore=shutil.ignore_patterns(".*"))
    assert len(read_manifest(shared, verify=True).cases) == 2
    assert not list(shared.rglob("*.ckpt"))


def test_a_bar_in_a_hyper_parameter_does_not_break_the_table(tmp_path):
    @dataclass
    class Barred(Replay):
        rule: str = "left|right"

    cohort = tiny_cohort(tmp_path / "real", count=2)
    twins = synthesize(Barred(), cohort, cohort.cases, cohort.cases, tmp_path / "synthetic")
    text = (twins.folder / "card.md").read_text()
    assert "| rule | left\\|right |" in text


def test_what_a_stranger_called_things_is_no_markup(made, tmp_path):
    """A page made of the card has none of its own HTML, and no link but to nothing."""
    folder = made[1]
    evil = "<script>alert(1)</script>\n\n<img src=x onerror=y> [click](javascript:z) ![i](http://x) `</td>` | **b**"
    record = load_manifest(folder)
    name = evil.replace("/", "").replace("\n", "")  # a cohort is called by what can be in the name of a file
    painted = replace(read_manifest(folder), name=name, licence=evil, labels={name: 1})
    recipe = record["made_by"] | {"generator": f"`{evil}", "version": evil, "package": evil, "parameters": {evil: evil}}
    facts = record | {"patients_own": {"declared": [evil]}, "not_of_the_set": []}
    text = write_card(tmp_path, painted, recipe, facts).read_text()
    parsed = MarkdownIt("commonmark").enable("table").parse(text)
    tokens = [token for block in parsed for token in (block, *(block.children or ()))]
    assert not [token.content for token in tokens if token.type in ("html_block", "html_inline", "image")]
    assert not [token.attrs for token in tokens if token.type == "link_open"]
    columns = {sum(cell.type == "td_open" for cell in row) for row in _rows(parsed)}
    assert columns == {2}


def _rows(tokens):
    starts = [n for n, token in enumerate(tokens) if token.type == "tr_open"]
    ends = [n for n, token in enumerate(tokens) if token.type == "tr_close"]
    return [tokens[start:end] for start, end in zip(starts, ends, strict=True)][1:]
