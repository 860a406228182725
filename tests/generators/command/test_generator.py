"""A program in another process paints as a generator within this one does, and what it does wrong is named."""

import json
import os
import re
import shlex
import sys
import textwrap
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch.multiprocessing as mp

from helpers.commands import ROOT, run_here
from synthtrust.cases import CaseError, load_manifest
from synthtrust.generators import Command, Refusal, synthesize
from synthtrust.generators.synthesis.recipe import recipe_of
from synthtrust.testing import GeneratorContract, tiny_classes, tiny_cohort

PAINT = [sys.executable, str(Path(__file__).with_name("paint.py"))]
ARGUMENTS = ["{label}", "{out}", "{seed}"]
TINY = ("model=unet", "model.net.channels=[4,8]", "model.net.strides=[2]", "data.patch_size=[8,8,8]")
LPS = np.array([[-1.5, 0, 0, 9], [0, -1, 0, 7], [0, 0, 2.5, -3], [0, 0, 0, 1]])


@pytest.fixture
def cohort(tmp_path):
    return tiny_cohort(tmp_path / "real", count=4, modalities=("t1", "t2"))


def bring(cohort, tmp_path, generator):
    return synthesize(generator, cohort, cohort.cases[:2], cohort.cases, tmp_path / "synthetic")


