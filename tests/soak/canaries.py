"""Strangers' files in which something waits to be run: a canary, a file that must not come to be."""

import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.plane_images import blobs, save
from soak.outcomes import Ending, Tally
from soak.processes import Ended, command, in_child
from soak.studies import evaluate, train
from synthtrust.seals import SEAL

CANARY = "canary"
SECRET = "the-secret-of-the-soak"
CLASSES = (
    "generator=replay", "data=images", "model=resnet_small", "model.net.block_inplanes=[4,4,8,8]", "steps=2",
    "val_every=2", "duplicates=allow", "trainer.enable_progress_bar=false", "trainer.accelerator=cpu", "threads=1",
    "split.test=3", "split.val=2",
)  # fmt: skip


class Bomb:
    """Makes the canary when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.canary),)


Plant = Callable[[Path, str], list[Callable[[], str]]]
"""Puts something that would make a file into a folder with a finished study, and returns commands that read it."""


def _runs(folder: Path) -> list[Path]:
    return sorted((folder / "runs" / "train").glob("alpha_*"))


def _other_cases(folder: Path) -> Callable[[], str]:
    """Return what scores other cases with a run, for which its network is made and its weights are loaded."""
    words = ("cases=phantom", "cases.n_cases=2", "cases.shape=[16,16,16]", "cases.seed=7", "threads=1")
    return command("evaluate.py", f"runs={_runs(folder)[1]}", *words)


def _again(folder: Path) -> Callable[[], str]:
    return train()


def _in_config(text: str, folder: Path, word: str) -> list[Callable[[], str]]:
    """Put a line into the stored configs."""
    for run in _runs(folder):
        config = run / "config.yaml"
        kept = [line for line in config.read_text().splitlines() if not line.startswith(text.split(":")[0])]
        config.write_text("\n".join([*kept, text.format(word=word, canary=folder / CANARY)]))
    return [evaluate(), _other_cases(folder), _again(folder)]


def _in_checkpoint(name: str, folder: Path, word: str) -> list[Callable[[], str]]:
    for run in _runs(folder):
        (run / "checkpoints" / name).write_bytes(pickle.dumps({"state_dict": Bomb(folder / CANARY)}))
        if name == "last.ckpt":
            (run / "run.json").unlink()
    return [_other_cases(folder), _again(folder)]


def _in_zip_checkpoint(folder: Path, word: str) -> list[Callable[[], str]]:
    """Put the bomb where PyTorch's own format has its pickle."""
    for file in folder.glob("runs/**/best.ckpt"):
        with zipfile.ZipFile(file) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        bomb = {name: pickle.dumps(Bomb(folder / CANARY)) for name in members if name.endswith("data.pkl")}
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in {**members, **bomb}.items():
                archive.writestr(name, content)
    return [_other_cases(folder)]


def _in_cache(folder: Path, word: str) -> list[Callable[[], str]]:
    """Put pickled arrays in the place of prepared ones, and make the runs unfinished, so that they are read."""
    array = np.array([Bomb(folder / CANARY)], dtype=object)
    for file in folder.glob("cache/*/*/*.npy"):
        np.save(file, array, allow_pickle=True)
    for file in folder.glob("cache/inspected/*.npz"):
        np.savez(file, content=array, structure=array)
    for run in _runs(folder):
        shutil.rmtree(run)
    return [_again(folder)]


def _in_medmnist(folder: Path, word: str) -> list[Callable[[], str]]:
    bombs = {f"{part}_{kind}": np.array([Bomb(folder / CANARY)]) for part in ("train", "val", "test") for kind in
             ("images", "labels")}  # fmt: skip
    np.savez(folder / "pneumoniamnist.npz", **bombs)
    return [command("train.py", "cases=medmnist", f"cases.root={folder / 'pneumoniamnist.npz'}", *CLASSES)]


def _unsealed(file: Path) -> dict[str, Any]:
    """Return the values of a manifest without their checksum, as a stranger writes them."""
    return {name: value for name, value in json.loads(file.read_text()).items() if name != SEAL}


def _in_manifest(folder: Path, word: str) -> list[Callable[[], str]]:
    """Name the generator, the cases and their files so in the manifest of the twins."""
    for file in folder.glob("synthetic/*/manifest.json"):
        facts = _unsealed(file)
        facts |= {"name": word, "licence": word, "intended_use": word}
        facts["made_by"] |= {"generator": "os.system", "parameters": {"command": word}, "module": "os"}
        file.write_text(json.dumps(facts))
    return [evaluate(), command("evaluate.py", "runs=runs/train", "pictures=1", "threads=1"), _again(folder)]


def _in_ids_of_a_manifest(folder: Path, word: str) -> list[Callable[[], str]]:
    for file in folder.glob("synthetic/*/manifest.json"):
        facts = _unsealed(file)
        for case in facts["cases"]:
            case["id"] = case["patient"] = word
            case["label"]["file"] = word
        file.write_text(json.dumps(facts))
    return [evaluate(), _again(folder)]


