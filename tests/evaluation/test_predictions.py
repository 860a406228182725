"""From an exported sweep over another trainer's label maps to the page, by both commands."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from helpers.commands import run_here
from synthtrust.cases import read_nnunet
from synthtrust.testing import save_nifti, tiny_cohort


@pytest.mark.slow
def test_predictions_of_an_exported_sweep_are_judged_as_runs_are(tmp_path):
    tiny_cohort(tmp_path / "real", count=10)
    paths = [f"paths.{name}={tmp_path / name}" for name in ("runs", "synthetic", "cache", "reports")]
    sweep = ["name=sweep", "cases=brats", f"cases.root={tmp_path / 'real'}", "cases.modalities=[flair]",
             "generator=tissue", "split.test=5", "split.val=1", "data.patch_size=[8,8,8]", "export=nnunet",
             f"export.root={tmp_path / 'raw'}", "alpha=0,1", "seed=0,1", "-m"]  # fmt: skip
    assert run_here("train.py", *paths, *sweep) == ""
    sets = sorted((tmp_path / "raw").glob("Dataset*"))
    arms = [f"alpha_{alpha}_seed_{seed}" for alpha in ("0.0", "1.0") for seed in (0, 1)]
    assert [folder.name for folder in sets] == [f"Dataset50{n}_sweep_{arm}" for n, arm in enumerate(arms)]
    for folder, arm in zip(sets, arms, strict=True):
        source = "real" if arm.startswith("alpha_1") else "synthetic"
        assert {case.id.split("_")[0] for case in read_nnunet(folder).cases} == {source}
        shutil.copytree(folder / "labelsTs", tmp_path / "trainer" / arm)
    worse = tmp_path / "trainer" / "alpha_0.0_seed_1"
    (file, *_) = sorted(worse.glob("real_*"))
    save_nifti(file, np.zeros((16, 20, 24), np.uint8))

    words = [f"predictions={tmp_path / 'trainer'}", f"runs={tmp_path / 'runs' / 'sweep_nnunet'}"]
    assert run_here("evaluate.py", *paths, *words, "audit=[trust,utility]") == ""
    report = json.loads((tmp_path / "reports" / "trainer" / "report.json").read_text())
    assert {verdict["axis"] for verdict in report["verdicts"]} >= {"utility", "alignment"}
    assert report["facts"]["network"] == "trainer (predictions of another trainer)"
    assert report["facts"]["alphas"] == [0.0, 1.0]
    comparison = pd.read_csv(tmp_path / "reports" / "trainer" / "utility_comparison.csv")
    values = comparison[comparison["contrast"] == "TSTR"].iloc[0]
    assert [values["value"], values["reference"]] == pytest.approx([0.9, 1.0])  # one of five cases, in one of two seeds
    assert run_here("evaluate.py", *paths, f"runs={tmp_path / 'runs' / 'trainer'}", "audit=[utility]") == ""