class TestContract(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return Command(command=[*PAINT, "well", *ARGUMENTS])

    @pytest.fixture
    def cohort(self, tmp_path):
        return tiny_cohort(tmp_path / "real", count=5, modalities=("t1", "t2"))


def images_of(twins):
    return {case.id: {name: case.load_image(name) for name in case.images} for case in twins.cases}


def test_a_program_paints_each_case_on_its_label_map(cohort, tmp_path):
    twins = bring(cohort, tmp_path, Command(command=[*PAINT, "well", *ARGUMENTS], train_ids=["a"]))
    for real, twin in zip(cohort.cases, twins.cases, strict=True):
        label, image = twin.load_label(), twin.load_image("t2")
        np.testing.assert_array_equal(label, real.load_label())
        for value in range(1, label.max() + 1):
            assert image[label == value].mean() == pytest.approx(100 + 60 * value, abs=5)
    assert load_manifest(twins.folder)["training_ids"] == ["a"]
    assert sorted(path.name for path in (twins.folder / ".fit" / "logs").iterdir()) == [
        f"{case.id}.txt" for case in cohort.cases
    ]
    assert not [*(twins.folder / ".fit" / "unfinished").iterdir()]


def test_a_batch_a_line_and_a_shell_paint_the_same(cohort, tmp_path):
    line = " ".join(f"'{word}'" for word in PAINT) + " well {label} {out} {seed}"
    each = bring(cohort, tmp_path, Command(command=line))
    batch = bring(cohort, tmp_path, Command(command=[*PAINT, "batch", "{batch}"], batch_size=3))
    shell = bring(cohort, tmp_path, Command(command=f"{line} | cat", shell=True))
    assert len({twins.folder for twins in (each, batch, shell)}) == 3
    for case_id, images in images_of(each).items():
        for other in (batch, shell):
            for name, image in images.items():
                np.testing.assert_array_equal(images_of(other)[case_id][name], image)


def test_the_program_gets_the_grid_the_orientation_and_the_spacing_of_the_real_file(tmp_path):
    cohort = tiny_cohort(tmp_path / "real", count=2, modalities=("t1", "t2"))
    for case in cohort.cases:
        for path in case.files.values():
            nib.save(nib.Nifti1Image(np.asarray(nib.load(path).dataobj), LPS), path)
    kept = tmp_path / "kept"
    kept.mkdir()
    line = f"cp {{label}} {kept}/{{case}}.nii.gz && echo {{spacing}} > {kept}/{{case}}.txt && "
    line += f"{PAINT[0]} {PAINT[1]} well {{label}} {{out}} {{seed}}"
    twins = bring(cohort, tmp_path, Command(command=line, shell=True))
    for real, twin in zip(cohort.cases, twins.cases, strict=True):
        given, own = nib.load(kept / f"{real.id}.nii.gz"), nib.load(real.label_map)
        np.testing.assert_array_equal(given.affine, own.affine)
        in_file = np.asarray(own.dataobj)
        np.testing.assert_array_equal(np.asarray(given.dataobj), np.where(in_file == 4, 3, in_file))
        assert (kept / f"{real.id}.txt").read_text() == "1.5,1,2.5\n"
        np.testing.assert_array_equal(twin.load_label(), real.load_label())


def test_a_program_is_given_the_modalities_that_it_reads_and_paints_the_others(cohort, tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    line = f"cp {{read}}/t2.nii.gz {kept}/{{case}}.nii.gz && ls {{read}} > {kept}/{{case}}.txt && "
    line += f"{PAINT[0]} {PAINT[1]} 'half of the modalities' {{label}} {{out}} {{seed}}"
    twins = bring(cohort, tmp_path, Command(command=line, shell=True, reads_modalities=["t2"]))
    for real, twin in zip(cohort.cases, twins.cases, strict=True):
        given, own = (nib.load(path) for path in (kept / f"{real.id}.nii.gz", real.images["t2"]))
        np.testing.assert_array_equal(np.asarray(given.dataobj), np.asarray(own.dataobj))
        np.testing.assert_allclose(given.affine, own.affine)
        assert (kept / f"{real.id}.txt").read_text() == "t2.nii.gz\n"
        np.testing.assert_array_equal(twin.load_image("t2"), real.load_image("t2"))
    assert load_manifest(twins.folder)["patients_own"]["declared"] == ["t2"]


def test_what_a_program_reads_has_to_stand_in_its_command_and_needs_a_grid(cohort, tmp_path):
    for command, reads in (([*PAINT, "well", *ARGUMENTS], ["t2"]), ([*PAINT, "well", "{read}", *ARGUMENTS], [])):
        with pytest.raises(Refusal, match=r"Expected \{read\} in generator.command with generator.reads_modalities"):
            Command(command=command, reads_modalities=reads)
    classes = tiny_classes(tmp_path / "classes", count=2)
    with pytest.raises(Refusal, match=r"Expected cases with label maps, .* these have classes"):
        Command(command="paint {read} {out}", reads_modalities=["grey"]).fit(classes.cases)


def test_classes_are_painted_by_name(tmp_path):
    cohort = tiny_classes(tmp_path / "real", count=8)
    twins = bring(cohort, tmp_path, Command(command=[*PAINT, "class", "{class}", "{out}", "{seed}"]))
    for twin in twins.cases:
        bright = twin.load_image("grey").mean() > 115
        assert bright == (cohort.names_of(twin) == ("sick",))


FAULTS = {
    "nothing": "Expected t1.nii.gz in .*, but the program wrote nothing",
    "half of the modalities": r"Expected t2.nii.gz in .*, but the program wrote only t1.nii.gz",
    "another grid": r"on the grid of its label .*, but got shape",
    "moved": r"on the grid of its label .* mm apart",
    "cut short": "t1.nii.gz is cut short or damaged",
    "not finite": "finite",
    "constant": "everywhere in t1",
    "another case": "what it wrote for BraTS2021_00000. Repair it, and remove .*Command-",
    "exits": "ended with exit code 1; its output ends with: reading weights RuntimeError: CUDA out of memory",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_program_does_wrong_is_said_in_one_line(cohort, tmp_path, fault):
    with pytest.raises(CaseError, match=FAULTS[fault]) as caught:
        bring(cohort, tmp_path, Command(command=[*PAINT, fault, *ARGUMENTS]))
    assert "\n" not in str(caught.value)
    assert "BraTS2021_0000" in str(caught.value)
    assert not [*tmp_path.glob("synthetic/*/manifest.json")]


def test_a_program_that_hangs_is_killed_with_all_that_it_started(cohort, tmp_path):
    line = f"echo $$ > {tmp_path}/pid; {PAINT[0]} {PAINT[1]} hangs {{out}}; true"
    start = time.monotonic()
    with pytest.raises(CaseError, match=r"within generator.timeout=1 s, but it was still running"):
        bring(cohort, tmp_path, Command(command=line, shell=True, timeout=1))
    assert time.monotonic() - start < 30
    group = int((tmp_path / "pid").read_text())
    for _ in range(50):  # until the system has taken in whoever was orphaned
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("something is still running")


def test_a_program_that_is_not_there_is_named(cohort, tmp_path):
    with pytest.raises(CaseError, match=r"'no-such-program' cannot: .*No such file"):
        bring(cohort, tmp_path, Command(command="no-such-program {out}"))


def test_what_was_painted_before_a_failure_is_not_painted_again(cohort, tmp_path):
    stop, diary = tmp_path / "stop", tmp_path / "diary"
    stop.touch()
    line = f"echo {{case}} >> {diary}; test {{case}} != BraTS2021_00002 -o ! -e {stop} && "
    line += f"{PAINT[0]} {PAINT[1]} well {{label}} {{out}} {{seed}}"
    command = Command(command=line, shell=True)
    with pytest.raises(CaseError, match=r"exit code 1; it wrote no message.*case BraTS2021_00002"):
        bring(cohort, tmp_path, command)
    stop.unlink()
    bring(cohort, tmp_path, command)
    assert diary.read_text().split() == [
        "BraTS2021_00000",
        "BraTS2021_00001",
        "BraTS2021_00002",
        "BraTS2021_00002",
        "BraTS2021_00003",
    ]


def _bring(rank, cohort, folder, diary):
    line = f"echo {{case}} >> {diary}; sleep 0.2; {PAINT[0]} {PAINT[1]} well {{label}} {{out}} {{seed}}"
    synthesize(Command(command=line, shell=True), cohort, cohort.cases[:2], cohort.cases, folder)


def test_several_processes_share_the_cases(cohort, tmp_path):
    mp.start_processes(_bring, (cohort, tmp_path / "synthetic", tmp_path / "diary"), nprocs=2, start_method="fork")
    assert sorted((tmp_path / "diary").read_text().split()) == [case.id for case in cohort.cases]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"command": ""}, "as a line or a list of words"),
        ({"command": ["paint", 3]}, "as a line or a list of words"),
        ({"command": "paint 'x {out}"}, "cannot be split"),
        ({"command": "paint {labl} {out}"}, r"but got \{labl\}"),
        ({"command": "paint {label}"}, r"Expected \{out\}"),
        ({"command": "paint {batch} {out}"}, r"\{batch\} alone"),
        ({"command": ["paint", "{out}"], "shell": True}, "one line for a shell"),
        ({"command": "paint {out}", "batch_size": 2}, "once per case"),
        ({"command": "paint {out}", "timeout": 0}, "seconds above 0"),
        ({"command": "paint {out}", "depends_on": "paint.py"}, "as a list"),
    ],
    ids=str,
)
def test_a_command_of_another_form_is_refused(options, message):
    with pytest.raises(Refusal, match=message):
        Command(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"command": "paint {class} {out}"}, r"that such cases have .*but got \{class\}"),
        ({"command": "paint {out}", "images": "image.nii.gz"}, r"Expected \{modality\} in generator.images"),
        ({"command": "paint {out}", "depends_on": ["nowhere.pt"]}, "'nowhere.pt' is none"),
    ],
    ids=str,
)
def test_what_does_not_fit_the_cases_is_refused(cohort, tmp_path, options, message):
    with pytest.raises(Refusal, match=message):
        bring(cohort, tmp_path, Command(**options))