def _in_scores(folder: Path, word: str) -> list[Callable[[], str]]:
    """Name cases and regions so in the tables of runs."""
    for run in _runs(folder):
        for name in ("scores.csv", "volumes.csv", "trivial.csv"):
            if (run / name).exists():
                table = pd.read_csv(run / name, dtype=str, keep_default_na=False)
                table["case"] = [word + case for case in table["case"]]
                table.to_csv(run / name, index=False)
    return [evaluate()]


def _in_table(column: str, folder: Path, word: str) -> list[Callable[[], str]]:
    """Name the cases, the classes or the patients of a table so, train and write the page."""
    rows = []
    for k in range(12):
        save(folder / "images" / f"{k}.png", blobs(k))
        row = {"case_id": f"c{k}", "image": f"images/{k}.png", "label": ("sick", "well")[k % 2], "patient": f"p{k}"}
        rows.append(row | {column: f"{row[column]}{word}" if column != "case_id" else f"{word}{k}"})
    pd.DataFrame(rows).to_csv(folder / "set.csv", index=False)
    shutil.rmtree(folder / "runs")
    words = ("cases=table", f"cases.file={folder / 'set.csv'}", *CLASSES, "alpha=0.0,1.0", "-m")
    page = command("evaluate.py", "runs=runs/train", "audit=[utility]", "pictures=0", "threads=1")
    return [command("train.py", *words), page]


WORDS = (
    "$(touch {canary})", "`touch {canary}`", "; touch {canary} #", "../../{name}", "=cmd|'touch {canary}'!A0",
    "{{{{ cycler.__init__.__globals__.os.mkdir('{canary}') }}}}", "{{% include '{canary}' %}}",
    "<script>{name}()</script>", "__import__('os').mkdir('{canary}')",
)  # fmt: skip
"""Words that make the canary where a shell, a path, a spreadsheet, a template, a page or Python runs them."""

WITH_WORDS: tuple[tuple[str, Plant], ...] = (
    ("manifest", _in_manifest),
    ("ids of a manifest", _in_ids_of_a_manifest),
    ("tables of runs", _in_scores),
    ("ids of a table", partial(_in_table, "case_id")),
    ("classes of a table", partial(_in_table, "label")),
    ("patients of a table", partial(_in_table, "patient")),
)
"""Name -> what is planted with each of the words."""

CODE: tuple[tuple[str, Plant], ...] = (
    ("target in a config", partial(_in_config, "model: {{_target_: os.mkdir, path: '{canary}'}}")),
    ("target of a reader", partial(_in_config, "cases: {{_target_: os.mkdir, path: '{canary}'}}")),
    ("tag in a config", partial(_in_config, "extra: !!python/object/apply:os.mkdir ['{canary}']")),
    ("resolver in a config", partial(_in_config, "name: ${{oc.env:SOAK_SECRET}}")),
    ("best.ckpt", partial(_in_checkpoint, "best.ckpt")),
    ("last.ckpt", partial(_in_checkpoint, "last.ckpt")),
    ("pickle in best.ckpt", _in_zip_checkpoint),
    ("arrays of the cache", _in_cache),
    ("arrays of MedMNIST", _in_medmnist),
)
"""Name -> what is planted once."""


def release(folder: Path, n_words: int | None = None) -> Tally:
    """Plant every canary in a finished study, read it with every command that reads such files, and look for it.

    Args:
        folder: Where the studies lie.
        n_words: How many of the words are used; all by default.
    """
    tally, whole = Tally("canaries"), folder / "whole"
    whole.mkdir(parents=True)
    os.environ["SOAK_SECRET"] = SECRET
    for work in (train(), evaluate()):
        if (end := in_child(work, whole)).code:
            raise RuntimeError(f"Expected a study to come to its end, but got {end.text[-3000:]}")
    plants = [(name, plant, "") for name, plant in CODE]
    plants += [(name, plant, word) for name, plant in WITH_WORDS for word in WORDS[:n_words]]
    for number, (name, plant, word) in enumerate(plants):
        here = folder / f"room_{number}" / "study"
        shutil.copytree(whole, here)
        written = word.format(canary=here / CANARY, name=CANARY)
        ends = [in_child(work, here) for work in plant(here, written)]
        tally.add(*_ending(here, f"{name}: {written}", ends))
        shutil.rmtree(here.parent)
    return tally


def _ending(folder: Path, attempt: str, ends: list[Ended]) -> tuple[Ending, str, str]:
    if made := [path for path in folder.parent.rglob(f"{CANARY}*") if path.is_dir() or path.stat().st_size == 0]:
        return Ending.EXECUTED, attempt, str(made[0])
    pages = [path.read_text(errors="replace") for path in folder.glob("reports/**/*.html")]
    if any(f"<script>{CANARY}" in page for page in pages):
        return Ending.EXECUTED, attempt, "a script in the page"
    if any(SECRET in text for text in (*pages, *(end.text for end in ends))):
        return Ending.EXECUTED, attempt, "the secret is shown"
    for end in ends:
        if end.code < 0:
            return Ending.HANG, attempt, end.last_line
        if end.has_traceback:
            return Ending.TRACEBACK, attempt, end.text[-1500:]
    return (Ending.REFUSED if any(end.code for end in ends) else Ending.READ), attempt, ""
