"""Labelled images as they are asked for on the command line: what a refusal advises works as it is written."""

import re

import numpy as np
import pytest

from helpers.plane_images import blobs, save
from synthtrust.runs import list_cases


def advised(error, option):
    """Return an option as a message writes it."""
    return re.search(rf"{option}='[^']*'", str(error)).group()


@pytest.mark.parametrize(
    ("mask", "option"), [("{}/masks/{}.png", "cases.files"), ("{}/images/{}_mask.png", "cases.exclude_files")]
)
def test_the_options_that_a_refusal_of_masks_names_are_taken(composed, tmp_path, capsys, mask, option):
    for n in range(4):
        for kind, name in enumerate(("well", "sick")):
            pixels = blobs((n, kind))
            save(tmp_path / f"{name}/images/{n}.png", pixels)
            save(tmp_path / mask.format(name, n), np.where(pixels > 128, 255, 0).astype(np.uint8))
    asked = ("train", "cases=class_folders", f"cases.root='{tmp_path}'")
    with pytest.raises(Exception, match="called as masks are") as refused:
        list_cases(composed(*asked))
    list_cases(composed(*asked, advised(refused.value.__cause__ or refused.value, option)))
    printed = capsys.readouterr().out
    assert "8 of 8 cases read, 8 patients, 0 refused" in printed
    assert "passed over 8 files" in printed


def test_a_list_of_patterns_is_taken(composed, tmp_path, capsys):
    for n in range(4):
        save(tmp_path / ("well", "sick")[n % 2] / f"{n}.png", blobs(n))
        save(tmp_path / ("well", "sick")[n % 2] / f"{n}_overlay.png", blobs((9, n)))
    list_cases(
        composed("train", "cases=class_folders", f"cases.root='{tmp_path}'", "cases.exclude_files=['*_overlay*','*.x']")
    )
    assert "4 of 4 cases read" in capsys.readouterr().out


def test_a_conflict_of_labels_is_listed_and_may_be_skipped(composed, tmp_path, capsys):
    for n in range(6):
        save(tmp_path / ("well", "sick")[n % 2] / f"{n}.png", blobs(n))
    (tmp_path / "sick/copy.png").write_bytes((tmp_path / "well/0.png").read_bytes())
    cfg = composed("train", "cases=class_folders", f"cases.root='{tmp_path}'")
    list_cases(cfg)
    printed = capsys.readouterr().out
    assert "5 of 5 cases read, 5 patients, 2 refused" in printed
    assert printed.count("the same image is") == 2


def test_a_table_of_another_system_is_listed(composed, tmp_path, capsys):
    rows = [";case_id;image;label"]
    for n in range(4):
        save(tmp_path / f"img/{n}.png", blobs(n))
        rows.append(f"{n};s{n};img\\{n}.png;{n % 2}.0")
    rows.append("4;s4;img\\0.png;")
    (tmp_path / "cases.csv").write_text("\r\n".join(rows), encoding="utf-8-sig")
    list_cases(composed("train", "cases=table", f"cases.file='{tmp_path / 'cases.csv'}'"))
    printed = capsys.readouterr().out
    assert "4 of 4 cases read, 4 patients, 1 refused" in printed
    assert "a label for s4, but got none in line 6" in printed