def test_another_script_is_another_set(tmp_path):
    script = tmp_path / "paint.py"
    recipes = []
    for text in ("a", "b"):
        script.write_text(text)
        recipes.append(recipe_of(Command(command="paint {out}", depends_on=[str(script)]), [], []))
    first, second = (recipe["parameters"]["depends_on"] for recipe in recipes)
    assert first != second
    assert json.dumps(recipes[0]).count("paint.py") == 0


def test_an_id_or_class_cannot_become_an_option_or_a_command(tmp_path):
    cohort = tiny_classes(tmp_path / "real", count=4, classes=("--rm", f"a; touch {tmp_path}/left".replace("/", "_")))
    with pytest.raises(CaseError, match=r"that no program takes for an option, but got '--rm'"):
        bring(cohort, tmp_path, Command(command="echo {class} {out}", shell=True))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["generator.command='paint {foo} {out}'"], "Error: Expected placeholders among "),
        (["generator.command='paint {out}'", "generator.timeout=0"], "Error: Expected generator.timeout "),
        ([], "Error: Expected a value for generator.command"),
    ],
    ids=str,
)
def test_the_command_line_refuses_in_one_line(tmp_path, monkeypatch, words, line):
    monkeypatch.chdir(tmp_path)
    refused = run_here("train.py", "generator=command", *words, "trainer.accelerator=cpu")
    assert refused.startswith(line)
    assert "\n" not in refused


DOCUMENT = ROOT / "docs" / "generators.md"


def test_the_example_of_the_document_trains_through_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = DOCUMENT.read_text(encoding="utf-8")
    script = re.search(r"(?ms)^    # paint\.py\n(.*?)\n\n(?=\S)", text)[1]
    (tmp_path / "paint.py").write_text(textwrap.dedent(script))
    (command,) = re.findall(r"(?ms)^    python (train\.py cases=brats [^\n]*depends_on.*?[^\\])\n", text)
    name, *words = shlex.split(command.replace("\\\n", " ").replace("python paint.py", f"{sys.executable} paint.py"))
    tiny_cohort(tmp_path / "DIR", count=4, modalities=("flair", "t1ce", "t1", "t2"))
    words += [*TINY, "split.test=1", "split.val=1", "steps=2", "val_every=1", "trainer.accelerator=cpu"]
    assert run_here(name, *words) == ""
    (manifest,) = (tmp_path / "synthetic").glob("Command-*/manifest.json")
    facts = json.loads(manifest.read_text())
    assert facts["made_by"]["parameters"]["depends_on"][0].startswith("sha256:")
    assert facts["not_of_the_set"] == [".fit"]
