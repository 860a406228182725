"""Several images of one person do not hide their copies, whatever names they go by."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.fake_runs import sentences, verdict_of
from helpers.synthetic_sets import plane
from helpers.textures import N_TRAIN, SIDE, painted
from synthtrust.audits.privacy.duplicate_groups import duplicate_groups
from synthtrust.audits.privacy.embedded import Grid, load_embedded
from synthtrust.metrics.functional import most_similar

RESCANS = 8


@pytest.fixture(scope="module")
def rescanned(tmp_path_factory, real, textures):
    """Return the cohort, in which the first images of training are scans of one person."""
    rng, folder = np.random.default_rng(5), tmp_path_factory.mktemp("rescanned")
    noise = [rng.normal(0, 3, (SIDE, SIDE)) for _ in range(RESCANS)]
    first = [plane(folder, f"p{i:03d}", textures[0] + grain, i % 2) for i, grain in enumerate(noise)]
    return replace(real, cases=(*first, *real.cases[RESCANS:]))


def of_one_person(cohort):
    return replace(
        cohort, cases=tuple(replace(c, patient="one") if i < RESCANS else c for i, c in enumerate(cohort.cases))
    )


@pytest.mark.parametrize("named", [of_one_person, lambda cohort: cohort], ids=["one patient", "several names"])
def test_copies_of_a_person_with_many_scans_are_found(quick_audit, tmp_path, rescanned, textures, fresh, named):
    rng = np.random.default_rng(6)
    copies = [textures[0] + rng.normal(0, 3, (SIDE, SIDE)) for _ in range(20)]
    verdict = verdict_of(quick_audit([painted(tmp_path / "set", named(rescanned), [*copies, *fresh[20:]])]))
    assert verdict["verdict"] == "NOT SUPPORTED"
    assert "20 of 110 synthetic images are copies" in sentences(verdict)


def test_near_duplicates_and_images_of_a_patient_are_one_group_and_strangers_are_not(quick_audit, rescanned):
    cases = rescanned.cases[:N_TRAIN]
    cases = (*cases[:-3], *(replace(case, patient="same") for case in cases[-3:]))
    grid = Grid(SIDE, margin=1)
    train, unseen = (load_embedded(part, ("grey",), grid, "")[0] for part in (cases, rescanned.cases[N_TRAIN:]))
    groups = duplicate_groups(train, unseen, quick_audit)
    assert len(set(groups[:RESCANS].tolist())) == 1
    assert len(set(groups[-3:].tolist())) == 1
    assert len(groups.unique()) == N_TRAIN - (RESCANS - 1) - 2


def test_neighbours_are_of_different_groups(rescanned):
    bank = load_embedded(rescanned.cases[:N_TRAIN], ("grey",), Grid(SIDE, margin=1), "")[0].bank
    groups = torch.arange(N_TRAIN).clamp(min=RESCANS - 1) - (RESCANS - 1)
    asked = bank.take(slice(4))
    every, _ = most_similar(asked, bank, N_TRAIN, candidates=N_TRAIN)
    for candidates in (6, N_TRAIN):
        similarity, index = most_similar(asked, bank, 6, groups=groups, candidates=candidates)
        assert (groups[index].sort(dim=1).values.diff(dim=1) > 0).all()
        torch.testing.assert_close(similarity[:, 0], every[:, 0])
    with pytest.raises(ValueError, match="at least k = 6 images to search, but got 5"):
        most_similar(asked, bank, 6, groups=torch.arange(N_TRAIN) % 5)
    own = torch.zeros(4, N_TRAIN, dtype=torch.bool)
    own[:, :RESCANS] = True
    assert not (most_similar(asked, bank, 6, groups=groups, exclude=own)[1] < RESCANS).any()


def test_training_images_of_hardly_anybody_leave_the_set_inconclusive(quick_audit, tmp_path, real, textures, fresh):
    rng = np.random.default_rng(7)
    scans = [textures[i % 5] + rng.normal(0, 3, (SIDE, SIDE)) for i in range(N_TRAIN)]
    cases = [plane(tmp_path / "real", f"p{i:03d}", scan, i % 2) for i, scan in enumerate(scans)]
    run = painted(tmp_path / "set", replace(real, cases=(*cases, *real.cases[N_TRAIN:])), fresh)
    verdict = verdict_of(quick_audit([run]))
    assert verdict["verdict"] == "INCONCLUSIVE"
    assert "no near-duplicates of each other, and got 5" in sentences(verdict)
