"""The example of docs/how_to/claims.md runs as it stands, from stored scores to p-values, and sees what was planted."""

import re
import textwrap

import numpy as np
import pytest

from helpers.commands import ROOT
from helpers.fake_runs import REGIONS, PlantedSegmenter

ALPHAS = (0.0, 0.5, 1.0)
SPREADS = {"ED": 0.02, "ET": 0.08, "NCR": 0.16}
"""How far twins lie from their real cases."""


def example():
    """Return the program that the documentation shows for testing claims."""
    section = (ROOT / "docs" / "how_to" / "claims.md").read_text(encoding="utf-8")
    block = re.search(r"(?:^    .*\n|^\n)+", section.partition(":\n\n")[2], flags=re.MULTILINE)
    return textwrap.dedent(block[0])


def leave_scores(folder, gain, gap, seeds=3, n=40):
    """Leave the scores of a sweep: T1 gains with alpha, T4 is smallest at .5, and T3 falls from ED over ET to NCR."""
    rng = np.random.default_rng(0)
    base = rng.uniform(0.45, 0.75, (n, 3))
    apart = rng.normal(size=(n, 3)) * [SPREADS[name] for name in REGIONS]
    for alpha in ALPHAS:
        for seed in range(seeds):
            real = base + gain * (alpha - 0.5) + 0.004 * rng.normal() + 0.01 * rng.normal(size=base.shape)
            twins = base + apart + gap * np.sign(apart) * abs(alpha - 0.5) + 0.01 * rng.normal(size=base.shape)
            run = PlantedSegmenter(alpha, seed, real.clip(0, 1).tolist(), twins.clip(0, 1).tolist())
            place = folder / "runs" / "alpha_sweep" / run.folder.name
            place.mkdir(parents=True)
            run.scores().to_csv(place / "scores.csv", index=False)


@pytest.mark.parametrize(("gain", "gap", "seeds"), [(0.2, 0.2, 3), (0.0, 0.0, 3), (0.2, 0.2, 1)])
def test_claims_are_tested_from_stored_scores(tmp_path, monkeypatch, capsys, gain, gap, seeds):
    leave_scores(tmp_path, gain, gap, seeds)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(example(), "claims.md", "exec"), names)

    p, lines = names["p"], capsys.readouterr().out.splitlines()
    assert len(lines) == len(p) + 1 == 8
    if seeds == 1:
        assert np.isnan(list(p.values())).all()
        return
    assert p["order of T3"] < 0.05
    assert names["order"].steps[0].interval.low > 0
    planted = {"slope of T1", "crossing of T1", "minimum of T4, NCR", "minimum of T4, ED", "minimum of T4, ET"}
    assert {name for name in planted if p[name] < 0.01} == (planted if gain else set())
    if gain:
        assert names["slope"].interval.low < gain < names["slope"].interval.high
        assert names["meeting"].low < names["meeting"].alpha < names["meeting"].high
