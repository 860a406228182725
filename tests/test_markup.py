r"""Names with the marks of a terminal ([/x]), a formula ($\frac{$) or a page (<b>) are names, and nothing else."""

import json

import pytest

from synthtrust.evaluation import evaluate_runs
from synthtrust.report.style import panel, svg
from synthtrust.runs import list_cases, train_run
from synthtrust.testing import save_nifti, tiny_classes, tiny_cohort

LABELS = (r"$\frac{$", "[/x] prostate/uterus", '3. <b>&"liver"')
FAST = ("steps=2", "val_every=2", "generator=replay", "duplicates=allow", "trainer.accelerator=cpu",
        "trainer.enable_progress_bar=false", "trainer.log_every_n_steps=1")  # fmt: skip


@pytest.fixture
def volumes(tmp_path):
    """Return a Decathlon task of which the modality, the labels and the ids hold markup."""
    cohort = tiny_cohort(tmp_path / "plain", count=8, modalities=["flair"])
    training = []
    for n, case in enumerate(cohort.cases):
        entry = {"image": f"images/[b {n}] $x_{n}$.nii.gz", "label": f"labels/{n}.nii.gz"}
        save_nifti(tmp_path / "task" / entry["image"], case.load_image("flair").astype("i2"))
        save_nifti(tmp_path / "task" / entry["label"], case.load_label())
        training.append(entry)
    labels = {"0": "background"} | {str(n): name for n, name in enumerate(LABELS, start=1)}
    facts = {"modality": {"0": "[bold]$m$"}, "labels": labels, "training": training}
    (tmp_path / "task" / "dataset.json").write_text(json.dumps(facts))
    return ("cases=msd", f"cases.root={tmp_path / 'task'}", "model=unet", "model.net.channels=[4,8]",
            "model.net.strides=[2]", "data.patch_size=[8,8,8]", "split.test=2", "split.val=1")  # fmt: skip


@pytest.fixture
def images(tmp_path):
    """Return a table whose classes and patients hold markup."""
    cases = tiny_classes(tmp_path / "set", count=24).cases
    rows = [f'{c.id},{c.id}.png,"{LABELS[c.class_index]}",[/p] $p_{n}' for n, c in enumerate(cases)]
    (tmp_path / "set" / "cases.csv").write_text("\n".join(["case_id,image,label,patient", *rows]))
    return ("cases=table", f"cases.file={tmp_path / 'set' / 'cases.csv'}", "model=resnet_small", "data=images",
            "model.net.block_inplanes=[4,4,8,8]", "data.batch_size=4", "split.test=6", "split.val=4")  # fmt: skip


@pytest.mark.parametrize("kind", ["volumes", "images"])
def test_names_with_markup_go_through_a_listing_a_training_and_a_page(kind, request, composed, tmp_path, capsys):
    words = request.getfixturevalue(kind)
    folders = {"synthetic": "synthetic", "cache": "cache", "cases": "cases"}
    paths = [f"paths.{key}={tmp_path / folder}" for key, folder in folders.items()]
    list_cases(composed("train", *words, *paths, "cases.list=true"))
    printed = capsys.readouterr().out
    names = LABELS if kind == "volumes" else LABELS[:2]
    assert all(name in printed for name in names)
    for alpha in ("0.0", "1.0"):
        output = f"paths.output={tmp_path / 'runs' / alpha}"
        train_run(composed("train", *words, *FAST, *paths, output, f"alpha={alpha}"))
    asked = ("audit=[utility,trust]",) if kind == "volumes" else ("audit=[utility]",)
    report = composed("evaluate", f"runs={tmp_path / 'runs'}", f"folder={tmp_path / 'page'}", *asked)
    text = evaluate_runs(report).read_text(encoding="utf-8")
    assert r"$\frac{$" in text
    assert "3. <b>" not in text  # the page has bold words of its own


def test_a_figure_shows_a_name_as_it_is_wherever_it_stands():
    figure, axes = panel(r"$\frac{$", "[x] $", r"\alpha $y$")
    axes.plot([0, 1], label=r"$\frac{legend$")
    axes.legend()
    axes.set_xticks([0, 1], [r"$\tick{$", "one"])
    drawing = svg(figure, r"odd\gname", "what it shows")
    assert all(text in drawing for text in (r"$\frac{$", r"\alpha $y$", r"$\frac{legend$", r"$\tick{$"))
